// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// manifest is an object as somebody has it in a file.
func manifest(t *testing.T, obj any) v1alpha1.JSON {
	t.Helper()
	switch o := obj.(type) {
	case *appsv1.Deployment:
		o.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	case *v1alpha1.PlacementPolicy:
		o.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "PlacementPolicy"}
	}
	return v1alpha1.JSON{Raw: must[[]byte](t)(json.Marshal(obj))}
}

// review asks where a Deployment would be placed, with policies as they would be.
func (f *federation) review(t *testing.T, namespace string, d *appsv1.Deployment, policies ...*v1alpha1.PlacementPolicy) v1alpha1.PlacementReviewStatus {
	t.Helper()
	question := &v1alpha1.PlacementReview{Spec: v1alpha1.PlacementReviewSpec{Workload: manifest(t, d)}}
	for _, p := range policies {
		question.Spec.Policies = append(question.Spec.Policies, manifest(t, p))
	}
	answer := must[*v1alpha1.PlacementReview](t)(f.own.FederationV1alpha1().PlacementReviews(namespace).Create(t.Context(), question, metav1.CreateOptions{}))
	if answer.Namespace != namespace || string(answer.Spec.Workload.Raw) == "" {
		t.Errorf("the answer is of namespace %q, to the question %s", answer.Namespace, answer.Spec.Workload.Raw)
	}
	return answer.Status
}

// changes are the clusters with replicas before or after: "east 2>0 west 2>4".
func changes(answer v1alpha1.PlacementReviewStatus) string {
	var out []string
	for _, c := range answer.Changes {
		if c.Now != 0 || c.Then != 0 {
			out = append(out, fmt.Sprintf("%s %d>%d", c.Cluster, c.Now, c.Then))
		}
		if c.Code == "" || c.Reason == "" {
			out = append(out, c.Cluster+" for no reason")
		}
	}
	return strings.Join(out, " ")
}

// stored are the names and versions of what a review is about.
func (f *federation) stored(t *testing.T, namespace string) (out []string) {
	t.Helper()
	for _, d := range must[*appsv1.DeploymentList](t)(f.kube.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})).Items {
		out = append(out, "deployment "+d.Name+" "+d.ResourceVersion)
	}
	for _, p := range must[*v1alpha1.PlacementPolicyList](t)(f.own.FederationV1alpha1().PlacementPolicies(namespace).List(t.Context(), metav1.ListOptions{})).Items {
		out = append(out, "policy "+p.Name+" "+p.ResourceVersion)
	}
	for _, p := range must[*v1alpha1.PlacementList](t)(f.own.FederationV1alpha1().Placements(namespace).List(t.Context(), metav1.ListOptions{})).Items {
		out = append(out, "placement "+p.Name+" "+p.ResourceVersion)
	}
	return out
}

// policyFor is policy for the app of that name.
func policyFor(app string, clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
	p := policy(app, clusters...)
	p.Spec.Selector.MatchLabels = map[string]string{"app": app}
	return p
}

// A review answers what the scheduler would decide, of what is stored and of what is not, and leaves all as it is.
func TestPlacementReview(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	for _, cluster := range []string{"east", "west", "eu"} {
		f.join(t, cluster, map[string]string{"continent": map[string]string{"eu": "europe"}[cluster]})
	}
	f.joined(t, namespace, "east", "west", "eu")
	deployments, policies := f.kube.AppsV1().Deployments(namespace), f.own.FederationV1alpha1().PlacementPolicies(namespace)
	two := []v1alpha1.ClusterWeight{weight("east", 1), weight("west", 1)}
	must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, policyFor("web", two...), metav1.CreateOptions{}))
	must[*appsv1.Deployment](t)(deployments.Create(ctx, deployment("web", 4), metav1.CreateOptions{}))
	f.placed(t, namespace, "deployment-web", "east=2 west=2")
	before := f.stored(t, namespace)

	follows := policyFor("new")
	follows.Spec.WorkloadAffinity = []v1alpha1.WorkloadAffinity{{Workload: v1alpha1.AffineWorkload{Name: "web"}, Required: true}}
	apart := policyFor("new")
	apart.Spec.WorkloadAffinity = []v1alpha1.WorkloadAffinity{{Workload: v1alpha1.AffineWorkload{Name: "web"}, Required: true, Weight: ptr.To[int32](-100)}}
	spread := policyFor("new", weight("east", 99), weight("eu", 1))
	spread.Spec.Spread = []v1alpha1.Spread{{Topology: "cluster", MinDomains: 2}}
	likes := policyFor("new")
	likes.Spec.ClusterAffinity = &v1alpha1.ClusterAffinity{Preferred: []v1alpha1.PreferredClusters{{Weight: 100, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"continent": "europe"}}}}}
	rival := policyFor("rival", weight("eu", 1))
	rival.Spec.Selector, rival.Spec.Priority = metav1.LabelSelector{}, 1
	for _, tt := range []struct {
		name       string
		deployment *appsv1.Deployment
		policies   []*v1alpha1.PlacementPolicy
		want       string
		policy     string
		generation int64
		problem    string
	}{
		{"new", deployment("new", 3), nil, "east 0>1 eu 0>1 west 0>1", "", 1, ""},
		{"new, and scaled to nothing", deployment("new", 0), nil, "", "", 1, ""},
		{"new, and a policy for it", deployment("new", 4), []*v1alpha1.PlacementPolicy{policyFor("new", weight("east", 3), weight("eu", 1))}, "east 0>3 eu 0>1", "new", 1, ""},
		{"new, and a policy that is not for it", deployment("new", 3), []*v1alpha1.PlacementPolicy{policyFor("other", weight("east", 3))}, "east 0>1 eu 0>1 west 0>1", "", 1, ""},
		{"new, and it follows", deployment("new", 4), []*v1alpha1.PlacementPolicy{follows}, "east 0>2 west 0>2", "new", 1, ""},
		{"new, and it keeps apart", deployment("new", 4), []*v1alpha1.PlacementPolicy{apart}, "eu 0>4", "new", 1, ""},
		{"new, and it is spread", deployment("new", 4), []*v1alpha1.PlacementPolicy{spread}, "east 0>3 eu 0>1", "new", 1, ""},
		{"new, and it prefers", deployment("new", 4), []*v1alpha1.PlacementPolicy{likes}, "east 0>1 eu 0>2 west 0>1", "new", 1, ""},
		{"new, and nobody may take it", deployment("new", 4), []*v1alpha1.PlacementPolicy{policyFor("new", weight("asia", 3))}, "", "new", 1, "NoClusters"},
		{"as it is", deployment("web", 4), nil, "east 2>2 west 2>2", "web", 1, ""},
		{"scaled", deployment("web", 6), nil, "east 2>3 west 2>3", "web", 2, ""},
		{"another weight", deployment("web", 4), []*v1alpha1.PlacementPolicy{policyFor("web", weight("east", 3), weight("west", 1))}, "east 2>3 west 2>1", "web", 1, ""},
		{"drained, and another cluster", deployment("web", 4), []*v1alpha1.PlacementPolicy{policyFor("web", weight("east", 0), weight("west", 1), weight("eu", 1))}, "east 2>0 eu 0>2 west 2>2", "web", 1, ""},
		{"another policy of higher priority", deployment("web", 4), []*v1alpha1.PlacementPolicy{rival}, "east 2>0 eu 0>4 west 2>0", "rival", 1, ""},
		{"another policy of the same name and another selector", deployment("web", 3), []*v1alpha1.PlacementPolicy{func() *v1alpha1.PlacementPolicy {
			p := policyFor("other")
			p.Name = "web"
			return p
		}()}, "east 2>1 eu 0>1 west 2>1", "", 2, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.review(t, namespace, tt.deployment, tt.policies...)
			if diff := cmp.Diff(tt.want, changes(got)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			p := got.Placement
			if p.Policy != tt.policy || p.WorkloadGeneration != tt.generation || p.Problem != tt.problem || p.Workload.Kind != "Deployment" || p.Workload.Name != tt.deployment.Name {
				t.Errorf("decided on %+v; want policy %q, generation %d, problem %q", p, tt.policy, tt.generation, tt.problem)
			}
			if len(got.Changes) != 3 {
				t.Errorf("%d clusters are accounted for: %+v", len(got.Changes), got.Changes)
			}
		})
	}

	// What is written as it is already changes nothing, and so moves nothing: as the scheduler has it, a cluster that
	// joins draws nothing before a change.
	changed := must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"clusters": [{"name": "*"}]}}`), metav1.PatchOptions{}))
	f.decidedOn(t, namespace, "deployment-web", changed.Generation)
	f.joinLate(t, namespace, "asia")
	as := policyFor("web", v1alpha1.ClusterWeight{Name: "*"})
	now := must[*v1alpha1.Placement](t)(f.own.FederationV1alpha1().Placements(namespace).Get(ctx, "deployment-web", metav1.GetOptions{}))
	for name, given := range map[string][]*v1alpha1.PlacementPolicy{"the Deployment": nil, "the Deployment and the policy": {as}} {
		got := f.review(t, namespace, deployment("web", 4), given...)
		if diff := cmp.Diff(now.Spec.Clusters, got.Placement.Clusters, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Reason" || p.Last().String() == ".Code" }, cmp.Ignore())); diff != "" {
			t.Errorf("%s as they are stored would be moved (-now +then):\n%s", name, diff)
		}
	}
	must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"clusters": [{"name": "east"}, {"name": "west"}]}}`), metav1.PatchOptions{}))
	f.placed(t, namespace, "deployment-web", "east=2 west=2")
	if after := f.stored(t, namespace); len(after) != len(before) {
		t.Errorf("something is stored (-before +after):\n%s", cmp.Diff(before, after))
	}
}

// A review of a workload that is stored needs its name only, and can leave out clusters.
func TestPlacementReviewWithout(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	for _, cluster := range []string{"east", "west"} {
		f.join(t, cluster, nil)
	}
	f.joined(t, namespace, "east", "west")
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Create(ctx, deployment("web", 4), metav1.CreateOptions{}))
	f.placed(t, namespace, "deployment-web", "east=2 west=2")
	for name, tt := range map[string]struct {
		without          []string
		changes, problem string
	}{
		"none":    {nil, "east 2>2 west 2>2", ""},
		"one":     {[]string{"east"}, "east 2>0 west 2>4", ""},
		"all":     {[]string{"west", "east"}, "east 2>0 west 2>0", "NoClusters"},
		"unknown": {[]string{"nowhere"}, "east 2>2 west 2>2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			question := &v1alpha1.PlacementReview{Spec: v1alpha1.PlacementReviewSpec{
				Workload: v1alpha1.JSON{Raw: []byte(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}`)}, Without: tt.without,
			}}
			answer := must[*v1alpha1.PlacementReview](t)(f.own.FederationV1alpha1().PlacementReviews(namespace).Create(ctx, question, metav1.CreateOptions{}))
			if got := changes(answer.Status); got != tt.changes || answer.Status.Placement.Problem != tt.problem {
				t.Errorf("got %s, problem %q; want %s, problem %q", got, answer.Status.Placement.Problem, tt.changes, tt.problem)
			}
		})
	}
	for says, raw := range map[string]string{
		`spec.workload.metadata.name: Not found: "other"`: `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "other"}}`,
		"spec.workload.metadata.name: Required":           `{"apiVersion": "apps/v1", "kind": "Deployment"}`,
	} {
		question := &v1alpha1.PlacementReview{Spec: v1alpha1.PlacementReviewSpec{Workload: v1alpha1.JSON{Raw: []byte(raw)}}}
		_, err := f.own.FederationV1alpha1().PlacementReviews(namespace).Create(ctx, question, metav1.CreateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", raw, err, says)
		}
	}
}

// decidedOn waits until a Placement is decided on a generation of its policy.
func (f *federation) decidedOn(t *testing.T, namespace, name string, generation int64) {
	t.Helper()
	eventually(t, name+" is decided on the policy as it is", func() string {
		p, err := f.own.FederationV1alpha1().Placements(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if p.Spec.PolicyGeneration != generation {
			return fmt.Sprintf("it is decided on generation %d, not %d", p.Spec.PolicyGeneration, generation)
		}
		return ""
	})
}

// joinLate is join while there are workloads; it waits until reviews, which read a cache, know that the cluster is ready.
func (f *federation) joinLate(t *testing.T, namespace, name string) {
	t.Helper()
	f.join(t, name, nil)
	eventually(t, "a review knows cluster "+name, func() string {
		answer := f.review(t, namespace, deployment("probe", 0))
		for _, c := range answer.Changes {
			if c.Cluster == name && c.Code == "NoReplicas" {
				return ""
			}
		}
		return fmt.Sprintf("it says %+v", answer.Changes)
	})
}

// A bad question gets an error that says where it is bad.
func TestBadPlacementReview(t *testing.T) {
	f := api(t)
	namespace := f.namespace(t)
	const spec = `"spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}}`
	workload := func(metadata, spec string) string {
		return `{"spec": {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": ` + metadata + `, ` + spec + `}}}`
	}
	with := func(policies string) string {
		return strings.TrimSuffix(workload(`{"name": "web"}`, spec), "}}") + `, "policies": [` + policies + `]}}`
	}
	const policy = `{"apiVersion": "federation.drover.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "web"}, "spec": {}}`
	for _, tt := range []struct {
		name, manifest string
		code           int
		want           string
	}{
		{"good", workload(`{"name": "web"}`, spec), 200, ""},
		{"good, of another kind", `{"spec": {"workload": {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, ` + spec + `}}}`, 200, ""},
		{"an invalid one of another kind", `{"spec": {"workload": {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, ` + strings.Replace(spec, "3", "-3", 1) + `}}}`, 422, "spec.workload.spec.replicas: Invalid value: -3"},
		{"good, with policies", with(policy + `, ` + strings.Replace(policy, `"web"`, `"other"`, 1)), 200, ""},
		{"good, in its namespace", workload(`{"name": "web", "namespace": "`+namespace+`"}`, spec), 200, ""},
		{"nothing", `{}`, 422, "spec.workload"},
		{"no workload", `{"spec": {}}`, 422, "spec.workload"},
		{"null", `{"spec": {"workload": null}}`, 422, "spec.workload"},
		{"a text", `{"spec": {"workload": "web"}}`, 422, "spec.workload"},
		{"an unknown field of the review", `{"spec": {"worklaod": {}}}`, 400, `unknown field "spec.worklaod"`},
		{"an unknown field of the workload", workload(`{"name": "web"}`, strings.Replace(spec, "replicas", "replica", 1)), 422, `unknown field "spec.replica"`},
		{"an unknown field of a policy", with(strings.Replace(policy, `"spec": {}`, `"spec": {"cluster": []}`, 1)), 422, `unknown field "spec.cluster"`},
		{"another kind", `{"spec": {"workload": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}}}`, 422, "spec.workload"},
		{"a kind that is not served", `{"spec": {"workload": {"apiVersion": "apps/v1", "kind": "Rocket", "metadata": {"name": "web"}}}}`, 422, "spec.workload"},
		{"a workload for a policy", with(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, ` + spec + `}`), 422, "spec.policies[0]"},
		{"no name", workload(`{}`, spec), 422, "spec.workload.metadata.name: Required value"},
		{"a policy without name", with(strings.Replace(policy, `{"name": "web"}`, `{}`, 1)), 422, "spec.policies[0].metadata.name: Required value"},
		{"another namespace", workload(`{"name": "web", "namespace": "default"}`, spec), 422, "spec.workload.metadata.namespace: Invalid value: \"default\""},
		{"a policy of another namespace", with(policy + `, ` + strings.Replace(policy, `{"name": "web"}`, `{"name": "web", "namespace": "default"}`, 1)), 422, "spec.policies[1].metadata.namespace"},
		{"an invalid workload", workload(`{"name": "web"}`, strings.Replace(spec, "3", "-3", 1)), 422, "spec.workload.spec.replicas: Invalid value: -3"},
		{"an invalid policy", with(strings.Replace(policy, `"spec": {}`, `"spec": {"clusters": [{"name": "east", "weight": -1}]}`, 1)), 422, "spec.policies[0].spec.clusters[0].weight: Invalid value: -1"},
		{"an override that cannot work", with(strings.Replace(policy, `"spec": {}`, `"spec": {"overrides": [{"jsonPatch": [{"op": "replace", "path": "/spec/replicas", "value": 3}]}]}`, 1)), 422, "spec.policies[0].spec.overrides[0].jsonPatch[0].path: Forbidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gvr := v1alpha1.SchemeGroupVersion.WithResource("placementreviews")
			obj := object(t, v1alpha1.SchemeGroupVersion.WithKind("PlacementReview"), namespace, "web", tt.manifest)
			_, err := f.dynamic.Resource(gvr).Namespace(namespace).Create(t.Context(), obj, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if code(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %d with %q", err, tt.code, tt.want)
			}
		})
	}
	if stored := f.stored(t, namespace); len(stored) > 0 {
		t.Errorf("stored are %v", stored)
	}
	if _, err := f.dynamic.Resource(v1alpha1.SchemeGroupVersion.WithResource("placementreviews")).Namespace(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsMethodNotSupported(err) {
		t.Errorf("reviews can be listed: %v", err)
	}
}
