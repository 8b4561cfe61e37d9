// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// promptly is how soon a healthy member has a change: less than a request to one that is not is waited for.
const promptly = 8 * time.Second

// Whatever goes wrong with a member, or with the way to it, the other one is not delayed, a condition of the Cluster says
// what it is, a member that is lost is asked by one probe that comes more and more rarely, and when it is healed the member
// is brought up to date.
func TestFaults(t *testing.T) {
	f := breaking(t)
	proxy, err := lab.StartProxy(f.members["south"])
	if err != nil {
		t.Fatal(err)
	}
	if err := f.JoinThrough(t.Context(), f.members["south"], proxy, "--renew"); err != nil {
		t.Fatal(err)
	}
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	healed := func() error {
		proxy.Answer(nil)
		return nil
	}
	counted := &unready{}
	for i, fault := range []struct {
		name           string
		inject         func()
		heal           func() error
		condition, why string
		meanwhile      func(*space)
	}{
		{"refuses", proxy.Refuse, proxy.Serve, v1alpha1.ConditionReady, v1alpha1.ReasonUnreachable, nil},
		{"has an expired certificate", func() { proxy.Expire(true) }, func() error { proxy.Expire(false); return nil }, v1alpha1.ConditionReady, v1alpha1.ReasonTLSFailed, nil},
		{"answers nothing", func() { proxy.Blackhole(true) }, func() error { proxy.Blackhole(false); return nil }, v1alpha1.ConditionReady, v1alpha1.ReasonUnreachable, nil},
		{"is not ready", func() { proxy.Answer(counted.answer) }, healed, v1alpha1.ConditionReady, v1alpha1.ReasonNotReady, counted.wantOneProbe},
		{"is out of space", func() { proxy.Answer(outOfSpace) }, healed, v1alpha1.ConditionImpaired, v1alpha1.ReasonOutOfSpace, nil},
		{"has too much to do", func() { proxy.Answer(tooManyRequests) }, healed, v1alpha1.ConditionImpaired, v1alpha1.ReasonThrottled, nil},
		{"is slow", func() { proxy.Answer(slowly) }, healed, v1alpha1.ConditionImpaired, v1alpha1.ReasonSlow, nil},
	} {
		if !t.Run(fault.name, func(t *testing.T) {
			s := &space{T: t, federation: f, name: s.name}
			image := fmt.Sprintf("example.com/web:%d", i+2)
			fault.inject()
			s.setImage(image)
			if took := s.eventuallyImage("north", image); took > promptly {
				t.Errorf("north had the change only after %s", took)
			}
			s.eventuallySays("south", fault.condition, fault.why)
			if fault.meanwhile != nil {
				fault.meanwhile(s)
			}
			if err := fault.heal(); err != nil {
				t.Fatal(err)
			}
			t.Logf("south has the change %.1fs after it is healed", s.eventuallyImage("south", image).Seconds())
			harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
			s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
		}) {
			break
		}
	}
	harness.Eventually(t, patience, func() error {
		c, err := f.Drover.FederationV1alpha1().Clusters().Get(t.Context(), "south", getOptions)
		if err == nil && meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionImpaired) != nil {
			return fmt.Errorf("south is healed, and has the conditions %+v", c.Status.Conditions)
		}
		return err
	})
}

// eventuallySays waits until a cluster has a condition that is bad, for a reason.
func (s *space) eventuallySays(cluster, condition, reason string) {
	s.Helper()
	bad := metav1.ConditionTrue
	if condition == v1alpha1.ConditionReady {
		bad = metav1.ConditionFalse
	}
	took := harness.Eventually(s, patience, func() error {
		c, err := s.Drover.FederationV1alpha1().Clusters().Get(s.Context(), cluster, getOptions)
		if err != nil {
			return err
		}
		if is := meta.FindStatusCondition(c.Status.Conditions, condition); is == nil || is.Status != bad || is.Reason != reason || is.Message == "" {
			return fmt.Errorf("condition %s of %s is %+v, want the reason %s", condition, cluster, is, reason)
		}
		return nil
	})
	s.Logf("%s says %s after %.1fs", cluster, reason, took.Seconds())
}

// unready answers that the member is not ready, and counts what it is asked: probes, and all else.
type unready struct{ probes, others atomic.Int32 }

func (u *unready) answer(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	if r.URL.Path == "/readyz" {
		u.probes.Add(1)
	} else {
		u.others.Add(1)
	}
	fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "not ready")
}

// wantOneProbe waits for some more probes, and fails if a member that is lost was asked for more than that meanwhile.
func (u *unready) wantOneProbe(s *space) {
	s.Helper()
	probes, others := u.probes.Load(), u.others.Load()
	harness.Eventually(s, patience, func() error {
		if more := u.probes.Load() - probes; more < 2 {
			return fmt.Errorf("%d probes came", more)
		}
		return nil
	})
	if more := u.others.Load() - others; more > 0 {
		s.Errorf("%d requests came to a member that is lost, besides the probes", more)
	}
}

// outOfSpace lets writes fail as an API server does whose etcd has reached its quota.
func outOfSpace(w http.ResponseWriter, r *http.Request, member http.Handler) {
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		member.ServeHTTP(w, r)
		return
	}
	fail(w, http.StatusInternalServerError, "InternalError", "etcdserver: mvcc: database space exceeded")
}

// tooManyRequests answers as an API server that has too much to do: all but health checks.
func tooManyRequests(w http.ResponseWriter, r *http.Request, member http.Handler) {
	if strings.HasSuffix(r.URL.Path, "z") {
		member.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")
}

// slowly takes two seconds for every request.
func slowly(w http.ResponseWriter, r *http.Request, member http.Handler) {
	delay := time.NewTimer(2 * time.Second)
	defer delay.Stop()
	select {
	case <-delay.C:
		member.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}

func fail(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)) // the client may be gone
}
