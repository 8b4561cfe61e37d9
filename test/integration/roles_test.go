// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

// bind gives somebody a role in a namespace.
func (f *federation) bind(t *testing.T, namespace string, role rbacv1.RoleRef, who string) {
	t.Helper()
	_, err := f.kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: role, Subjects: []rbacv1.Subject{user(who)},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// bindEverywhere gives somebody rules in all namespaces and outside of them, for the time of a test.
func (f *federation) bindEverywhere(t *testing.T, who string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	role := must[*rbacv1.ClusterRole](t)(f.kube.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, Rules: rules,
	}, metav1.CreateOptions{}))
	binding := must[*rbacv1.ClusterRoleBinding](t)(f.kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: clusterRole(role.Name), Subjects: []rbacv1.Subject{user(who)},
	}, metav1.CreateOptions{}))
	t.Cleanup(func() {
		ctx := context.Background() // that of the test has ended
		if err := f.kube.RbacV1().ClusterRoleBindings().Delete(ctx, binding.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := f.kube.RbacV1().ClusterRoles().Delete(ctx, role.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// may asks whether somebody may do something: "create apps deployments/scale" in a namespace, or "get /metrics".
func (f *federation) may(t *testing.T, who, namespace, what string) bool {
	t.Helper()
	words := strings.Fields(what)
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: who, Groups: []string{"system:authenticated"}}}
	if len(words) == 2 && strings.HasPrefix(words[1], "/") {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Verb: words[0], Path: words[1]}
	} else {
		if len(words) == 2 {
			words = []string{words[0], "", words[1]}
		}
		resource, subresource, _ := strings.Cut(words[2], "/")
		review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: words[0], Group: words[1], Resource: resource, Subresource: subresource}
	}
	answer := must[*authorizationv1.SubjectAccessReview](t)(f.kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{}))
	return answer.Status.Allowed
}

// waitUntilMay waits until the API server has seen what allows something.
func (f *federation) waitUntilMay(t *testing.T, who, namespace, what string) {
	t.Helper()
	eventually(t, who+" may "+what, func() string {
		if !f.may(t, who, namespace, what) {
			return "not yet"
		}
		return ""
	})
}

func TestRolesOfANamespace(t *testing.T) {
	f := api(t)
	here, elsewhere := f.namespace(t), f.namespace(t)
	roles := []string{"view", "edit", "admin"}
	for _, role := range roles {
		f.bind(t, here, clusterRole(role), "n-"+role)
	}
	// admin takes in edit, which takes in view: once it has all three it is complete.
	for _, what := range []string{"get configmaps", "create apps deployments", "create rbac.authorization.k8s.io rolebindings"} {
		f.waitUntilMay(t, "n-admin", here, what)
	}
	f.waitUntilMay(t, "n-edit", here, "get configmaps")
	for what, who := range map[string]string{
		"get configmaps":                                          "view edit admin",
		"list services":                                           "view edit admin",
		"watch apps deployments":                                  "view edit admin",
		"get apps deployments/scale":                              "view edit admin",
		"list events.k8s.io events":                               "view edit admin",
		"get networking.k8s.io ingresses/status":                  "view edit admin",
		"list federation.drover.dev placements":                   "view edit admin",
		"list federation.drover.dev placementpolicies":            "view edit admin",
		"get secrets":                                             "edit admin",
		"list secrets":                                            "edit admin",
		"create apps deployments":                                 "edit admin",
		"patch apps deployments/scale":                            "edit admin",
		"delete services":                                         "edit admin",
		"deletecollection configmaps":                             "edit admin",
		"update networking.k8s.io ingresses":                      "edit admin",
		"update federation.drover.dev placementpolicies":          "edit admin",
		"create federation.drover.dev placementreviews":           "edit admin",
		"get rbac.authorization.k8s.io roles":                     "admin",
		"create rbac.authorization.k8s.io rolebindings":           "admin",
		"create authorization.k8s.io localsubjectaccessreviews":   "admin",
		"update apps deployments/status":                          "",
		"create federation.drover.dev placements":                 "",
		"update federation.drover.dev placements":                 "",
		"update federation.drover.dev placementpolicies/status":   "",
		"create resourcequotas":                                   "",
		"delete namespaces":                                       "",
		"impersonate serviceaccounts":                             "",
		"bind rbac.authorization.k8s.io clusterroles":             "",
		"escalate rbac.authorization.k8s.io roles":                "",
		"list federation.drover.dev clusters":                     "",
		"create rbac.authorization.k8s.io clusterrolebindings":    "",
		"get /metrics":                                            "",
		"get /apis":                                               "view edit admin",
		"create authorization.k8s.io selfsubjectaccessreviews":    "view edit admin",
		"create authorization.k8s.io subjectaccessreviews":        "",
		"create authentication.k8s.io tokenreviews":               "",
		"list apiextensions.k8s.io customresourcedefinitions":     "view edit admin",
		"escalate rbac.authorization.k8s.io clusterroles":         "",
		"impersonate users":                                       "",
		"update federation.drover.dev clusters":                   "",
		"update rbac.authorization.k8s.io clusterroles":           "",
		"deletecollection rbac.authorization.k8s.io clusterroles": "",
		"create coordination.k8s.io leases":                       "edit admin",
		"get coordination.k8s.io leases":                          "edit admin",
		"update batch jobs":                                       "edit admin",
		"list policy poddisruptionbudgets":                        "view edit admin",
		"update autoscaling horizontalpodautoscalers":             "edit admin",
		"get autoscaling horizontalpodautoscalers/status":         "view edit admin",
		"watch batch cronjobs/status":                             "view edit admin",
		"create events":                                           "edit admin",
		"update namespaces/finalize":                              "",
		"get namespaces":                                          "view edit admin",
		"patch rbac.authorization.k8s.io roles":                   "admin",
		"deletecollection rbac.authorization.k8s.io rolebindings": "admin",
		"create authorization.k8s.io selfsubjectrulesreviews":     "view edit admin",
		"create authentication.k8s.io selfsubjectreviews":         "view edit admin",
		"delete apps replicasets":                                 "edit admin",
		"delete apps controllerrevisions":                         "",
		"get apps controllerrevisions":                            "view edit admin",
		"update limitranges":                                      "",
	} {
		for _, role := range roles {
			want := strings.Contains(" "+who+" ", " "+role+" ")
			if got := f.may(t, "n-"+role, here, what); got != want {
				t.Errorf("%s in the namespace: %s: %v, want %v", role, what, got, want)
			}
			everybody := strings.Contains(what, "selfsubject") || strings.Contains(what, "/apis") || strings.Contains(what, "customresourcedefinitions")
			if got := f.may(t, "n-"+role, elsewhere, what); got != everybody {
				t.Errorf("%s elsewhere: %s: %v, want %v", role, what, got, everybody)
			}
		}
	}
}

// What the reviews say is what happens.
func TestEditOneNamespace(t *testing.T) {
	f, ctx := api(t), t.Context()
	here, elsewhere := f.namespace(t), f.namespace(t)
	f.bind(t, here, clusterRole("edit"), "e-jane")
	f.waitUntilMay(t, "e-jane", here, "create apps deployments")
	jane := kubernetes.NewForConfigOrDie(f.as(t, "e-jane"))
	if _, err := jane.AppsV1().Deployments(here).Create(ctx, deployment("web", 1), metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
	_, err := jane.AppsV1().Deployments(elsewhere).Create(ctx, deployment("web", 1), metav1.CreateOptions{})
	want := `deployments.apps is forbidden: User "e-jane" cannot create resource "deployments" in API group "apps" in the namespace "` + elsewhere + `"`
	if code(err) != 403 || err.Error() != want {
		t.Errorf("elsewhere: %v, want %s", err, want)
	}
	if _, err := jane.AppsV1().Deployments("").List(ctx, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("everywhere: %v", err)
	}
	if list, err := jane.AppsV1().Deployments(here).List(ctx, metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("here: %v, %v", list, err)
	}
	if _, err := jane.CoreV1().Secrets("drover-system").List(ctx, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("the credentials of clusters: %v", err)
	}
	// Rights end with the binding.
	if err := f.kube.RbacV1().RoleBindings(here).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the binding is gone", func() string {
		if _, err := jane.AppsV1().Deployments(here).Get(ctx, "web", metav1.GetOptions{}); code(err) != 403 {
			return "she still reads"
		}
		return ""
	})
}

func TestWhatMayI(t *testing.T) {
	f, ctx := api(t), t.Context()
	here := f.namespace(t)
	f.bind(t, here, clusterRole("view"), "l-jane")
	f.waitUntilMay(t, "l-jane", here, "get configmaps")
	jane := kubernetes.NewForConfigOrDie(f.as(t, "l-jane"))
	rules := must[*authorizationv1.SelfSubjectRulesReview](t)(jane.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: here},
	}, metav1.CreateOptions{}))
	listed := func(resource string) bool {
		for _, r := range rules.Status.ResourceRules {
			for _, name := range r.Resources {
				if name == resource {
					return true
				}
			}
		}
		return false
	}
	if rules.Status.Incomplete || !listed("deployments") || !listed("selfsubjectaccessreviews") || listed("secrets") || len(rules.Status.NonResourceRules) == 0 {
		t.Errorf("rules are %+v", rules.Status)
	}
}

func TestAggregation(t *testing.T) {
	f, ctx := api(t), t.Context()
	roles := f.kube.RbacV1().ClusterRoles()
	part := func(resource string) *rbacv1.ClusterRole {
		return must[*rbacv1.ClusterRole](t)(roles.Create(ctx, &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: map[string]string{"test.example.com/part": t.Name()}},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{"example.com"}, Resources: []string{resource}}},
		}, metav1.CreateOptions{}))
	}
	part("anvils")
	whole := must[*rbacv1.ClusterRole](t)(roles.Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta:      metav1.ObjectMeta{GenerateName: "test-"},
		AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"test.example.com/part": t.Name()}}}},
	}, metav1.CreateOptions{}))
	resources := func() string {
		var out []string
		for _, r := range must[*rbacv1.ClusterRole](t)(roles.Get(ctx, whole.Name, metav1.GetOptions{})).Rules {
			out = append(out, r.Resources...)
		}
		return strings.Join(out, " ")
	}
	has := func(want ...string) {
		t.Helper()
		eventually(t, "it has the rules of its parts", func() string {
			if got := resources(); !slices.Contains(want, got) {
				return fmt.Sprintf("it has %q, not %q", got, want)
			}
			return ""
		})
	}
	has("anvils")
	tongs := part("tongs")
	has("anvils tongs", "tongs anvils")
	if err := roles.Delete(ctx, tongs.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	has("anvils")
	// Nobody writes its rules but the federation.
	if _, err := roles.Patch(ctx, whole.Name, types.MergePatchType, []byte(`{"rules":[]}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	has("anvils")
}

// What an operator changed on the roles that are there from the start outlives a restart, and what is missing comes back.
func TestRolesAtTheNextStart(t *testing.T) {
	dir := dataDir(t)
	f, err := start(dir, noControllers)
	if err != nil {
		t.Fatal(err)
	}
	change := func(name string, what func(*rbacv1.ClusterRole)) {
		role := must[*rbacv1.ClusterRole](t)(f.kube.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{}))
		what(role)
		must[*rbacv1.ClusterRole](t)(f.kube.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}))
	}
	more := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"namespaces"}}
	change("system:basic-user", func(r *rbacv1.ClusterRole) { r.Rules = []rbacv1.PolicyRule{more} })
	change("system:monitoring", func(r *rbacv1.ClusterRole) {
		r.Rules, r.Annotations[rbacv1.AutoUpdateAnnotationKey] = nil, "false"
	})
	binding := must[*rbacv1.ClusterRoleBinding](t)(f.kube.RbacV1().ClusterRoleBindings().Get(t.Context(), "cluster-admin", metav1.GetOptions{}))
	binding.Subjects = append(binding.Subjects, user("root-jane"))
	must[*rbacv1.ClusterRoleBinding](t)(f.kube.RbacV1().ClusterRoleBindings().Update(t.Context(), binding, metav1.UpdateOptions{}))
	if err := f.kube.RbacV1().ClusterRoles().Delete(t.Context(), "edit", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.stop(); err != nil {
		t.Fatal(err)
	}
	if f, err = start(dir, noControllers); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := f.stop(); err != nil {
			t.Error(err)
		}
	}()
	f.waitUntilMay(t, "jane", "default", "get namespaces")
	f.waitUntilMay(t, "jane", "default", "create authorization.k8s.io selfsubjectaccessreviews")
	f.waitUntilMay(t, "root-jane", "default", "delete secrets")
	if role := must[*rbacv1.ClusterRole](t)(f.kube.RbacV1().ClusterRoles().Get(t.Context(), "system:monitoring", metav1.GetOptions{})); len(role.Rules) > 0 {
		t.Errorf("a role that is not to be updated was: %v", role.Rules)
	}
	f.bind(t, "default", clusterRole("edit"), "b-jane")
	f.waitUntilMay(t, "b-jane", "default", "create apps deployments")
	if _, err := f.kube.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}
