// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	"drover.dev/drover/pkg/apis/kind"
)

var events = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "Event", "events", "event", "ev")
	k.New = func() runtime.Object { return &corev1.Event{} }
	k.NewList = func() runtime.Object { return &corev1.EventList{} }
	k.Doors = []kind.Door{eventDoor}
	k.TTL = time.Hour
	k.Fields = kind.Of(eventFields)
	k.BareColumns = true
	k.Columns = []kind.Column{
		{Name: "Last Seen", Type: "string", Description: "Time since the event was last seen.", Value: kind.Of(func(e *corev1.Event) any { return lastSeen(e) })},
		{Name: "Type", Type: "string", Description: "Normal or Warning.", Value: kind.Of(func(e *corev1.Event) any { return e.Type })},
		{Name: "Reason", Type: "string", Description: "Stable word for what happened.", Value: kind.Of(func(e *corev1.Event) any { return e.Reason })},
		{Name: "Object", Type: "string", Description: "What it happened to.", Value: kind.Of(func(e *corev1.Event) any {
			return strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		})},
		{Name: "Message", Type: "string", Description: "What happened.", Value: kind.Of(func(e *corev1.Event) any { return strings.TrimSpace(e.Message) })},
		{Name: "Count", Type: "integer", Wide: true, Description: "How often it happened.", Value: kind.Of(func(e *corev1.Event) any { return int64(max(e.Count, 1)) })},
		{Name: "Name", Type: "string", Wide: true, Description: "Name of the event.", Value: kind.Of(func(e *corev1.Event) any { return e.Name })},
	}
	return k
}()

func eventFields(e *corev1.Event) fields.Set {
	source := e.Source.Component
	if source == "" {
		source = e.ReportingController
	}
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
		"source":                         source,
		"type":                           e.Type,
	}
}

func lastSeen(e *corev1.Event) string {
	last := e.LastTimestamp.Time
	switch {
	case e.Series != nil:
		last = e.Series.LastObservedTime.Time
	case last.IsZero():
		last = e.EventTime.Time
	}
	if last.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(metav1.Now().Sub(last))
}
