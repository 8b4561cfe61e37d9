// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

func named(namespace, name string) *Service {
	s := &Service{Key: snapshot.Key{Namespace: namespace, Name: name}}
	s.layOut()
	return s
}

// Whatever is set and removed, in whatever order, names find what a map does; and what was cloned before stays as it was.
func TestNamesAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		served, want := newNames(0), map[snapshot.Key]*Service{}
		check := func(n *names, want map[snapshot.Key]*Service) {
			namespaces := map[string]int{}
			for i := range 60 {
				s := numbered(i)
				if got := n.find(s.labels); got != want[s.Key] {
					t.Fatalf("%v: got %p, want %p", s.Key, got, want[s.Key])
				}
				if want[s.Key] != nil {
					namespaces[s.Key.Namespace]++
				}
			}
			if n.taken != len(want) || !maps.Equal(n.namespaces, namespaces) {
				t.Fatalf("%d taken, of %d; %v, want %v", n.taken, len(want), n.namespaces, namespaces)
			}
		}
		for range rapid.IntRange(1, 80).Draw(t, "changes") {
			s := numbered(rapid.IntRange(0, 59).Draw(t, "service"))
			before, wanted := served, maps.Clone(want)
			served = before.clone()
			if rapid.Bool().Draw(t, "set") {
				served.set(s)
				want[s.Key] = s
			} else {
				served.remove(s)
				delete(want, s.Key)
			}
			check(&before, wanted)
			check(&served, want)
		}
	})
}

func numbered(i int) *Service { return named(fmt.Sprintf("ns%d", i%3), fmt.Sprintf("s%d", i)) }

// What a name of a service will be answered from is found whatever stands before and after the service's labels.
func TestWarmFindsServices(t *testing.T) {
	ix := loaded(t).Load()
	service := ix.services[snapshot.Key{Namespace: "default", Name: "web"}]
	for name, want := range map[string][]*Service{
		web:                 {service},
		"_explain." + web:   nil,
		"_http._tcp." + web: {service},
		"web.default.federation.svc.us-east1.drover.test":     {service},
		"web.default.federation.svc.east.cluster.drover.test": {service},
		"nope.default.federation.svc.drover.test":             nil,
		"drover.test": nil,
		"":            nil,
		"_":           nil,
	} {
		var w Warmer
		queries := make([]wire.Query, 2) // the second could not be read
		if !queries[0].Name.Parse(name) {
			t.Fatalf("%q is no name", name)
		}
		if w.Warm(ix, queries); !slices.Equal(w.services, want) {
			t.Errorf("%q: %d services", name, len(w.services))
		}
	}
}
