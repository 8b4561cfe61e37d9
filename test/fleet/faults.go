// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Faults are what is wrong with a cluster. Several may be at once; the zero value is a healthy cluster.
type Faults struct {
	// Latency is how long each request waits before anything is done about it; a watch only when it begins.
	Latency metav1.Duration `json:"latency,omitzero"`
	// Blackhole answers nothing, on connections there are and on new ones, which are accepted: as if the process was
	// suspended, or the network dropped packets. What was held back arrives when it is healed.
	Blackhole bool `json:"blackhole,omitempty"`
	// Refuse closes the port and all connections, as if the process was killed. What is stored stays.
	Refuse bool `json:"refuse,omitempty"`
	// RetryAfter answers 429 with this many seconds to all but health checks, as an overloaded API server does.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Status answers with this HTTP status of 500 to 599 to everything.
	Status int `json:"status,omitempty"`
	// ExpiredCertificate closes all connections, and serves with a certificate that has expired.
	ExpiredCertificate bool `json:"expiredCertificate,omitempty"`
	// OutOfSpace lets creates and updates fail as Kubernetes does when etcd has reached its quota.
	OutOfSpace bool `json:"outOfSpace,omitempty"`
	// ForbidWatches answers 403 to watches. Those under way are ended.
	ForbidWatches bool `json:"forbidWatches,omitempty"`
}

func (f Faults) validate() error {
	var errs []error
	if f.Latency.Duration < 0 {
		errs = append(errs, fmt.Errorf("latency: %s is negative", f.Latency.Duration))
	}
	if f.RetryAfter < 0 {
		errs = append(errs, fmt.Errorf("retryAfter: %d is negative; give seconds", f.RetryAfter))
	}
	if f.Status != 0 && (f.Status < 500 || f.Status > 599) {
		errs = append(errs, fmt.Errorf("status: %d is not from 500 to 599", f.Status))
	}
	return errors.Join(errs...)
}

// Fault makes these, and no others, the faults of the cluster. Fault(Faults{}) heals it. It fails if the port that was
// refused has been taken meanwhile.
func (c *Cluster) Fault(is Faults) error {
	if err := is.validate(); err != nil {
		return fmt.Errorf("faults of cluster %s: %w", c.Name, err)
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	was := c.faulty()
	c.faults.Store(&is)
	c.space.Refuse(nil)
	if is.OutOfSpace {
		c.space.Refuse(rpctypes.ErrNoSpace)
	}
	c.port.Blackhole(is.Blackhole)
	if is.ForbidWatches && !was.ForbidWatches {
		c.DropWatches()
	}
	if is.ExpiredCertificate && !was.ExpiredCertificate {
		c.port.CloseConnections()
	}
	switch {
	case is.Refuse:
		c.stopServing()
	case c.server == nil:
		return c.serve()
	}
	return nil
}

// Heal makes the cluster healthy.
func (c *Cluster) Heal() error { return c.Fault(Faults{}) }

// Faults returns what is wrong with the cluster.
func (c *Cluster) Faults() Faults { return c.faulty() }

func (c *Cluster) faulty() Faults { return *c.faults.Load() }

// DropWatches ends all watches. Clients begin new ones where they were.
func (c *Cluster) DropWatches() { c.space.DropWatches() }

// Compact forgets what changed before now: watches that begin at an earlier resource version get 410 Gone.
func (c *Cluster) Compact() { c.space.Compact(0) }

// healthChecks are exempt from an API server's limits.
var healthChecks = []string{"/healthz", "/livez", "/readyz"}

// fail answers a request if a fault does.
func (f Faults) fail(w http.ResponseWriter, r *http.Request, info *request.RequestInfo) (answered bool) {
	if f.Latency.Duration > 0 && !wait(r, f.Latency.Duration) {
		return true
	}
	var err error
	switch {
	case f.Status != 0:
		err = &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: int32(f.Status), Reason: metav1.StatusReasonInternalError, Message: "simulated failure",
		}}
	case f.RetryAfter > 0 && !slices.Contains(healthChecks, info.Path):
		err = apierrors.NewTooManyRequests("too many requests, please try again later", f.RetryAfter)
	default:
		return false
	}
	responsewriters.ErrorNegotiated(err, codecs, schema.GroupVersion{Group: info.APIGroup, Version: info.APIVersion}, w, r)
	return true
}

// wait says whether the client still waits too.
func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
