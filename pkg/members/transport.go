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

// silence is how long an answer may take until the member is asked how it is.
const silence = 2 * time.Second

// time takes note of how long the member takes to answer, and what.
func (m *Member) time(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		began := time.Now()
		if request.Method == http.MethodGet && request.URL.RawQuery != "" {
			response, err := next.RoundTrip(request) // a list or a watch: what there is decides how long it takes
			if err == nil {
				m.trouble.answered(request, response, 0, time.Now())
			}
			return response, err
		}
		if request.Context().Value(probing{}) == nil {
			defer time.AfterFunc(silence, m.suspected).Stop()
		}
		response, err := next.RoundTrip(request)
		now := time.Now()
		switch {
		case err == nil:
			m.lane.answered(began, now, response.StatusCode == http.StatusTooManyRequests)
			m.trouble.answered(request, response, now.Sub(began), now)
		case errors.Is(err, context.DeadlineExceeded):
			m.lane.answered(began, now, true)
		case !errors.Is(err, context.Canceled):
			m.suspected()
		}
		return response, err
	})
}

// uncompressed has what is watched sent as it is. Else an API server compresses each event of an informer's watch by itself,
// and that takes CPU on either side for every change.
func uncompressed(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodGet && request.URL.Query().Get("watch") != "" {
			request = request.Clone(request.Context())
			request.Header.Set("Accept-Encoding", "identity")
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
