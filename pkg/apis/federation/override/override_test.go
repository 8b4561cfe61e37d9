// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func parse(t *testing.T, text string) []v1alpha1.Override {
	t.Helper()
	var overrides []v1alpha1.Override
	if err := yaml.UnmarshalStrict([]byte(text), &overrides); err != nil {
		t.Fatal(err)
	}
	return overrides
}

const manifest = `{"metadata":{},"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:1"},{"name":"log","image":"log:1"}]}}}}`

func TestApply(t *testing.T) {
	overrides := parse(t, `
- clusters: [east]
  jsonPatch: [{op: replace, path: /spec/template/spec/containers/0/image, value: "mirror/nginx:1"}]
- strategicMerge: {spec: {template: {spec: {containers: [{name: log, image: "log:2"}], priorityClassName: gold}}}}
- clusters: [east, west]
  jsonPatch: [{op: add, path: /metadata/labels, value: {here: both}}]
`)
	for cluster, want := range map[string]string{
		"east": `{"metadata":{"labels":{"here":"both"}},"spec":{"template":{"spec":{"containers":[{"image":"mirror/nginx:1","name":"web"},{"image":"log:2","name":"log"}],"priorityClassName":"gold"}}}}`,
		"west": `{"metadata":{"labels":{"here":"both"}},"spec":{"template":{"spec":{"containers":[{"image":"nginx:1","name":"web"},{"image":"log:2","name":"log"}],"priorityClassName":"gold"}}}}`,
		"eu":   `{"metadata":{},"spec":{"template":{"spec":{"containers":[{"image":"nginx:1","name":"web"},{"image":"log:2","name":"log"}],"priorityClassName":"gold"}}}}`,
	} {
		got, err := Apply(v1alpha1.PlacedKinds[0], []byte(manifest), cluster, overrides)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s:\n got %s\nwant %s", cluster, got, want)
		}
	}
}

func TestApplySaysWhatFails(t *testing.T) {
	_, err := Apply(v1alpha1.PlacedKinds[0], []byte(manifest), "east", parse(t, `[{jsonPatch: [{op: remove, path: /spec/paused}]}]`))
	if err == nil || !strings.Contains(err.Error(), "the policy's override for all clusters: jsonPatch") {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct{ overrides, want string }{
		"good": {overrides: `
- clusters: [east]
  jsonPatch:
  - {op: replace, path: /spec/template/spec/containers/0/image, value: "nginx:2"}
  - {op: add, path: /metadata/annotations/example.com~1zone, value: b}
  - {op: add, path: /spec/template/spec/tolerations/-, value: {key: gpu, operator: Exists}}
  - {op: test, path: /spec/replicas, value: 3}
- clusterSelector: {matchLabels: {tier: gold}}
  strategicMerge: {spec: {template: {spec: {containers: [{name: web, resources: {limits: {cpu: "2"}}}]}}}}
`},
		"nothing":          {`[{clusters: [east]}]`, "o[0]: Required value: a jsonPatch or a strategicMerge"},
		"unknown op":       {`[{jsonPatch: [{op: set, path: /spec/paused}]}]`, `o[0].jsonPatch[0].op: Unsupported value: "set"`},
		"no such field":    {`[{jsonPatch: [{op: add, path: /spec/template/spec/containrs/0, value: 1}]}]`, `"containrs" is not a field of /spec/template/spec`},
		"relative path":    {`[{jsonPatch: [{op: add, path: spec/paused, value: true}]}]`, "must begin with /"},
		"value of no fit":  {`[{jsonPatch: [{op: replace, path: /spec/paused, value: "yes"}]}]`, "does not fit /spec/paused"},
		"missing value":    {`[{jsonPatch: [{op: replace, path: /spec/paused}]}]`, "o[0].jsonPatch[0].value: Required value"},
		"replicas":         {`[{jsonPatch: [{op: replace, path: /spec/replicas, value: 3}]}]`, "o[0].jsonPatch[0].path: Forbidden: Drover divides the replicas"},
		"name":             {`[{jsonPatch: [{op: move, from: /metadata/name, path: /metadata/annotations/was}]}]`, "o[0].jsonPatch[0].from: Forbidden"},
		"all of spec":      {`[{jsonPatch: [{op: remove, path: /spec}]}]`, "would replace all of the workload"},
		"merge replicas":   {`[{strategicMerge: {spec: {replicas: 3}}}]`, "o[0].strategicMerge: Forbidden: spec.replicas: Drover divides the replicas"},
		"merge of unknown": {`[{strategicMerge: {spec: {templates: {}}}}]`, `unknown field "templates"`},
		"merge of a list":  {`[{strategicMerge: [1]}]`, "must be an object"},
		"bad selector":     {`[{clusterSelector: {matchLabels: {"a b": c}}, strategicMerge: {spec: {paused: true}}}]`, "o[0].clusterSelector.matchLabels"},

		"merge that replaces all of spec":  {`[{strategicMerge: {spec: {$patch: replace, paused: true}}}]`, "o[0].strategicMerge"},
		"merge that removes spec":          {`[{strategicMerge: {spec: null}}]`, "o[0].strategicMerge"},
		"merge that deletes spec":          {`[{strategicMerge: {spec: {$patch: delete}}}]`, "o[0].strategicMerge"},
		"merge that removes metadata":      {`[{strategicMerge: {metadata: null}}]`, "o[0].strategicMerge"},
		"merge that replaces metadata":     {`[{strategicMerge: {metadata: {$patch: replace, labels: {a: b}}}}]`, "o[0].strategicMerge"},
		"merge that replaces the workload": {`[{strategicMerge: {$patch: replace, spec: {paused: true}}}]`, "o[0].strategicMerge"},
		"merge that deletes the workload":  {`[{strategicMerge: {$patch: delete}}]`, "o[0].strategicMerge"},
		"merge that replaces a list":       {`[{strategicMerge: {spec: {template: {spec: {tolerations: [{$patch: replace}, {operator: Exists}]}}}}}]`, ""},
		"merge that deletes of a list":     {`[{strategicMerge: {spec: {template: {spec: {containers: [{name: log, $patch: delete}]}}}}}]`, ""},
		"merge that removes a field":       {`[{strategicMerge: {spec: {template: {spec: {nodeSelector: null}}}}}]`, ""},
		"of a StatefulSet":                 {`[{jsonPatch: [{op: add, path: /spec/volumeClaimTemplates/0/spec/storageClassName, value: fast}]}]`, ""},
		"of a CronJob":                     {`[{strategicMerge: {spec: {schedule: "@hourly", jobTemplate: {spec: {parallelism: 2}}}}}]`, ""},
		"each of another kind":             {`[{strategicMerge: {spec: {paused: true}}}, {strategicMerge: {spec: {podManagementPolicy: Parallel}}}]`, ""},
		"of two kinds at once":             {`[{strategicMerge: {spec: {paused: true, podManagementPolicy: Parallel}}}]`, `unknown field "podManagementPolicy"`},
		"nearest to a StatefulSet":         {`[{jsonPatch: [{op: add, path: /spec/podManagementPolicy, value: 1}]}]`, "does not fit /spec/podManagementPolicy"},
		"completions":                      {`[{jsonPatch: [{op: replace, path: /spec/completions, value: 1}]}]`, "Drover divides the completions"},
		"a cluster name that is none":      {`[{clusters: ["*"], strategicMerge: {spec: {paused: true}}}]`, "o[0].clusters[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(parse(t, test.overrides), field.NewPath("o")).ToAggregate()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
