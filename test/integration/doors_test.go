// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	eventsapply "k8s.io/client-go/applyconfigurations/events/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
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

// kubectl get ev finds them once.
func TestSecondDoorHasNoShortNames(t *testing.T) {
	list := must[*metav1.APIResourceList](t)(api(t).kube.Discovery().ServerResourcesForGroupVersion("events.k8s.io/v1"))
	if len(list.APIResources) != 1 || list.APIResources[0].Name != "events" || len(list.APIResources[0].ShortNames) > 0 || len(list.APIResources[0].Categories) > 0 {
		t.Errorf("announced are %+v", list.APIResources)
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
