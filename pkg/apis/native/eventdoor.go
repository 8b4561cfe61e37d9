// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"drover.dev/drover/pkg/apis/kind"
)

// eventDoor is the group events.k8s.io, where the same events have other field names. Nothing is lost either way.
var eventDoor = kind.Door{
	ShortNames:   []string{"ev"},
	GroupVersion: eventsv1.SchemeGroupVersion,
	Fields: map[string]string{
		"regarding.kind":            "involvedObject.kind",
		"regarding.namespace":       "involvedObject.namespace",
		"regarding.name":            "involvedObject.name",
		"regarding.uid":             "involvedObject.uid",
		"regarding.apiVersion":      "involvedObject.apiVersion",
		"regarding.resourceVersion": "involvedObject.resourceVersion",
		"regarding.fieldPath":       "involvedObject.fieldPath",
		"reason":                    "reason",
		"reportingController":       "reportingComponent",
		"type":                      "type",
	},
}

func toCoreEvent(in *eventsv1.Event, out *corev1.Event) {
	*out = corev1.Event{
		ObjectMeta: in.ObjectMeta, InvolvedObject: in.Regarding, Related: in.Related,
		Type: in.Type, Reason: in.Reason, Action: in.Action, Message: in.Note,
		ReportingController: in.ReportingController, ReportingInstance: in.ReportingInstance, Source: in.DeprecatedSource,
		EventTime: in.EventTime, FirstTimestamp: in.DeprecatedFirstTimestamp, LastTimestamp: in.DeprecatedLastTimestamp, Count: in.DeprecatedCount,
	}
	if in.Series != nil {
		out.Series = &corev1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
}

func toEvent(in *corev1.Event, out *eventsv1.Event) {
	*out = eventsv1.Event{
		ObjectMeta: in.ObjectMeta, Regarding: in.InvolvedObject, Related: in.Related,
		Type: in.Type, Reason: in.Reason, Action: in.Action, Note: in.Message,
		ReportingController: in.ReportingController, ReportingInstance: in.ReportingInstance, DeprecatedSource: in.Source,
		EventTime: in.EventTime, DeprecatedFirstTimestamp: in.FirstTimestamp, DeprecatedLastTimestamp: in.LastTimestamp, DeprecatedCount: in.Count,
	}
	if in.Series != nil {
		out.Series = &eventsv1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
}
