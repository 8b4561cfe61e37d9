// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestTrouble(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type answer struct {
		method, path string
		status       int
		body         string
		took         time.Duration
		at           time.Duration
	}
	const fast, late = 10 * time.Millisecond, 2 * time.Second
	full := answer{http.MethodPatch, "/apis/apps/v1/namespaces/a/deployments/web", 500, `{"message":"etcdserver: mvcc: database space exceeded"}`, fast, 0}
	throttled := answer{http.MethodPatch, "/api/v1/configmaps", 429, "", fast, 0}
	for name, test := range map[string]struct {
		answers []answer
		at      time.Duration
		want    string
	}{
		"nothing was asked":           {},
		"all is well":                 {answers: []answer{{http.MethodPatch, "/api/v1/configmaps", 200, "{}", fast, 0}, {http.MethodGet, "/readyz", 200, "ok", late, 0}}},
		"no space":                    {answers: []answer{full}, want: v1alpha1.ReasonOutOfSpace},
		"no space, but for reads":     {answers: []answer{full, {http.MethodGet, "/readyz", 200, "ok", fast, 0}}, want: v1alpha1.ReasonOutOfSpace},
		"no space, but for deletes":   {answers: []answer{full, {http.MethodDelete, "/api/v1/configmaps/a", 200, "", fast, 0}}, want: v1alpha1.ReasonOutOfSpace},
		"no space, but for reviews":   {answers: []answer{full, {http.MethodPost, "/apis/a/selfsubjectaccessreviews", 201, "", fast, 0}}, want: v1alpha1.ReasonOutOfSpace},
		"space again":                 {answers: []answer{full, {http.MethodPost, "/api/v1/configmaps", 201, "{}", fast, 0}}},
		"another failure":             {answers: []answer{{http.MethodPatch, "/api/v1/configmaps", 500, "panic", fast, 0}}},
		"too much to do":              {answers: []answer{throttled}, want: v1alpha1.ReasonThrottled},
		"too much to do a moment ago": {answers: []answer{throttled, {http.MethodGet, "/readyz", 200, "ok", fast, 5 * time.Second}}, at: 5 * time.Second, want: v1alpha1.ReasonThrottled},
		"too much to do before":       {answers: []answer{throttled}, at: throttledFor},
		"slow":                        {answers: []answer{{http.MethodGet, "/readyz", 200, "ok", late, 0}, {http.MethodGet, "/version", 200, "{}", late, 0}}, want: v1alpha1.ReasonSlow},
		"slow once":                   {answers: []answer{{http.MethodGet, "/readyz", 200, "ok", late, 0}, {http.MethodGet, "/version", 200, "{}", fast, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Member{}
			for _, a := range test.answers {
				response := &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body))}
				m.trouble.answered(&http.Request{Method: a.method, URL: &url.URL{Path: a.path}}, response, a.took, now.Add(a.at))
				if body, err := io.ReadAll(response.Body); string(body) != a.body || err != nil {
					t.Errorf("the body is %q, want %q (%v)", body, a.body, err)
				}
			}
			reason, message := m.Trouble(now.Add(test.at))
			if reason != test.want || (message == "") != (reason == "") {
				t.Errorf("got %q: %s; want %q", reason, message, test.want)
			}
		})
	}
}
