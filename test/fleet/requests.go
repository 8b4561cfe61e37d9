// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"maps"
	"net/http"
	"strings"
	"sync"

	"k8s.io/apiserver/pkg/endpoints/request"
)

// Request is a sort of requests that are counted together.
type Request struct {
	// Verb of Kubernetes, such as list or patch; for other paths that of HTTP in lower case.
	Verb string `json:"verb"`
	// Resource with its subresource, e.g. "deployments/status"; a path such as "/readyz" where it is none.
	Resource string `json:"resource"`
	// UserAgent is the client's name, without its version.
	UserAgent string `json:"userAgent"`
}

// counter counts requests.
type counter struct {
	mu     sync.Mutex
	counts map[Request]int
}

func (c *counter) add(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[Request]int{}
	}
	c.counts[r]++
}

func (c *counter) snapshot() map[Request]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// sortOf says what a request is counted as.
func sortOf(r *http.Request, info *request.RequestInfo) Request {
	agent, _, _ := strings.Cut(r.UserAgent(), "/")
	agent, _, _ = strings.Cut(agent, " ")
	out := Request{Verb: info.Verb, Resource: info.Path, UserAgent: agent}
	if info.IsResourceRequest {
		out.Resource = info.Resource
		if info.Subresource != "" {
			out.Resource += "/" + info.Subresource
		}
	}
	return out
}
