// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// authorize sends the newest token with every request, so that renewing it breaks no connection.
func (m *Member) authorize(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if token := *m.token.Load(); token != "" {
			request = request.Clone(request.Context())
			request.Header.Set("Authorization", "Bearer "+token)
		}
		return next.RoundTrip(request)
	})
}

// time takes note of how long the member takes to answer.
func (m *Member) time(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		began := time.Now()
		response, err := next.RoundTrip(request)
		switch {
		case request.Method == http.MethodGet && request.URL.RawQuery != "":
			// A list or a watch: what there is decides how long it takes.
		case err == nil:
			m.lane.answered(began, time.Now(), response.StatusCode == http.StatusTooManyRequests)
		case errors.Is(err, context.DeadlineExceeded):
			m.lane.answered(began, time.Now(), true)
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
