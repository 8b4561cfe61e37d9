// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"drover.dev/drover/pkg/controllers/burst"
	ownscheme "drover.dev/drover/pkg/generated/clientset/versioned/scheme"
)

// eventRecorder makes what records Events in the federation until the context ends.
func (c *clients) eventRecorder(ctx context.Context, decided *burst.Burst) (record.EventRecorder, func(), error) {
	known := runtime.NewScheme() // one of its own: client-go's is read by others meanwhile
	if err := errors.Join(kubescheme.AddToScheme(known), ownscheme.AddToScheme(known)); err != nil {
		return nil, nil, err
	}
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&restingSink{EventSink: &typedcore.EventSinkImpl{Interface: c.kube.CoreV1().Events("")}, ctx: ctx, decided: decided})
	return broadcaster.NewRecorder(known, corev1.EventSource{Component: "drover"}), broadcaster.Shutdown, nil
}

// restingSink writes Events, one after the other, later while very much is decided.
type restingSink struct {
	record.EventSink
	ctx     context.Context // the methods of the interface have none
	decided *burst.Burst
}

func (s *restingSink) Create(event *corev1.Event) (*corev1.Event, error) {
	s.rest(event)
	return s.EventSink.Create(event)
}

func (s *restingSink) Patch(event *corev1.Event, data []byte) (*corev1.Event, error) {
	s.rest(event)
	return s.EventSink.Patch(event, data)
}

func (s *restingSink) rest(event *corev1.Event) {
	for s.ctx.Err() == nil {
		wait := s.decided.Rest(event.LastTimestamp.Time, time.Now())
		if wait == 0 {
			return
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(wait):
		}
	}
}
