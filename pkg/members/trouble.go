// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	// sluggish is how long even the fastest answer takes of a member that is slow.
	sluggish = time.Second
	// throttledFor is how long a member that said it has too much to do is taken to have.
	throttledFor = 10 * time.Second
	// looked is how much of a failure is searched for its cause, in bytes.
	looked = 4 << 10
)

// noSpace is how etcd says that it has reached its quota, which API servers pass on.
var noSpace = []byte("database space exceeded")

// trouble is what is wrong with a member that answers. The zero value is none.
type trouble struct {
	mu        sync.Mutex
	full      bool      // the last write failed for want of space
	throttled time.Time // when it last said that it has too much to do
	fastest   time.Duration
	slow      bool
}

// answered takes note of an answer. The body of a failure is read in part, and put back.
func (t *trouble) answered(request *http.Request, response *http.Response, took time.Duration, now time.Time) {
	full := response.StatusCode == http.StatusInternalServerError && bytes.Contains(peek(response), noSpace)
	t.mu.Lock()
	defer t.mu.Unlock()
	if took > 0 && (t.fastest == 0 || took < t.fastest) {
		t.fastest = took
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		t.throttled = now
	case full:
		t.full = true
	case request.Method != http.MethodGet && request.Method != http.MethodDelete && response.StatusCode < http.StatusBadRequest && !isReview(request):
		t.full = false
	}
}

// isReview says whether a request stores nothing.
func isReview(request *http.Request) bool {
	return strings.HasSuffix(request.URL.Path, "reviews") || strings.HasSuffix(request.URL.Path, "/token")
}

func peek(response *http.Response) []byte {
	start, err := io.ReadAll(io.LimitReader(response.Body, looked))
	if err != nil {
		return nil // whoever reads the rest is told
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), response.Body), response.Body}
	return start
}

// Trouble is what is wrong with the member though it answers: a reason, and a sentence. Both are empty if nothing is. How
// fast it is is judged by the answers since the last call.
func (m *Member) Trouble(now time.Time) (reason, message string) { return m.trouble.look(now) }

func (t *trouble) look(now time.Time) (reason, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fastest > 0 {
		t.slow = t.fastest > sluggish
	}
	fastest := t.fastest
	t.fastest = 0
	switch {
	case t.full:
		return v1alpha1.ReasonOutOfSpace, "its etcd has no space left, so nothing can be written: raise etcd's quota, or compact and defragment it, and disarm its alarm"
	case !t.throttled.IsZero() && now.Sub(t.throttled) < throttledFor:
		return v1alpha1.ReasonThrottled, "it answers that it has too many requests (429): Drover sends fewer; look at its API priority and fairness, and who else asks much of it"
	case t.slow:
		return v1alpha1.ReasonSlow, fmt.Sprintf("it takes %s or more for every answer: Drover sends fewer requests at once", fastest.Round(sluggish))
	}
	return "", ""
}
