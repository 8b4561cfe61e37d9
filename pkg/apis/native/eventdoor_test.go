// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// What comes in by one door of events comes out by the other whole.
func TestEventConversion(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := AddConversions(scheme); err != nil {
		t.Fatal(err)
	}
	at := func(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }
	event := corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: "one", Namespace: "default"},
		InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Name: "web"}, Related: &corev1.ObjectReference{Kind: "Pod", Name: "web-1"},
		Reason: "Tested", Message: "a test", Type: "Warning", Action: "Testing", Count: 3, Source: corev1.EventSource{Component: "test", Host: "here"},
		ReportingController: "example.com/test", ReportingInstance: "test-1",
		FirstTimestamp: metav1.NewTime(at(1)), LastTimestamp: metav1.NewTime(at(2)), EventTime: metav1.NewMicroTime(at(3)),
		Series: &corev1.EventSeries{Count: 2, LastObservedTime: metav1.NewMicroTime(at(4))},
	}
	for i := range reflect.TypeFor[corev1.Event]().NumField() {
		if name := reflect.TypeFor[corev1.Event]().Field(i).Name; name != "TypeMeta" && reflect.ValueOf(event).Field(i).IsZero() {
			t.Errorf("the test leaves out %s", name)
		}
	}
	list := &corev1.EventList{ListMeta: metav1.ListMeta{ResourceVersion: "5", Continue: "x"}, Items: []corev1.Event{event, {}}}
	between, back := &eventsv1.EventList{}, &corev1.EventList{}
	if err := scheme.Convert(list, between, nil); err != nil {
		t.Fatal(err)
	}
	if err := scheme.Convert(between, back, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, back); diff != "" {
		t.Errorf("there and back (-before +after):\n%s", diff)
	}
	if got := between.Items[0]; got.Regarding.Name != "web" || got.Note != "a test" || got.DeprecatedCount != 3 {
		t.Errorf("at the other door %+v", got)
	}
}
