// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// update writes the reference instead of checking it; hack/update-api-reference.sh sets it.
var update = flag.Bool("update", false, "write docs/reference/api.md")

const (
	reference      = "../../docs/reference/api.md"
	referenceIntro = `# The API

What is served, as the API server's discovery tells it: ` + "`hack/update-api-reference.sh`" + ` writes this page.

Objects of a native kind that the group ` + "`federation.drover.dev`" + ` has, too, are the same by either door: see
[Install behind a cluster](../tasks/install-behind-a-cluster.md). ` + "`kubectl explain`" + ` tells the fields of each kind.
`
)

// verbs are the columns of the reference.
var verbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// docs/reference/api.md is what discovery says.
func TestAPIReference(t *testing.T) {
	_, lists, err := api(t).kube.Discovery().ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(lists, func(a, b *metav1.APIResourceList) int { return strings.Compare(a.GroupVersion, b.GroupVersion) })
	want := referenceIntro
	for _, list := range lists {
		want += referenceOf(list)
	}
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got := must[[]byte](t)(os.ReadFile(reference))
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what is served; run hack/update-api-reference.sh (-want +got):\n%s", reference, diff)
	}
}

// referenceOf is the table of a group version, a row a kind.
func referenceOf(list *metav1.APIResourceList) string {
	subresources := map[string][]string{}
	for _, r := range list.APIResources {
		if resource, sub, ok := strings.Cut(r.Name, "/"); ok {
			subresources[resource] = append(subresources[resource], fmt.Sprintf("%s (%s)", sub, strings.Join(r.Verbs, ", ")))
		}
	}
	out := fmt.Sprintf("\n## %s\n\n| kind | resource | | %s | subresources |\n|---|---|---|%s---|\n", list.GroupVersion, strings.Join(verbs, " | "), strings.Repeat("---|", len(verbs)))
	for _, r := range list.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		scope := "cluster"
		if r.Namespaced {
			scope = "namespace"
		}
		name := "`" + r.Name + "`"
		if len(r.ShortNames) > 0 {
			name += " `" + strings.Join(r.ShortNames, "` `") + "`"
		}
		out += fmt.Sprintf("| %s | %s | %s |", r.Kind, name, scope)
		for _, verb := range verbs {
			mark := " "
			if slices.Contains(r.Verbs, verb) {
				mark = " ✓ "
			}
			out += mark + "|"
		}
		out += " " + strings.Join(subresources[r.Name], "<br>") + " |\n"
	}
	return out
}
