// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"k8s.io/apiserver/pkg/endpoints/request"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const openAPIRoot = "/openapi/v3"

// OwnOpenAPI tells the host of the schemas of Drover's own group and of no others. A kube-apiserver takes each path that an
// aggregated server names for that server's: it would lead who asks for the schema of its own Deployments here.
func OwnOpenAPI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, known := request.UserFrom(r.Context())
		if !known || !IsUser(who) || strings.TrimSuffix(r.URL.Path, "/") != openAPIRoot {
			next.ServeHTTP(w, r)
			return
		}
		whole := r.Clone(r.Context())
		whole.Header.Del("If-None-Match")
		whole.Header.Del("If-Modified-Since")
		whole.Header.Del("Range")
		whole.Header.Del("Accept-Encoding")
		answer := &buffered{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(answer, whole)
		body, status := answer.body.Bytes(), answer.status
		if status == http.StatusOK {
			var err error
			if body, err = onlyOwn(body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		w.Header().Set("Content-Type", answer.header.Get("Content-Type"))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

// onlyOwn leaves the path of Drover's own group in the root of an OpenAPI v3.
func onlyOwn(root []byte) ([]byte, error) {
	var document struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(root, &document); err != nil {
		return nil, err
	}
	own := "apis/" + v1alpha1.SchemeGroupVersion.String()
	for path := range document.Paths {
		if path != own {
			delete(document.Paths, path)
		}
	}
	return json.Marshal(document)
}

// buffered keeps an answer.
type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header            { return b.header }
func (b *buffered) WriteHeader(status int)         { b.status = status }
func (b *buffered) Write(data []byte) (int, error) { return b.body.Write(data) }
