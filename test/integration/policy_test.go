// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	typed "drover.dev/drover/pkg/generated/clientset/versioned/typed/federation/v1alpha1"
)

// warned keeps the warnings that a client is given.
type warned struct {
	mu    sync.Mutex
	texts []string
}

func (w *warned) HandleWarningHeader(code int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code == 299 {
		w.texts = append(w.texts, text)
	}
}

// take returns the warnings since it was last called.
func (w *warned) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.texts = nil }()
	return w.texts
}

// policiesWithWarnings is a client of the policies of a namespace, and the warnings it is given.
func (f *federation) policiesWithWarnings(t *testing.T, namespace string) (typed.PlacementPolicyInterface, *warned) {
	t.Helper()
	w := &warned{}
	config := rest.CopyConfig(f.config)
	config.WarningHandler = w
	client := must[*versioned.Clientset](t)(versioned.NewForConfig(config))
	return client.FederationV1alpha1().PlacementPolicies(namespace), w
}

// A dry run of a policy says what would move, as warnings that kubectl shows, and moves nothing.
func TestPolicyDryRunWarns(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	for _, cluster := range []string{"east", "west", "eu"} {
		f.join(t, cluster, nil)
	}
	f.joined(t, namespace, "east", "west", "eu")
	policies, told := f.policiesWithWarnings(t, namespace)
	must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, policyFor("web", weight("east", 1), weight("west", 1)), metav1.CreateOptions{}))
	for name, replicas := range map[string]int32{"web": 4, "db": 3} {
		must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Create(ctx, deployment(name, replicas), metav1.CreateOptions{}))
	}
	f.placed(t, namespace, "deployment-web", "east=2 west=2")
	f.placed(t, namespace, "deployment-db", "east=1 eu=1 west=1")
	if texts := told.take(); len(texts) > 0 {
		t.Errorf("what is done is warned of: %q", texts)
	}
	before := f.stored(t, namespace)

	dryRun := []string{metav1.DryRunAll}
	patch := func(kind types.PatchType, text string) func() error {
		return func() error {
			_, err := policies.Patch(ctx, "web", kind, []byte(text), metav1.PatchOptions{DryRun: dryRun})
			return err
		}
	}
	create := func(p *v1alpha1.PlacementPolicy) func() error {
		return func() error {
			_, err := policies.Create(ctx, p, metav1.CreateOptions{DryRun: dryRun})
			return err
		}
	}
	everything := policyFor("all", weight("eu", 1))
	everything.Spec.Selector, everything.Spec.Priority = metav1.LabelSelector{}, 1
	for _, tt := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"a weight", patch(types.StrategicMergePatchType, `{"spec": {"clusters": [{"name": "east", "weight": 3}]}}`), []string{"deployment/web: east 2 → 3, west 2 → 1"}},
		{"drained, by another kind of patch", patch(types.MergePatchType, `{"spec": {"clusters": [{"name": "eu"}]}}`), []string{"deployment/web: east 2 → 0, eu 0 → 4, west 2 → 0"}},
		{"a selector that selects it no more", patch(types.MergePatchType, `{"spec": {"selector": {"matchLabels": {"app": "other"}}, "priority": 7}}`), nil}, // what moves is decided by a hash
		{"nobody may take it", patch(types.MergePatchType, `{"spec": {"clusters": [{"name": "asia"}]}}`), []string{"deployment/web: no cluster may take the workload: east: not among the clusters of policy web; eu: not among the clusters of policy web; west: not among the clusters of policy web"}},
		{"the same", patch(types.MergePatchType, `{"spec": {"priority": 0}}`), []string{}},
		{"a label", patch(types.MergePatchType, `{"metadata": {"labels": {"a": "b"}}}`), []string{}},
		{"what moves nothing", patch(types.MergePatchType, `{"spec": {"priority": 3}}`), []string{}},
		{"another policy", create(everything), []string{"deployment/db: east 1 → 0, eu 1 → 3, west 1 → 0", "deployment/web: east 2 → 0, eu 0 → 4, west 2 → 0"}},
		{"another policy that selects nothing", create(policyFor("nothing", weight("eu", 1))), []string{}},
		{"an update", func() error {
			p := must[*v1alpha1.PlacementPolicy](t)(policies.Get(ctx, "web", metav1.GetOptions{}))
			p.Spec.Clusters[0].MaxReplicas = ptr.To[int32](1)
			_, err := policies.Update(ctx, p, metav1.UpdateOptions{DryRun: dryRun})
			return err
		}, []string{"deployment/web: east 2 → 1, west 2 → 3"}},
		{"applied", func() error {
			_, err := policies.Patch(ctx, "new", types.ApplyPatchType, []byte(`{"apiVersion": "federation.drover.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "new"}, "spec": {"selector": {"matchLabels": {"app": "db"}}, "clusters": [{"name": "eu"}]}}`), metav1.PatchOptions{DryRun: dryRun, FieldManager: "test"})
			return err
		}, []string{"deployment/db: east 1 → 0, eu 1 → 3, west 1 → 0"}},
		{"not allowed", func() error {
			if err := patch(types.MergePatchType, `{"spec": {"priority": "x"}}`)(); err == nil {
				t.Error("it is")
			}
			return nil
		}, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told.take()
			if err := tt.do(); err != nil {
				t.Fatal(err)
			}
			// The probe has no replicas that could move.
			texts := slices.DeleteFunc(told.take(), func(text string) bool { return strings.HasPrefix(text, "deployment/probe: no cluster") })
			if tt.want == nil {
				if len(texts) != 1 || !strings.HasPrefix(texts[0], "deployment/web: ") {
					t.Errorf("warned of %q", texts)
				}
			} else if diff := cmp.Diff(tt.want, append([]string{}, texts...)); diff != "" {
				t.Errorf("warned (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(before, f.stored(t, namespace)); diff != "" {
		t.Errorf("something was changed (-before +after):\n%s", diff)
	}
	must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.StrategicMergePatchType, []byte(`{"spec": {"clusters": [{"name": "east", "weight": 3}]}}`), metav1.PatchOptions{}))
	f.placed(t, namespace, "deployment-web", "east=3 west=1")
	if texts := told.take(); len(texts) > 0 {
		t.Errorf("what is done is warned of: %q", texts)
	}

	// What changes no spec is no change, by which a cluster that has joined would draw replicas.
	changed := must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"clusters": [{"name": "*"}]}}`), metav1.PatchOptions{}))
	f.decidedOn(t, namespace, "deployment-web", changed.Generation)
	f.joinLate(t, namespace, "asia")
	for name, text := range map[string]string{"a label": `{"metadata": {"labels": {"a": "b"}}}`, "nothing": `{}`} {
		if err := patch(types.MergePatchType, text)(); err != nil {
			t.Fatal(err)
		}
		if texts := told.take(); len(texts) > 0 {
			t.Errorf("%s would change nothing, and is warned of: %q", name, texts)
		}
	}
}

// The lists of a policy are merged by what names their items, with every patch that says so.
func TestPolicyListsAreMerged(t *testing.T) {
	f, ctx := api(t), t.Context()
	policies := f.own.FederationV1alpha1().PlacementPolicies(f.namespace(t))
	base := func(t *testing.T) *v1alpha1.PlacementPolicy {
		p := policy(strings.ToLower(strings.ReplaceAll(t.Name()[strings.LastIndex(t.Name(), "/")+1:], "_", "-")), weight("east", 1), weight("west", 2))
		p.Spec.Spread = []v1alpha1.Spread{{Topology: "region", MinDomains: 2}, {Topology: "zone", MinDomains: 3}}
		p.Spec.WorkloadAffinity = []v1alpha1.WorkloadAffinity{{Workload: v1alpha1.AffineWorkload{Name: "db"}}}
		p.Spec.Overrides = []v1alpha1.Override{{Clusters: []string{"east"}, StrategicMerge: &v1alpha1.JSON{Raw: []byte(`{"spec":{"paused":true}}`)}}}
		return p
	}
	for _, tt := range []struct {
		name, patch string
		change      func(*v1alpha1.PlacementPolicySpec)
	}{
		{"one weight", `{"spec": {"clusters": [{"name": "west", "weight": 0}]}}`, func(s *v1alpha1.PlacementPolicySpec) { s.Clusters[1].Weight = ptr.To[int64](0) }},
		{"one domain", `{"spec": {"spread": [{"topology": "zone", "minDomains": 1}]}}`, func(s *v1alpha1.PlacementPolicySpec) { s.Spread[1].MinDomains = 1 }},
		{"one deleted", `{"spec": {"spread": [{"topology": "region", "$patch": "delete"}], "clusters": [{"name": "east", "$patch": "delete"}]}}`, func(s *v1alpha1.PlacementPolicySpec) {
			s.Spread, s.Clusters = s.Spread[1:], s.Clusters[1:]
		}},
		{"atomic lists", `{"spec": {"workloadAffinity": [{"workload": {"name": "api"}, "topology": "zone"}], "overrides": []}}`, func(s *v1alpha1.PlacementPolicySpec) {
			s.WorkloadAffinity[0].Workload.Name, s.WorkloadAffinity[0].Topology = "api", "zone"
			s.Overrides = nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			created := must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, base(t), metav1.CreateOptions{}))
			got := must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, created.Name, types.StrategicMergePatchType, []byte(tt.patch), metav1.PatchOptions{}))
			tt.change(&created.Spec)
			if len(got.Spec.Overrides) == 0 {
				got.Spec.Overrides = nil
			}
			if diff := cmp.Diff(created.Spec, got.Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if got.Generation != 2 {
				t.Errorf("generation %d", got.Generation)
			}
		})
	}

	apply := func(t *testing.T, manager, name, spec string) *v1alpha1.PlacementPolicy {
		t.Helper()
		data := `{"apiVersion": "federation.drover.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "` + name + `"}, "spec": ` + spec + `}`
		return must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, name, types.ApplyPatchType, []byte(data), metav1.PatchOptions{FieldManager: manager}))
	}
	t.Run("applied by two", func(t *testing.T) {
		apply(t, "weights", "applied", `{"clusters": [{"name": "east", "weight": 1}], "spread": [{"topology": "region", "minDomains": 2}]}`)
		got := apply(t, "more", "applied", `{"clusters": [{"name": "west", "weight": 2}], "spread": [{"topology": "zone", "minDomains": 3}]}`)
		want := base(t).Spec
		if diff := cmp.Diff([]any{want.Clusters, want.Spread}, []any{got.Spec.Clusters, got.Spec.Spread}); diff != "" {
			t.Errorf("lists (-want +got):\n%s", diff)
		}
		got = apply(t, "more", "applied", `{}`)
		if diff := cmp.Diff([]any{want.Clusters[:1], want.Spread[:1]}, []any{got.Spec.Clusters, got.Spec.Spread}); diff != "" {
			t.Errorf("when one of them lets go (-want +got):\n%s", diff)
		}
	})
	t.Run("applied twice is the same", func(t *testing.T) {
		const spec = `{"clusters": [{"name": "east"}], "workloadAffinity": [{"workload": {"name": "db"}}], "spread": [{"topology": "example.com/rack", "minDomains": 2}],
			"clusterAffinity": {"preferred": [{"weight": 50, "selector": {"matchLabels": {"a": "b"}}}]},
			"overrides": [{"clusters": ["east"], "jsonPatch": [{"op": "add", "path": "/metadata/annotations/a", "value": "b"}], "strategicMerge": {"spec": {"paused": true}}}]}`
		first := apply(t, "test", "twice", spec)
		if second := apply(t, "test", "twice", spec); second.ResourceVersion != first.ResourceVersion {
			t.Errorf("it was written again:\n%s", cmp.Diff(first, second))
		}
	})
}

// A policy bears the name of the user who changed its spec last, whatever the client says.
func TestPolicyIsSigned(t *testing.T) {
	f, ctx := startFor(t, noControllers), t.Context()
	namespace := f.namespace(t)
	as := func(user string) typed.PlacementPolicyInterface {
		return must[*versioned.Clientset](t)(versioned.NewForConfig(f.as(t, user, "system:masters"))).FederationV1alpha1().PlacementPolicies(namespace)
	}
	policy := policyFor("web", weight("east", 1))
	policy.Annotations = map[string]string{v1alpha1.AnnotationChangedBy: "mallory"}
	policy = must[*v1alpha1.PlacementPolicy](t)(as("alice").Create(ctx, policy, metav1.CreateOptions{}))
	for _, step := range []struct{ by, patch, want string }{
		{"bob", `{"metadata":{"labels":{"a":"b"},"annotations":{"federation.drover.dev/changed-by":"mallory"}}}`, "alice"},
		{"bob", `{"spec":{"priority":7},"metadata":{"annotations":{"federation.drover.dev/changed-by":"mallory"}}}`, "bob"},
		{"carol", `{"spec":{"priority":7}}`, "bob"},
	} {
		policy = must[*v1alpha1.PlacementPolicy](t)(as(step.by).Patch(ctx, policy.Name, types.MergePatchType, []byte(step.patch), metav1.PatchOptions{}))
		if got := policy.Annotations[v1alpha1.AnnotationChangedBy]; got != step.want {
			t.Errorf("after %s patched %s: changed by %q, want %q", step.by, step.patch, got, step.want)
		}
	}
}
