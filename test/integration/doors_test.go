// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	eventsapply "k8s.io/client-go/applyconfigurations/events/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// newEvent is an Event as recorders of the group events.k8s.io write it.
func newEvent(namespace, name string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		EventTime:  metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)), ReportingController: "example.com/test", ReportingInstance: "test-1",
		Action: "Testing", Reason: "Tested", Type: corev1.EventTypeNormal, Note: "a test",
		Regarding: corev1.ObjectReference{Kind: "Deployment", Namespace: namespace, Name: "web"},
		Series:    &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC))},
	}
}

// Events have two doors, and are the same behind both.
func TestEventsAtBothDoors(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	config := rest.CopyConfig(f.config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	for name, kube := range map[string]kubernetes.Interface{"json": f.kube, "protobuf": kubernetes.NewForConfigOrDie(config)} {
		t.Run(name, func(t *testing.T) {
			old, events := kube.CoreV1().Events(namespace), kube.EventsV1().Events(namespace)
			watched := must[watch.Interface](t)(events.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name}))
			defer watched.Stop()
			created := must[*eventsv1.Event](t)(events.Create(ctx, newEvent(namespace, name), metav1.CreateOptions{}))
			expectEvent(t, watched, watch.Added)

			got := must[*corev1.Event](t)(old.Get(ctx, name, metav1.GetOptions{}))
			if got.InvolvedObject.Name != "web" || got.Message != "a test" || got.ReportingController != "example.com/test" || got.Series == nil || got.Series.Count != 2 {
				t.Errorf("at the old door it is %+v", got)
			}
			got.Count, got.Source.Component, got.Message = 3, "test", "another test"
			must[*corev1.Event](t)(old.Update(ctx, got, metav1.UpdateOptions{}))
			expectEvent(t, watched, watch.Modified)

			want := created.DeepCopy()
			want.DeprecatedCount, want.DeprecatedSource.Component, want.Note = 3, "test", "another test"
			again := must[*eventsv1.Event](t)(events.Get(ctx, name, metav1.GetOptions{}))
			for _, e := range []*eventsv1.Event{want, again} {
				e.ResourceVersion, e.ManagedFields = "", nil
			}
			if diff := cmp.Diff(want, again); diff != "" {
				t.Errorf("after an update at the old door (-want +got):\n%s", diff)
			}
			if err := old.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			expectEvent(t, watched, watch.Deleted)
			if _, err := events.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("it is left at the other door: %v", err)
			}
		})
	}
}

// Events have their short name at both doors, as in any cluster, and one that aggregates the federation has its own.
func TestShortNamesOfDoors(t *testing.T) {
	for gv, want := range map[string]string{"v1": "[ev]", "events.k8s.io/v1": "[ev]", v1alpha1.SchemeGroupVersion.String(): "[]"} {
		list := must[*metav1.APIResourceList](t)(api(t).kube.Discovery().ServerResourcesForGroupVersion(gv))
		i := slices.IndexFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == "events" })
		if i < 0 || fmt.Sprint(list.APIResources[i].ShortNames) != want || len(list.APIResources[i].Categories) > 0 {
			t.Errorf("%s announces %+v, want short names %s", gv, list.APIResources, want)
		}
	}
}

func TestEventsAreSelectedAtBothDoors(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	must[*eventsv1.Event](t)(f.kube.EventsV1().Events(namespace).Create(ctx, newEvent(namespace, "one"), metav1.CreateOptions{}))
	must[*corev1.Event](t)(f.kube.CoreV1().Events(namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "two"}, InvolvedObject: corev1.ObjectReference{Kind: "Service", Namespace: namespace, Name: "web"},
	}, metav1.CreateOptions{}))
	for selector, want := range map[string]int{"regarding.kind=Deployment,regarding.name=web": 1, "reportingController=example.com/test": 1, "regarding.name=web": 2, "type=Warning": 0} {
		list, err := f.kube.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil || len(list.Items) != want {
			t.Errorf("%s selects %d, want %d; %v", selector, len(list.Items), want, err)
		}
	}
	if _, err := f.kube.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=web"}); code(err) != 400 {
		t.Errorf("a field of the other door: %v", err)
	}
}

// What was applied at one door is owned at the other.
func TestApplyAtBothDoors(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	apply := func(ctx context.Context, manager, note string) error {
		event := eventsapply.Event("one", namespace).WithNote(note).WithRegarding(nil)
		_, err := f.kube.EventsV1().Events(namespace).Apply(ctx, event, metav1.ApplyOptions{FieldManager: manager})
		return err
	}
	must[*corev1.Event](t)(f.kube.CoreV1().Events(namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "one"}, InvolvedObject: corev1.ObjectReference{Namespace: namespace}, Message: "from the old door",
	}, metav1.CreateOptions{FieldManager: "old"}))
	if err := apply(ctx, "new", "from the old door"); err != nil {
		t.Errorf("apply what is there: %v", err)
	}
	if err := apply(ctx, "other", "from the new door"); !apierrors.IsConflict(err) {
		t.Errorf("applied over what two others own: %v", err)
	}
}

// deploymentAtOwnDoor is a Deployment as it is written for Drover's own group.
func deploymentAtOwnDoor(t *testing.T, namespace, name string, replicas int) *unstructured.Unstructured {
	t.Helper()
	return object(t, v1alpha1.SchemeGroupVersion.WithKind("Deployment"), namespace, name, fmt.Sprintf(`{"spec": {"replicas": %d,
		"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}}}`, replicas))
}

// A Deployment of Drover's own group is one of the group apps: written, applied, scaled and watched at either door.
func TestDeploymentAtBothDoors(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	own, apps := f.dynamic.Resource(v1alpha1.SchemeGroupVersion.WithResource("deployments")).Namespace(namespace), f.kube.AppsV1().Deployments(namespace)
	watched := must[watch.Interface](t)(own.Watch(ctx, metav1.ListOptions{}))
	defer watched.Stop()

	obj := deploymentAtOwnDoor(t, namespace, "web", 3)
	applied := must[*unstructured.Unstructured](t)(own.Apply(ctx, "web", obj, metav1.ApplyOptions{FieldManager: "shop"}))
	if applied.GetAPIVersion() != v1alpha1.SchemeGroupVersion.String() || applied.GetKind() != "Deployment" {
		t.Errorf("it is returned as %s %s", applied.GetAPIVersion(), applied.GetKind())
	}
	expectEvent(t, watched, watch.Added)
	native := must[*appsv1.Deployment](t)(apps.Get(ctx, "web", metav1.GetOptions{}))
	if native.UID != applied.GetUID() || *native.Spec.Replicas != 3 {
		t.Errorf("at the native door it is %s with %d replicas", native.UID, *native.Spec.Replicas)
	}
	change := appsapply.Deployment("web", namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(4))
	if _, err := apps.Apply(ctx, change, metav1.ApplyOptions{FieldManager: "other"}); !apierrors.IsConflict(err) {
		t.Errorf("applied at the native door over what was applied at the other: %v", err)
	}
	// The scale takes the field from whoever applied it at the other door, and they are told.
	must[*unstructured.Unstructured](t)(own.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec":{"replicas":5}}`), metav1.PatchOptions{FieldManager: "scaler"}, "scale"))
	expectEvent(t, watched, watch.Modified)
	if _, err := own.Apply(ctx, "web", obj, metav1.ApplyOptions{FieldManager: "shop"}); !apierrors.IsConflict(err) {
		t.Errorf("applied over what was scaled: %v", err)
	}
	native = must[*appsv1.Deployment](t)(apps.Get(ctx, "web", metav1.GetOptions{}))
	native.Status.Replicas = 2
	must[*appsv1.Deployment](t)(apps.UpdateStatus(ctx, native, metav1.UpdateOptions{}))
	scale := must[*unstructured.Unstructured](t)(own.Get(ctx, "web", metav1.GetOptions{}, "scale"))
	if got, _, _ := unstructured.NestedInt64(scale.Object, "status", "replicas"); got != 2 || scale.GetKind() != "Scale" {
		t.Errorf("the scale is %v", scale.Object)
	}
	reset := deploymentAtOwnDoor(t, namespace, "web", 5)
	_ = unstructured.SetNestedField(reset.Object, int64(9), "status", "replicas") // an object
	must[*unstructured.Unstructured](t)(own.Apply(ctx, "web", reset, metav1.ApplyOptions{FieldManager: "shop", Force: true}))
	if native = must[*appsv1.Deployment](t)(apps.Get(ctx, "web", metav1.GetOptions{})); native.Status.Replicas != 2 {
		t.Errorf("an apply at the own door wrote the status: %+v", native.Status)
	}
}

// One right is for both doors, and a rule for all of Drover's own group gives nobody what has a native one.
func TestRightsAtBothDoors(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	editor := dynamic.NewForConfigOrDie(f.as(t, "door-editor"))
	greedy := dynamic.NewForConfigOrDie(f.as(t, "door-greedy"))
	bind := func(name, kind, role string) {
		must[*rbacv1.RoleBinding](t)(f.kube.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}, metav1.CreateOptions{}))
	}
	must[*rbacv1.Role](t)(f.kube.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "greedy"}, Rules: []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"*"}}},
	}, metav1.CreateOptions{}))
	bind("door-editor", "ClusterRole", "edit")
	bind("door-greedy", "Role", "greedy")
	own := v1alpha1.SchemeGroupVersion
	eventually(t, "the rights are in force", func() string {
		_, editing := editor.Resource(own.WithResource("deployments")).Namespace(namespace).List(ctx, metav1.ListOptions{})
		_, placing := greedy.Resource(own.WithResource("placementpolicies")).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err := errors.Join(editing, placing); err != nil {
			return err.Error()
		}
		return ""
	})
	must[*unstructured.Unstructured](t)(editor.Resource(own.WithResource("deployments")).Namespace(namespace).Create(ctx, deploymentAtOwnDoor(t, namespace, "web", 1), metav1.CreateOptions{}))
	for _, resource := range []string{"secrets", "deployments"} {
		if _, err := greedy.Resource(own.WithResource(resource)).Namespace(namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("a right on all of Drover's own group lists %s: %v", resource, err)
		}
	}
}

// What artifacts/install/roles.yaml gives at a host is served, and is all that the owner of an application works with.
func TestInstalledRoles(t *testing.T) {
	served := sets.New[string]()
	for _, r := range must[*metav1.APIResourceList](t)(api(t).kube.Discovery().ServerResourcesForGroupVersion(v1alpha1.SchemeGroupVersion.String())).APIResources {
		served.Insert(r.Name)
	}
	given := map[string]sets.Set[string]{}
	file := must[*os.File](t)(os.Open("../../artifacts/install/roles.yaml"))
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		var role rbacv1.ClusterRole
		if err := decoder.Decode(&role); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		given[role.Name] = sets.New[string]()
		for _, rule := range role.Rules {
			if !slices.Equal(rule.APIGroups, []string{v1alpha1.GroupName}) {
				t.Errorf("%s has rights in %v", role.Name, rule.APIGroups)
			}
			given[role.Name].Insert(rule.Resources...)
		}
		if strange := given[role.Name].Difference(served); len(strange) > 0 {
			t.Errorf("%s names what is not served: %v", role.Name, sets.List(strange))
		}
	}
	clusterWide := sets.New("clusters", "clusters/status", "migrations", "migrations/status")
	if missing := served.Difference(given["drover-edit"]).Difference(clusterWide); len(missing) > 0 {
		t.Errorf("drover-edit does not know %v", sets.List(missing))
	}
	if missing := served.Difference(given["drover-view"]).Difference(clusterWide); !missing.Equal(sets.New("secrets", "placementreviews")) {
		t.Errorf("drover-view does not read %v", sets.List(missing))
	}
}
