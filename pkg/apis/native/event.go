// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/kind"
)

var events = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "Event", "events", "event", "ev")
	k.New = func() runtime.Object { return &corev1.Event{} }
	k.NewList = func() runtime.Object { return &corev1.EventList{} }
	k.Doors = []kind.Door{eventDoor}
	k.TTL = time.Hour
	k.Fields = kind.Of(eventFields)
	k.Validate = kind.OfBoth(validateEvent)
	k.BareColumns = true
	k.Columns = []kind.Column{
		{Name: "Last Seen", Type: "string", Description: "Time since the event was last seen.", Value: kind.Of(func(e *corev1.Event) any { return since(lastSeen(e)) })},
		{Name: "Type", Type: "string", Description: "Normal or Warning.", Value: kind.Of(func(e *corev1.Event) any { return e.Type })},
		{Name: "Reason", Type: "string", Description: "Stable word for what happened.", Value: kind.Of(func(e *corev1.Event) any { return e.Reason })},
		{Name: "Object", Type: "string", Description: "What it happened to.", Value: kind.Of(func(e *corev1.Event) any {
			return strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		})},
		{Name: "Subobject", Type: "string", Wide: true, Description: "Part of the object it happened to.", Value: kind.Of(func(e *corev1.Event) any { return e.InvolvedObject.FieldPath })},
		{Name: "Source", Type: "string", Wide: true, Description: "Who reports it, and from where.", Value: kind.Of(func(e *corev1.Event) any { return reporter(e) })},
		{Name: "Message", Type: "string", Description: "What happened.", Value: kind.Of(func(e *corev1.Event) any { return strings.TrimSpace(e.Message) })},
		{Name: "First Seen", Type: "string", Wide: true, Description: "Time since the event was first seen.", Value: kind.Of(func(e *corev1.Event) any { return since(firstSeen(e)) })},
		{Name: "Count", Type: "string", Wide: true, Description: "How often it happened.", Value: kind.Of(func(e *corev1.Event) any { return times(e) })},
		{Name: "Name", Type: "string", Format: "name", Wide: true, Description: "Name of the event.", Value: kind.Of(func(e *corev1.Event) any { return e.Name })},
	}
	return k
}()

// validateEvent checks that an event is where the object is that it is about. Those about what is in no namespace are in
// the namespace default.
func validateEvent(e, _ *corev1.Event) field.ErrorList {
	about := e.InvolvedObject.Namespace
	if about == e.Namespace || about == "" && e.Namespace == metav1.NamespaceDefault {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("involvedObject", "namespace"), about, "does not match event.namespace")}
}

func eventFields(e *corev1.Event) fields.Set {
	return fields.Set{
		"involvedObject.kind":            e.InvolvedObject.Kind,
		"involvedObject.namespace":       e.InvolvedObject.Namespace,
		"involvedObject.name":            e.InvolvedObject.Name,
		"involvedObject.uid":             string(e.InvolvedObject.UID),
		"involvedObject.apiVersion":      e.InvolvedObject.APIVersion,
		"involvedObject.resourceVersion": e.InvolvedObject.ResourceVersion,
		"involvedObject.fieldPath":       e.InvolvedObject.FieldPath,
		"reason":                         e.Reason,
		"reportingComponent":             e.ReportingController,
		"source":                         cmp.Or(e.Source.Component, e.ReportingController),
		"type":                           e.Type,
	}
}

func firstSeen(e *corev1.Event) time.Time {
	if e.FirstTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.FirstTimestamp.Time
}

func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case e.LastTimestamp.IsZero():
		return firstSeen(e)
	}
	return e.LastTimestamp.Time
}

// since is how long ago something was, as kubectl shows it.
func since(t time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(metav1.Now().Sub(t))
}

func times(e *corev1.Event) int64 {
	if e.Series != nil {
		return int64(e.Series.Count)
	}
	return int64(max(e.Count, 1))
}

// reporter is who reports an event, and the host it does so from.
func reporter(e *corev1.Event) string {
	component, host := cmp.Or(e.Source.Component, e.ReportingController), cmp.Or(e.Source.Host, e.ReportingInstance)
	if host == "" {
		return component
	}
	return component + ", " + host
}
