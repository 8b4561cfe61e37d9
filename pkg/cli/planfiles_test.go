// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	discoveryfake "k8s.io/client-go/discovery/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// planning is plan -f on manifests, the first on standard input and the others in files.
func planning(t *testing.T, w *world, manifests ...string) *planFiles {
	t.Helper()
	o := NewPlanOptions(w.streams(), &FederationOptions{})
	for i, manifest := range manifests {
		if i == 0 {
			o.In, o.Files = strings.NewReader(manifest), []string{"-"}
			continue
		}
		name := filepath.Join(t.TempDir(), "manifest.yaml")
		if err := os.WriteFile(name, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		o.Files = append(o.Files, name)
	}
	return &planFiles{PlanOptions: o, federation: w.connectFederation()}
}

func manifestOf(kind, namespace, name string) string {
	apiVersion := map[string]string{"Deployment": "apps/v1", "PlacementPolicy": "federation.drover.dev/v1alpha1"}[kind]
	return fmt.Sprintf("apiVersion: %q\nkind: %s\nmetadata: {name: %s, namespace: %q}\n", apiVersion, kind, name, namespace)
}

// answering answers reviews from a table of Deployments; others are errors.
func (w *world) answering(answers map[string]v1alpha1.PlacementReviewStatus) {
	w.drover.PrependReactor("create", "placementreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*v1alpha1.PlacementReview).DeepCopy()
		var known bool
		if review.Status, known = answers[review.Name]; !known {
			return true, nil, forbidden("placementreviews", review.Name)
		}
		return true, review, nil
	})
}

// One review a Deployment, with the policies of its namespace.
func TestPlanFilesReviews(t *testing.T) {
	w := newWorld()
	p := planning(
		t, w,
		"---\n"+manifestOf("Deployment", "", "web")+"---\n# nothing but a comment\n---\n"+manifestOf("PlacementPolicy", "shop", "all")+"---\n"+manifestOf("Service", "shop", "web"),
		manifestOf("Deployment", "other", "api"),
		`{"kind": "Deployment", "metadata": {"name": "json", "namespace": "shop"}}`,
		manifestOf("PlacementPolicy", "", "gold")+"---\n"+manifestOf("PlacementPolicy", "third", "unused"),
	)
	p.Namespace = "shop"
	reviews, err := p.reviews()
	if err != nil {
		t.Fatal(err)
	}
	named := func(raw []byte) string {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(raw, &o.Object); err != nil {
			t.Fatal(err)
		}
		return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
	}
	var got []string
	for _, review := range reviews {
		line := review.Namespace + "/" + review.Name + ": " + named(review.Spec.Workload.Raw)
		for _, policy := range review.Spec.Policies {
			line += ", " + named(policy.Raw)
		}
		got = append(got, line)
	}
	want := []string{
		"shop/web: Deployment shop/web, PlacementPolicy shop/all, PlacementPolicy shop/gold",
		"other/api: Deployment other/api",
		"shop/json: Deployment shop/json, PlacementPolicy shop/all, PlacementPolicy shop/gold",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reviews (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("Service web is left out: policies do not place its kind, and it follows what they do\n", w.out.String()); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

func TestPlanFilesPrintsTables(t *testing.T) {
	w := newWorld()
	w.answering(map[string]v1alpha1.PlacementReviewStatus{
		"web": {
			Placement: v1alpha1.PlacementSpec{Policy: "gold", Replicas: ptr.To[int32](9), Unplaced: 2, Problem: "Unplaced", ProblemMessage: "2 of 9 replicas fit on no cluster"},
			Changes: []v1alpha1.PlacementChange{
				{Cluster: "east", Now: 10, Then: 7, Reason: "maximum 7 reached"}, {Cluster: "europe-west", Reason: "not ready yet"},
			},
		},
		"api": {Placement: v1alpha1.PlacementSpec{Omissions: []v1alpha1.PlacementOmission{{Code: "VolumesNotMoved", Message: "volumes stay"}}}, Changes: []v1alpha1.PlacementChange{{Cluster: "east", Now: 2, ThenWhole: true, Reason: "runs all of it"}}},
	})
	if err := planning(t, w, manifestOf("Deployment", "shop", "web"), manifestOf("StatefulSet", "", "api")).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `deployment/web in shop: 9 replicas, policy gold
CLUSTER       NOW   THEN   WHY
east          10    7      maximum 7 reached
europe-west   0     0      not ready yet
2 replicas would be on no cluster
Unplaced: 2 of 9 replicas fit on no cluster

statefulset/api in default: all of it in each cluster, no policy
CLUSTER   NOW   THEN   WHY
east      2     all    runs all of it
VolumesNotMoved: volumes stay
`
	if diff := cmp.Diff(want, w.out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

// One answer is an object, several are a list, whatever the format.
func TestPlanFilesPrintsData(t *testing.T) {
	changes := []v1alpha1.PlacementChange{{Cluster: "east", Now: 1, Then: 2, Code: "Share", Reason: "weight 1 of 1"}}
	status := v1alpha1.PlacementReviewStatus{
		Placement: v1alpha1.PlacementSpec{Workload: v1alpha1.WorkloadReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, Replicas: ptr.To[int32](2)}, Changes: changes,
	}
	type answer struct {
		Workload  v1alpha1.WorkloadReference `json:"workload"`
		Namespace string                     `json:"namespace"`
		Placement v1alpha1.PlacementSpec     `json:"placement"`
		Changes   []v1alpha1.PlacementChange `json:"changes"`
	}
	one := answer{Workload: status.Placement.Workload, Namespace: "default", Placement: status.Placement, Changes: changes}
	for _, format := range []string{"json", "yaml"} {
		t.Run(format, func(t *testing.T) {
			run := func(into any, manifests ...string) {
				t.Helper()
				w := newWorld()
				w.answering(map[string]v1alpha1.PlacementReviewStatus{"web": status})
				p := planning(t, w, manifests...)
				p.Output = format
				if err := p.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if isJSON := strings.HasPrefix(w.out.String(), "{") || strings.HasPrefix(w.out.String(), "["); isJSON != (format == "json") {
					t.Errorf("printed\n%s", w.out.String())
				}
				if err := yaml.UnmarshalStrict(w.out.Bytes(), into); err != nil {
					t.Fatal(err)
				}
			}
			var got answer
			run(&got, manifestOf("Deployment", "", "web"))
			if diff := cmp.Diff(one, got); diff != "" {
				t.Errorf("one (-want +got):\n%s", diff)
			}
			var list []answer
			run(&list, manifestOf("Deployment", "", "web"), manifestOf("Deployment", "", "web"))
			if diff := cmp.Diff([]answer{one, one}, list); diff != "" {
				t.Errorf("two (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be planned says why, and prints nothing that could be taken for a plan.
func TestPlanFilesRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		manifests []string
		change    func(*planFiles)
		want      []string
	}{
		"no Deployment": {[]string{manifestOf("PlacementPolicy", "", "gold")}, nil, []string{"no workload in the files", "--dry-run=server"}},
		"nothing":       {[]string{""}, nil, []string{"no workload in the files"}},
		"no YAML":       {[]string{"kind: [Deployment"}, nil, []string{"-f -: "}},
		"a text":        {[]string{"Deployment"}, nil, []string{"-f -: "}},
		"no such file":  {[]string{""}, func(p *planFiles) { p.Files = []string{"/does/not/exist.yaml"} }, []string{"-f: ", "no such file"}},
		"not allowed":   {[]string{manifestOf("Deployment", "", "secret")}, nil, []string{"review where deployment secret would be placed", "forbidden"}},
		"no federation": {[]string{manifestOf("Deployment", "", "web")}, func(p *planFiles) {
			p.federation.drover.Discovery().(*discoveryfake.FakeDiscovery).Resources = []*metav1.APIResourceList{}
		}, []string{"is not a Drover federation"}},
		"one of two only": {[]string{manifestOf("Deployment", "", "web"), manifestOf("Deployment", "", "secret")}, nil, []string{"deployment secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.answering(map[string]v1alpha1.PlacementReviewStatus{"web": {}})
			p := planning(t, w, test.manifests...)
			if test.change != nil {
				test.change(p)
			}
			wantError(t, p.run(t.Context()), test.want...)
			if w.out.Len() > 0 {
				t.Errorf("printed %q", w.out.String())
			}
		})
	}
}
