// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	discoveryfake "k8s.io/client-go/discovery/fake"
	clienttesting "k8s.io/client-go/testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

func TestJoin(t *testing.T) {
	ctx, w := t.Context(), newWorld()
	err := w.join("east", func(o *JoinOptions) {
		o.Location.Region, o.Labels = "us-east1", map[string]string{"env": "prod"}
	}).run(ctx)
	if err != nil {
		t.Fatal(err)
	}

	got, err := w.drover.FederationV1alpha1().Clusters().Get(ctx, "east", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.ClusterSpec{
		Server: memberURL, CABundle: []byte("ca"), TLSServerName: "kubernetes", Location: v1alpha1.Location{Region: "us-east1"},
		CredentialsSecret: v1alpha1.SecretReference{Namespace: "drover-system", Name: "cluster-east"},
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"federation.drover.dev/leave"}, got.Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"env": "prod"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}

	secret, err := w.federation.CoreV1().Secrets("drover-system").Get(ctx, "cluster-east", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if string(secret.Data["token"]) != "the-token" || secret.Type != corev1.SecretTypeOpaque || secret.Labels["federation.drover.dev/cluster"] != "east" ||
		secret.Annotations["federation.drover.dev/token-expires"] != "2026-12-01T00:00:00Z" {
		t.Errorf("secret is %+v", secret)
	}

	ns, err := w.member.CoreV1().Namespaces().Get(ctx, "drover-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := claimOf(ns), (claim{federation: federationUID, server: "https://127.0.0.1:7443", cluster: "east"}); got != want {
		t.Errorf("member is claimed by %+v, want %+v", got, want)
	}
	role, err := w.member.RbacV1().ClusterRoles().Get(ctx, "drover", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(members.Rules(), role.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if !strings.Contains(w.out.String(), "east has joined") {
		t.Errorf("printed:\n%s", &w.out)
	}
}

// A join that fails at any call can be repeated, and then ends as if it had not failed.
func TestJoinAgainAfterAnInterruption(t *testing.T) {
	for _, at := range []string{
		"member create namespaces", "member patch serviceaccounts", "member patch clusterroles", "member patch clusterrolebindings",
		"member patch roles", "member patch rolebindings", "member create serviceaccounts/token",
		"federation patch secrets", "drover create clusters",
	} {
		t.Run(at, func(t *testing.T) {
			w := newWorld()
			where, call, _ := strings.Cut(at, " ")
			verb, resource, _ := strings.Cut(call, " ")
			fake := map[string]*clienttesting.Fake{"member": &w.member.Fake, "federation": &w.federation.Fake, "drover": &w.drover.Fake}[where]
			failed := false
			fake.PrependReactor(verb, resource, func(action clienttesting.Action) (bool, runtime.Object, error) {
				if create, ok := action.(clienttesting.CreateActionImpl); ok && len(create.CreateOptions.DryRun) > 0 || failed {
					return false, nil, nil
				}
				failed = true
				return true, nil, forbidden(resource, "x")
			})
			wantError(t, w.join("east").run(t.Context()), "no permission", resource[:5])
			if err := w.join("east").run(t.Context()); err != nil {
				t.Fatalf("second time: %v", err)
			}
			if _, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestJoinRefusesAndChangesNothing(t *testing.T) {
	leaving := cluster("east", memberURL)
	leaving.DeletionTimestamp = &metav1.Time{Time: expires}
	for name, test := range map[string]struct {
		clusters []runtime.Object
		member   []runtime.Object
		secrets  []runtime.Object
		change   func(*world)
		options  func(*JoinOptions)
		says     []string
	}{
		"already joined": {
			clusters: []runtime.Object{cluster("east", memberURL)},
			says:     []string{"already joined", memberURL, "--renew"},
		},
		"the name is another server's": {
			clusters: []runtime.Object{cluster("east", "https://10.9.9.9:6443")},
			says:     []string{"already joined", "https://10.9.9.9:6443", "another name"},
		},
		"leaving": {
			clusters: []runtime.Object{leaving}, options: func(o *JoinOptions) { o.Renew = true },
			says: []string{"leaving", "kubectl drover unjoin east"},
		},
		"joined by another name": {
			clusters: []runtime.Object{cluster("west", memberURL)}, member: []runtime.Object{claimed(federationUID, "west")},
			says: []string{`joined already, as "west"`, "kubectl drover unjoin west"},
		},
		"renewed by another name": {
			clusters: []runtime.Object{cluster("west", memberURL), cluster("east", "https://10.9.9.9:6443")}, member: []runtime.Object{claimed(federationUID, "west")},
			options: func(o *JoinOptions) { o.Renew = true },
			says:    []string{`joined already, as "west"`},
		},
		"joined to another federation": {
			member: []runtime.Object{claimed("other-uid", "blue")},
			says:   []string{"another federation", `"blue"`, "other-uid", "https://127.0.0.1:7443", "delete namespace drover-system"},
		},
		"somebody else's namespace": {
			member: []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "drover-system"}}},
			says:   []string{"did not make", "kubectl --kubeconfig east.kubeconfig --context admin@east delete namespace drover-system"},
		},
		"the federation itself": {
			member: []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "drover-system", UID: federationUID}}},
			says:   []string{"the federation itself", "--cluster-context", "dev@east"},
		},
		"namespace that stays in deletion": {
			member: []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "drover-system", DeletionTimestamp: &metav1.Time{Time: expires}, Finalizers: []string{"x"}}}},
			says:   []string{"still being deleted", "try again"},
		},
		"somebody else's role": {
			member: []runtime.Object{&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "drover"}}},
			says:   []string{"ClusterRole drover", "did not make"},
		},
		"somebody else's binding": {
			member: []runtime.Object{&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "drover"}}},
			says:   []string{"ClusterRoleBinding drover", "did not make"},
		},
		"somebody else's secret": {
			secrets: []runtime.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "drover-system", Name: "cluster-east"}}},
			says:    []string{"Secret cluster-east", "delete secret -n drover-system cluster-east"},
		},
		"too old": {
			change: func(w *world) {
				w.member.Discovery().(*discoveryfake.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.28.15-gke.1"}
			},
			says: []string{"v1.28.15-gke.1", "too old", "1.29"},
		},
		"no permission in the member": {
			change: func(w *world) { w.denied["create clusterroles"], w.denied["patch clusterroles"] = true, true },
			says:   []string{"no permission", `"admin"`, "create, patch clusterroles.rbac.authorization.k8s.io", "cluster-admin", "--cluster-context", "dev@east"},
		},
		"no permission in the federation": {
			change: func(w *world) {
				w.drover.PrependReactor("create", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, forbidden("clusters", "east")
				})
			},
			says: []string{"the federation", "no permission", "clusters", "--context"},
		},
		"not a federation": {
			change: func(w *world) { w.drover.Discovery().(*discoveryfake.FakeDiscovery).Resources = nil },
			says:   []string{`context "federation"`, "not a Drover federation", "federation.drover.dev/v1alpha1", "--context"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.clusters...)
			add(t, w.member.Tracker(), test.member...)
			add(t, w.federation.Tracker(), test.secrets...)
			if test.change != nil {
				test.change(w)
			}
			j := w.join("east")
			if test.options != nil {
				test.options(j.JoinOptions)
			}
			wantError(t, j.run(t.Context()), test.says...)
			for _, fake := range []*clienttesting.Fake{&w.member.Fake, &w.federation.Fake, &w.drover.Fake} {
				if wrote := writes(fake); len(wrote) > 0 {
					t.Errorf("wrote %v", wrote)
				}
			}
		})
	}
}

func TestJoinRenew(t *testing.T) {
	ctx := t.Context()
	before := cluster("east", "https://10.9.9.9:6443")
	before.Finalizers, before.Labels = nil, map[string]string{"tier": "gold"}
	before.Spec.Location, before.Spec.Unschedulable = v1alpha1.Location{Region: "us-east1", Zone: "a"}, true
	w := newWorld(before)
	add(t, w.member.Tracker(), claimed(federationUID, "east"))
	err := w.join("east", func(o *JoinOptions) {
		o.Renew, o.Server, o.Location.Zone, o.Labels = true, "https://east.example:6443/", "b", map[string]string{"env": "prod"}
	}).run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.drover.FederationV1alpha1().Clusters().Get(ctx, "east", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.Server != "https://east.example:6443" || got.Spec.Location != (v1alpha1.Location{Region: "us-east1", Zone: "b"}) || !got.Spec.Unschedulable {
		t.Errorf("spec is %+v", got.Spec)
	}
	if diff := cmp.Diff(map[string]string{"env": "prod", "tier": "gold"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{v1alpha1.FinalizerLeave}, got.Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
}

// A name that an unfinished join gave, or that was forced to leave, is no longer in the way.
func TestJoinTakesOverAnAbandonedName(t *testing.T) {
	w := newWorld()
	add(t, w.member.Tracker(), claimed(federationUID, "old"))
	add(t, w.federation.Tracker(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: "drover-system", Name: "cluster-old", Labels: map[string]string{v1alpha1.LabelCluster: "old"},
	}})
	if err := w.join("east").run(t.Context()); err != nil {
		t.Fatal(err)
	}
	secrets, err := w.federation.CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(secrets.Items) != 1 || secrets.Items[0].Name != "cluster-east" {
		t.Errorf("secrets are %v", secrets.Items)
	}
}

func TestJoinRefusesATokenThatMayNot(t *testing.T) {
	w := newWorld()
	w.denied["delete deployments"] = true
	wantError(t, w.join("east").run(t.Context()), "new token", "delete deployments.apps", "webhook")
	if wrote := writes(&w.drover.Fake); len(wrote) > 0 {
		t.Errorf("wrote %v", wrote)
	}
}

func TestJoinWaits(t *testing.T) {
	for name, test := range map[string]struct {
		ready *metav1.Condition
		says  []string // of the error; none if it ends well
		out   string
	}{
		"ready":         {ready: &metav1.Condition{Type: "Ready", Status: "True", Reason: "Ready"}, out: "  ready\n"},
		"unreachable":   {ready: &metav1.Condition{Type: "Ready", Status: "False", Reason: "Unreachable", Message: "no route"}, says: []string{"not ready yet: Unreachable: no route", "--server"}, out: "no route"},
		"not looked at": {says: []string{"not looked at", "drover controllers"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.drover.PrependReactor("create", "clusters", func(action clienttesting.Action) (bool, runtime.Object, error) {
				create := action.(clienttesting.CreateActionImpl)
				if len(create.CreateOptions.DryRun) > 0 || test.ready == nil {
					return false, nil, nil
				}
				c := create.Object.(*v1alpha1.Cluster).DeepCopy()
				c.Status.Conditions = []metav1.Condition{*test.ready}
				return true, c, w.drover.Tracker().Add(c)
			})
			err := w.join("east", func(o *JoinOptions) { o.Wait = 20 * time.Millisecond }).run(t.Context())
			if len(test.says) > 0 {
				wantError(t, err, test.says...)
			} else if err != nil {
				t.Error(err)
			}
			if !strings.Contains(w.out.String(), test.out) {
				t.Errorf("printed:\n%s", &w.out)
			}
		})
	}
}

func TestValidateJoin(t *testing.T) {
	for name, test := range map[string]struct {
		options JoinOptions
		says    string
	}{
		"capitals":   {JoinOptions{Name: "East", Kubeconfig: "f"}, "lower-case"},
		"dots":       {JoinOptions{Name: "a.b", Kubeconfig: "f"}, "lower-case"},
		"empty":      {JoinOptions{Kubeconfig: "f"}, `""`},
		"long":       {JoinOptions{Name: strings.Repeat("a", 64), Kubeconfig: "f"}, "63"},
		"no cluster": {JoinOptions{Name: "east"}, "--cluster-kubeconfig"},
		"wait":       {JoinOptions{Name: "east", Kubeconfig: "f", Wait: -1}, "--wait"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, test.options.validate(), test.says) })
	}
}
