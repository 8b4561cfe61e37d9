// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package flatten

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"k8s.io/component-base/metrics"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
	"drover.dev/drover/pkg/dns/zone"
)

const atApex = `
version: 7
zones:
- {name: drover.test, nameServers: [{name: ns.elsewhere.test}]}
clusters: [{name: east}, {name: west}]
services:
- namespace: shop
  name: shop
  hosts: [drover.test, shop.drover.test]
  backends: [{cluster: east, hostname: lb.example.com, readyEndpoints: 1}]
- namespace: shop
  name: other
  hosts: [other.drover.test]
  backends: [{cluster: west, hostname: other.example.com, readyEndpoints: 1}]
`

// world is a store, and what resolvers say.
type world struct {
	*testing.T
	store   zone.Store
	asked   []string
	answers []string // none: they fail
	ttl     time.Duration
}

func (w *world) lookup(_ context.Context, host string) ([]string, time.Duration, error) {
	w.asked = append(w.asked, host)
	if w.answers == nil {
		return nil, 0, errors.New("no answer")
	}
	return w.answers, w.ttl, nil
}

func (w *world) replace(text string) {
	w.Helper()
	s, err := snapshot.Parse([]byte(text), time.Now())
	if err != nil {
		w.Fatal(err)
	}
	if err := w.store.Replace(s); err != nil {
		w.Fatal(err)
	}
}

// served are the addresses, or the alias, that a name is answered.
func (w *world) served(name string) string {
	w.Helper()
	var n wire.Name
	if !n.Parse(name) {
		w.Fatalf("%q is no name", name)
	}
	var a zone.Answer
	w.store.Load().Answer(&zone.Question{Name: &n, Text: func() string { return name }, Type: dns.TypeA, Client: &routing.Client{}}, &a)
	a.Expand(name)
	var out []string
	for _, rr := range a.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) want(when, apex string, asked int) {
	w.Helper()
	synctest.Wait()
	if got := w.served("drover.test."); got != apex {
		w.Errorf("%s the apex is answered %q, want %q", when, got, apex)
	}
	if got := w.served("shop.drover.test."); got != "lb.example.com." {
		w.Errorf("%s, where an alias may stand, the answer is %q", when, got)
	}
	if len(w.asked) != asked || slices.Contains(w.asked, "other.example.com") {
		w.Errorf("%s resolvers were asked for %v, want %d", when, w.asked, asked)
	}
}

// later lets simulated time pass.
func later(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble of synctest it takes no time
}

func TestNamesAtTheApexAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, answers: []string{"192.0.2.1", "192.0.2.2"}, ttl: 30 * time.Second}
		w.replace(atApex)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go New(&w.store, w.lookup, metrics.NewKubeRegistry()).Run(ctx)
		w.want("at first", "192.0.2.1 192.0.2.2", 1)
		serial := w.store.Load().Zones()["drover.test."].SOA().Serial

		w.answers = []string{"192.0.2.3"}
		later(29 * time.Second)
		w.want("before its records end", "192.0.2.1 192.0.2.2", 1)
		later(2 * time.Second)
		w.want("when they have ended", "192.0.2.3", 2)
		if now := w.store.Load().Zones()["drover.test."].SOA().Serial; now <= serial || w.store.Load().Version != 7 {
			t.Errorf("serial %d came after %d, of version %d", now, serial, w.store.Load().Version)
		}

		w.answers = nil
		later(31 * time.Second)
		w.want("while resolvers fail", "192.0.2.3", 3)
		later(5 * time.Second)
		w.want("while they go on failing", "192.0.2.3", 4)

		w.replace(atApex) // from a file, which says nothing of addresses
		w.want("after a new snapshot", "192.0.2.3", 4)
		restarted := &world{T: t}
		if err := restarted.store.Replace(w.store.Load().Snapshot()); err != nil {
			t.Fatal(err)
		}
		if got := restarted.served("drover.test."); got != "192.0.2.3" {
			t.Errorf("after a start without resolvers the apex is answered %q", got)
		}

		w.answers = []string{}
		later(time.Minute)
		synctest.Wait()
		if got := w.served("drover.test."); got != "" {
			t.Errorf("when the name has no addresses any more, the apex is answered %q", got)
		}

		given := strings.Replace(atApex, "hostname: lb.example.com,", `hostname: lb.example.com, hostnameAddresses: [203.0.113.1],`, 1)
		w.replace(given)
		asked := len(w.asked)
		later(time.Hour)
		w.want("where addresses are given", "203.0.113.1", asked)
	})
}

func TestInterval(t *testing.T) {
	for _, test := range []struct {
		ttl      time.Duration
		failures int
		want     time.Duration
	}{
		{time.Minute, 0, time.Minute},
		{0, 0, minInterval},
		{24 * time.Hour, 0, maxInterval},
		{time.Hour, 1, minInterval},
		{0, 2, 2 * minInterval},
		{0, 4, 8 * minInterval},
		{0, 5, maxRetry},
		{0, 1 << 30, maxRetry},
	} {
		if got := interval(test.ttl, test.failures); got != test.want {
			t.Errorf("%s after %d failures: got %s, want %s", test.ttl, test.failures, got, test.want)
		}
	}
}
