// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

const (
	deploymentHead = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec:\n"
	template       = "  selector: {matchLabels: {app: bad}}\n  template: {metadata: {labels: {app: bad}}, spec: {containers: [{name: web, image: web}]}}\n"
	policyHead     = "apiVersion: federation.drover.dev/v1alpha1\nkind: PlacementPolicy\nmetadata: {name: bad}\nspec:\n  selector: {matchLabels: {app: bad}}\n"
)

// What is wrong is refused with an error that says where, and nothing is stored.
func TestBadInputIsRefused(t *testing.T) {
	s := sharedSpace(t)
	for name, test := range map[string]struct {
		manifest string
		says     []string
		// applied is what server-side apply says, where its words are others.
		applied []string
	}{
		"unknown field":             {deploymentHead + "  replica: 3\n" + template, []string{`unknown field "spec.replica"`}, []string{".spec.replica: field not declared in schema"}},
		"unknown field in a policy": {policyHead + "  clusters: [{name: east, wieght: 3}]\n", []string{`unknown field "spec.clusters[0].wieght"`}, []string{"wieght: field not declared in schema"}},
		"selector matches not": {
			deploymentHead + "  selector: {matchLabels: {app: other}}\n  template: {metadata: {labels: {app: bad}}, spec: {containers: [{name: web, image: web}]}}\n",
			[]string{"spec.template.metadata.labels", "`selector` does not match template `labels`"},
			nil,
		},
		"no selector":                   {deploymentHead + "  template: {metadata: {labels: {app: bad}}, spec: {containers: [{name: web, image: web}]}}\n", []string{"spec.selector"}, nil},
		"negative replicas":             {deploymentHead + "  replicas: -1\n" + template, []string{"spec.replicas", "must be greater than or equal to 0"}, nil},
		"replicas in words":             {deploymentHead + "  replicas: three\n" + template, []string{"replicas"}, nil},
		"no containers":                 {deploymentHead + "  selector: {matchLabels: {app: bad}}\n  template: {metadata: {labels: {app: bad}}}\n", []string{"spec.template.spec.containers"}, nil},
		"negative weight":               {policyHead + "  clusters: [{name: east, weight: -1}]\n", []string{"spec.clusters[0].weight", "-1"}, nil},
		"weight too large":              {policyHead + "  clusters: [{name: east, weight: 2147483648}]\n", []string{"spec.clusters[0].weight"}, nil},
		"cluster named twice":           {policyHead + "  clusters: [{name: east, weight: 1}, {name: east, weight: 2}]\n", []string{"spec.clusters[1].name", "Duplicate"}, []string{`duplicate entries for key [name="east"]`}},
		"maximum below minimum":         {policyHead + "  clusters: [{name: east, minReplicas: 3, maxReplicas: 2}]\n", []string{"spec.clusters[0].maxReplicas"}, nil},
		"service without ports":         {"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {selector: {app: bad}}\n", []string{"spec.ports"}, nil},
		"bad name":                      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_}\n", []string{"metadata.name"}, nil},
		"bad name of a deployment":      {strings.Replace(deploymentHead, "name: bad", "name: Bad_", 1) + template, []string{"metadata.name"}, nil},
		"name of a deployment too long": {strings.Replace(deploymentHead, "name: bad", "name: "+strings.Repeat("a", 254), 1) + template, []string{"metadata.name"}, nil},
		"unserved kind":                 {"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: bad}\n", []string{"PersistentVolumeClaim"}, nil},
	} {
		for _, verb := range [][]string{{"create", "-f", "-"}, {"apply", "-f", "-"}, {"apply", "--server-side", "-f", "-"}} {
			t.Run(name+" "+strings.Join(verb[:len(verb)-2], " "), func(t *testing.T) {
				c := &space{T: t, federation: s.federation, name: s.name}
				says := test.says
				if slices.Contains(verb, "--server-side") && test.applied != nil {
					says = test.applied
				}
				c.wantContains(c.kubectlRefuses(test.manifest, verb...), says...)
			})
		}
	}
	if out := s.kubectl("get", "deployments,services,configmaps,placementpolicies,placements", "--ignore-not-found", "-o", "name"); out != "" {
		t.Errorf("something was stored:\n%s", out)
	}
}

// A field that is there twice is refused by the server; kubectl sends only the last.
func TestDuplicateFieldIsRefused(t *testing.T) {
	s := sharedSpace(t)
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},"data":{"a":"1"},"data":{"a":"2"}}`
	err := s.Kube.CoreV1().RESTClient().Post().AbsPath("/api/v1/namespaces/"+s.name+"/configmaps").Param("fieldValidation", "Strict").
		SetHeader("Content-Type", "application/json").Body([]byte(body)).Do(t.Context()).Error()
	if err == nil || !strings.Contains(err.Error(), `duplicate field "data"`) {
		t.Errorf("got %v, want it to say that data is there twice", err)
	}
}

// A change that is wrong is refused as well, and what is there stays as it is.
func TestBadChangeIsRefused(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 2, map[string]int64{"east": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 2})
	before := s.kubectl("get", "deployment/web", "placementpolicy/web", "-o", "jsonpath={.items[*].metadata.generation}")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"scale", "deployment", "web", "--replicas", "-1"}, "replicas"},
		{[]string{"patch", "deployment", "web", "-p", `{"spec":{"replicas":-1}}`}, "spec.replicas"},
		{[]string{"patch", "deployment", "web", "-p", `{"spec":{"selector":{"matchLabels":{"app":"other"}}}}`}, "spec"},
		{[]string{"patch", "deployment", "web", "--type", "merge", "-p", `{"spec":{"template":{"metadata":{"labels":{"app":"other"}}}}}`}, "selector"},
		{[]string{"patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":-1}]}}`}, "spec.clusters[0].weight"},
		{[]string{"patch", "placementpolicy", "web", "--type", "merge", "-p", `{"spec":{"clusters":[{"name":"east"},{"name":"east"}]}}`}, "Duplicate"},
	} {
		s.wantContains(s.kubectlFails(test.args...), test.says)
	}
	if after := s.kubectl("get", "deployment/web", "placementpolicy/web", "-o", "jsonpath={.items[*].metadata.generation}"); after != before {
		t.Errorf("generations were %s and are %s", before, after)
	}
	s.eventuallyRuns("web", map[string]int32{"east": 2})
}
