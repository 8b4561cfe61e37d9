// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"io"
	"net/http"
	"time"

	"k8s.io/client-go/transport"
)

// deadline bounds every request, with its answer, but for watches: an API server that hangs holds up no worker for ever.
func deadline(timeout time.Duration) transport.WrapperFunc {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if request.URL.Query().Get("watch") != "" {
				return next.RoundTrip(request)
			}
			ctx, cancel := context.WithTimeout(request.Context(), timeout)
			response, err := next.RoundTrip(request.WithContext(ctx))
			if err != nil {
				cancel()
				return nil, err
			}
			response.Body = &body{response.Body, cancel}
			return response, nil
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// body ends its request when it is closed.
type body struct {
	io.ReadCloser
	end context.CancelFunc
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
