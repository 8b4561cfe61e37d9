// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	rbacapply "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func rule(verbs, group, resource string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), APIGroups: []string{group}, Resources: []string{resource}}
}

// Whoever writes roles grants no more than they hold, by whichever way they write.
func TestNobodyGrantsMoreThanTheyHold(t *testing.T) {
	f, ctx := api(t), t.Context()
	here := f.namespace(t)
	f.bind(t, here, clusterRole("admin"), "g-jane")
	f.waitUntilMay(t, "g-jane", here, "create apps deployments")
	f.waitUntilMay(t, "g-jane", here, "create rbac.authorization.k8s.io roles")
	config := f.as(t, "g-jane", "dev")
	roles := kubernetes.NewForConfigOrDie(config).RbacV1().Roles(here)
	held, more := rule("get create", "apps", "deployments"), rule("create update", "federation.drover.dev", "placements")
	refused := func(how string, err error) {
		t.Helper()
		const want = `user "g-jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:["federation.drover.dev"], Resources:["placements"], Verbs:["create" "update"]}`
		if code(err) != 403 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "roles.rbac.authorization.k8s.io") {
			t.Errorf("%s: %v", how, err)
		}
	}
	role := func(name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
		return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
	}
	_, err := roles.Create(ctx, role("more", held, more), metav1.CreateOptions{})
	refused("create", err)
	_, err = roles.Create(ctx, role("more", more), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	refused("create in a dry run", err)
	mine := must[*rbacv1.Role](t)(roles.Create(ctx, role("mine", held), metav1.CreateOptions{}))
	mine.Rules = append(mine.Rules, more)
	_, err = roles.Update(ctx, mine, metav1.UpdateOptions{})
	refused("update", err)
	const patch = `{"apiGroups":["federation.drover.dev"],"resources":["placements"],"verbs":["create","update"]}`
	for kind, data := range map[types.PatchType]string{
		types.JSONPatchType:           `[{"op":"add","path":"/rules/0","value":` + patch + `}]`,
		types.MergePatchType:          `{"rules":[` + patch + `]}`,
		types.StrategicMergePatchType: `{"rules":[` + patch + `]}`,
	} {
		_, err = roles.Patch(ctx, "mine", kind, []byte(data), metav1.PatchOptions{})
		refused(string(kind), err)
	}
	apply := func(name string) error {
		config := rbacapply.Role(name, here).WithRules(rbacapply.PolicyRule().WithAPIGroups(more.APIGroups...).WithResources(more.Resources...).WithVerbs(more.Verbs...))
		_, err := roles.Apply(ctx, config, metav1.ApplyOptions{FieldManager: "test", Force: true})
		return err
	}
	refused("apply", apply("mine"))
	refused("create by apply", apply("applied"))
	_, err = roles.Patch(ctx, "mine", types.MergePatchType, []byte(`{"rules":[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get"]}]}`), metav1.PatchOptions{})
	if err != nil {
		t.Errorf("less than before: %v", err)
	}
	// What is there already and she does not hold, she cannot write, but let go.
	theirs := role("theirs", more)
	theirs.Finalizers = []string{"example.com/held"}
	must[*rbacv1.Role](t)(f.kube.RbacV1().Roles(here).Create(ctx, theirs, metav1.CreateOptions{}))
	_, err = roles.Patch(ctx, "theirs", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{})
	refused("a label", err)
	if err := roles.Delete(ctx, "theirs", metav1.DeleteOptions{}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := roles.Patch(ctx, "theirs", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Errorf("remove the finalizer: %v", err)
	}
	// The verb escalate is the right to do so.
	f.bindEverywhere(t, "g-jane", rule("escalate", rbacv1.GroupName, "roles"))
	f.waitUntilMay(t, "g-jane", here, "escalate rbac.authorization.k8s.io roles")
	if _, err = roles.Create(ctx, role("more", more), metav1.CreateOptions{}); err != nil {
		t.Errorf("with escalate: %v", err)
	}
}

func TestBinding(t *testing.T) {
	f, ctx := api(t), t.Context()
	here, elsewhere := f.namespace(t), f.namespace(t)
	f.bind(t, here, clusterRole("admin"), "h-jane")
	f.waitUntilMay(t, "h-jane", here, "create apps deployments")
	f.waitUntilMay(t, "h-jane", here, "get configmaps")
	f.waitUntilMay(t, "h-jane", here, "create rbac.authorization.k8s.io rolebindings")
	jane := kubernetes.NewForConfigOrDie(f.as(t, "h-jane")).RbacV1()
	bind := func(namespace string, role rbacv1.RoleRef) error {
		_, err := jane.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: role, Subjects: []rbacv1.Subject{user("h-bob")},
		}, metav1.CreateOptions{})
		return err
	}
	const refused = "is attempting to grant RBAC permissions not currently held"
	for _, tt := range []struct {
		name, namespace string
		role            rbacv1.RoleRef
		code            int
		want            string
	}{
		{"what she holds", here, clusterRole("edit"), 200, ""},
		{"less", here, clusterRole("view"), 200, ""},
		{"everything", here, clusterRole("cluster-admin"), 403, refused},
		{"what she holds, elsewhere", elsewhere, clusterRole("view"), 403, `cannot create resource "rolebindings"`},
		{"a role that does not exist", here, clusterRole("nothing"), 404, `"nothing" not found`},
		{"a role that does not exist here", here, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "view"}, 404, `"view" not found`},
		{"the role of the controllers", here, clusterRole("system:drover:controllers"), 403, refused},
	} {
		if err := bind(tt.namespace, tt.role); code(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %d %s", tt.name, err, tt.code, tt.want)
		}
	}
	// More subjects of a binding that is there are no other thing.
	f.bind(t, here, clusterRole("cluster-admin"), "h-root")
	list := must[*rbacv1.RoleBindingList](t)(jane.RoleBindings(here).List(ctx, metav1.ListOptions{}))
	for _, b := range list.Items {
		if b.RoleRef.Name != "cluster-admin" {
			continue
		}
		b.Subjects = append(b.Subjects, user("h-jane"))
		if _, err := jane.RoleBindings(here).Update(ctx, &b, metav1.UpdateOptions{}); code(err) != 403 || !strings.Contains(err.Error(), refused) {
			t.Errorf("she joins the administrators: %v", err)
		}
		apply := rbacapply.RoleBinding(b.Name, here).WithRoleRef(rbacapply.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName("cluster-admin")).
			WithSubjects(rbacapply.Subject().WithAPIGroup(rbacv1.GroupName).WithKind("User").WithName("h-jane"))
		if _, err := jane.RoleBindings(here).Apply(ctx, apply, metav1.ApplyOptions{FieldManager: "test", Force: true}); code(err) != 403 || !strings.Contains(err.Error(), refused) {
			t.Errorf("she joins the administrators by apply: %v", err)
		}
	}
	// Another role for a binding: roleRef is for ever.
	for _, b := range list.Items {
		if b.RoleRef.Name == "view" {
			b.RoleRef.Name = "edit"
			if _, err := jane.RoleBindings(here).Update(ctx, &b, metav1.UpdateOptions{}); code(err) != 422 {
				t.Errorf("another role for a binding: %v", err)
			}
		}
	}
	// The verb bind is the right to bind a role, here by its name.
	named := rule("bind", rbacv1.GroupName, "clusterroles")
	named.ResourceNames = []string{"system:drover:dns"}
	f.bindEverywhere(t, "h-jane", named)
	eventually(t, "she binds the role", func() string {
		if err := bind(here, clusterRole("system:drover:dns")); err != nil {
			return err.Error()
		}
		return ""
	})
	if err := bind(here, clusterRole("system:drover:controllers")); code(err) != 403 {
		t.Errorf("binds another: %v", err)
	}
}

// Writing cluster-scoped roles takes the rights they give everywhere.
func TestClusterRoleEscalation(t *testing.T) {
	f, ctx := api(t), t.Context()
	here := f.namespace(t)
	f.bind(t, here, clusterRole("admin"), "c-jane")
	f.bindEverywhere(t, "c-jane", rule("*", rbacv1.GroupName, "clusterroles"), rule("create update patch", rbacv1.GroupName, "clusterrolebindings"), rule("get", "", "configmaps"))
	f.waitUntilMay(t, "c-jane", "", "get configmaps")
	f.waitUntilMay(t, "c-jane", here, "create apps deployments")
	jane := kubernetes.NewForConfigOrDie(f.as(t, "c-jane")).RbacV1()
	create := func(role *rbacv1.ClusterRole) error {
		role.GenerateName = "test-"
		_, err := jane.ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
		return err
	}
	// "*" on clusterroles is escalate, too.
	if err := create(&rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{rule("create", "apps", "deployments")}}); err != nil {
		t.Errorf("with all verbs on clusterroles: %v", err)
	}
	if _, err := jane.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: clusterRole("cluster-admin"), Subjects: []rbacv1.Subject{user("c-root")},
	}, metav1.CreateOptions{}); err != nil {
		t.Errorf("with all verbs on clusterroles, bind: %v", err)
	}

	f.bind(t, here, clusterRole("admin"), "c-bob")
	f.bindEverywhere(t, "c-bob", rule("get create update patch", rbacv1.GroupName, "clusterroles"), rule("create", rbacv1.GroupName, "clusterrolebindings"), rule("get", "", "configmaps"))
	f.waitUntilMay(t, "c-bob", "", "get configmaps")
	f.waitUntilMay(t, "c-bob", here, "create apps deployments")
	jane = kubernetes.NewForConfigOrDie(f.as(t, "c-bob")).RbacV1()
	if err := create(&rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{rule("get", "", "configmaps")}}); err != nil {
		t.Errorf("what he holds: %v", err)
	}
	if err := create(&rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{rule("create", "apps", "deployments")}}); code(err) != 403 {
		t.Errorf("what he holds in a namespace only: %v", err)
	}
	all := &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{}}}
	const privileges = "must have cluster-admin privileges to use the aggregationRule"
	if err := create(&rbacv1.ClusterRole{AggregationRule: all}); code(err) != 403 || !strings.Contains(err.Error(), privileges) {
		t.Errorf("an aggregated role: %v", err)
	}
	if _, err := jane.ClusterRoles().Patch(ctx, "view", types.MergePatchType, []byte(`{"aggregationRule":null,"rules":[]}`), metav1.PatchOptions{}); code(err) != 403 || !strings.Contains(err.Error(), privileges) {
		t.Errorf("an aggregated role is made plain: %v", err)
	}
	if _, err := jane.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, RoleRef: clusterRole("view"), Subjects: []rbacv1.Subject{user("c-bob")},
	}, metav1.CreateOptions{}); code(err) != 403 {
		t.Errorf("binds everywhere what he holds in a namespace only: %v", err)
	}
}

func TestImpersonation(t *testing.T) {
	f, ctx := api(t), t.Context()
	users, groups := rule("impersonate", "", "users"), rule("impersonate", "", "groups")
	users.ResourceNames, groups.ResourceNames = []string{"alice"}, []string{"dev"}
	f.bindEverywhere(t, "i-jane", users, groups)
	whoami := func(who *rest.Config, as string, groups ...string) (string, error) {
		config := rest.CopyConfig(who)
		config.Impersonate = rest.ImpersonationConfig{UserName: as, Groups: groups}
		me, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			return "", err
		}
		return me.Status.UserInfo.Username + " " + strings.Join(me.Status.UserInfo.Groups, ","), nil
	}
	jane := f.as(t, "i-jane")
	eventually(t, "jane may be alice", func() string {
		me, err := whoami(jane, "alice", "dev")
		if err != nil || me != "alice dev,system:authenticated" {
			return me
		}
		return ""
	})
	for name, try := range map[string]func() (string, error){
		"another user":       func() (string, error) { return whoami(jane, "bob") },
		"another group":      func() (string, error) { return whoami(jane, "alice", "ops") },
		"the administrators": func() (string, error) { return whoami(jane, "alice", "system:masters") },
		"an account":         func() (string, error) { return whoami(jane, "system:serviceaccount:default:default") },
		"without the right":  func() (string, error) { return whoami(f.as(t, "i-bob"), "alice") },
	} {
		if me, err := try(); code(err) != 403 {
			t.Errorf("%s: is %q, %v", name, me, err)
		}
	}
	if me, err := whoami(f.config, "alice", "dev"); err != nil || me != "alice dev,system:authenticated" {
		t.Errorf("the administrator as alice is %q, %v", me, err)
	}
	nobody := f.asNobody()
	nobody.Impersonate = rest.ImpersonationConfig{UserName: "drover-admin", Groups: []string{"system:masters"}}
	for path, want := range map[string]int{"/livez": 403, "/api/v1/namespaces": 401} {
		if err := rawClient(t, nobody).Get().AbsPath(path).Do(ctx).Error(); code(err) != want {
			t.Errorf("nobody as the administrator: %s: %v, want %d", path, err, want)
		}
	}
	// Whoever the administrator acts as has their own rights, not the administrator's.
	config := rest.CopyConfig(f.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "alice", Groups: []string{"dev"}}
	if _, err := kubernetes.NewForConfigOrDie(config).CoreV1().Secrets("default").List(ctx, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("the administrator as alice lists Secrets: %v", err)
	}
}
