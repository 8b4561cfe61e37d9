// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	const timeout = 100 * time.Millisecond
	for _, tt := range []struct {
		name, query string
		answers     func(w http.ResponseWriter, silent <-chan struct{})
		want        error
	}{
		{"an answer in time", "", func(w http.ResponseWriter, _ <-chan struct{}) { _, _ = io.WriteString(w, "answer") }, nil},
		{"no answer", "", func(_ http.ResponseWriter, silent <-chan struct{}) { <-silent }, context.DeadlineExceeded},
		{"half an answer", "", func(w http.ResponseWriter, silent <-chan struct{}) {
			w.(http.Flusher).Flush()
			<-silent
		}, context.DeadlineExceeded},
		{"a watch may be silent", "watch=true", func(w http.ResponseWriter, _ <-chan struct{}) {
			w.(http.Flusher).Flush()
			time.Sleep(2 * timeout) //nolint:forbidigo // it is the time that is tried
			_, _ = io.WriteString(w, "event")
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			silent := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answers(w, silent) }))
			defer server.Close()
			defer close(silent)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"?"+tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := deadline(timeout)(http.DefaultTransport).RoundTrip(request)
			if err == nil {
				_, err = io.ReadAll(response.Body)
				if closing := response.Body.Close(); err == nil {
					err = closing
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
