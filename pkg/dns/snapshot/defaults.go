// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"slices"
	"strings"
)

// Defaults of what a snapshot may leave out; see the fields.
const (
	DefaultFreshSeconds       = 120
	DefaultGraceSeconds       = 3600
	DefaultFederation         = "federation"
	DefaultZoneTTLSeconds     = 3600
	DefaultNegativeTTLSeconds = 30
	DefaultServiceTTLSeconds  = 20
)

// Complete fills in defaults and brings lists into order. Names become lower-case, without the dot at the end.
func (s *Snapshot) Complete() {
	orElse(&s.FreshSeconds, DefaultFreshSeconds)
	orElse(&s.GraceSeconds, DefaultGraceSeconds)
	for i := range s.Zones {
		s.Zones[i].complete()
	}
	for i := range s.Clusters {
		s.Clusters[i].Complete()
	}
	for i := range s.Services {
		s.Services[i].Complete()
	}
	slices.SortFunc(s.Clusters, func(a, b Cluster) int { return cmp.Compare(a.Name, b.Name) })
}

func (z *Zone) complete() {
	z.Name = canonical(z.Name)
	orElse(&z.Federation, DefaultFederation)
	orElse(&z.TTLSeconds, DefaultZoneTTLSeconds)
	orElse(&z.NegativeTTLSeconds, DefaultNegativeTTLSeconds)
	orElse(&z.Mailbox, "hostmaster@"+z.Name)
	for i := range z.NameServers {
		z.NameServers[i].Name = canonical(z.NameServers[i].Name)
	}
}

// Complete fills in the cluster's defaults.
func (c *Cluster) Complete() {
	c.Health.complete()
	c.Location.Country = strings.ToUpper(c.Location.Country)
}

// Clone returns a service with lists of its own, so that it can be completed without a trace in the first.
func (s *Service) Clone() Service {
	c := *s
	c.Hosts, c.Ports, c.Backends = slices.Clone(s.Hosts), slices.Clone(s.Ports), slices.Clone(s.Backends)
	return c
}

// Complete fills in the service's defaults, and orders its backends by cluster.
func (s *Service) Complete() {
	orElse(&s.Mode, Geo)
	orElse(&s.TTLSeconds, DefaultServiceTTLSeconds)
	orElse(&s.WhenNoneHealthy, NoData)
	for i := range s.Hosts {
		s.Hosts[i] = canonical(s.Hosts[i])
	}
	for i := range s.Ports {
		orElse(&s.Ports[i].Protocol, "TCP")
	}
	for i := range s.Backends {
		b := &s.Backends[i]
		if b.Weight == nil {
			b.Weight = new(int32(1))
		}
		b.Hostname = canonical(b.Hostname)
		b.Health.complete()
	}
	slices.SortFunc(s.Backends, func(a, b Backend) int { return cmp.Compare(a.Cluster, b.Cluster) })
}

func (h *Health) complete() {
	orElse(&h.State, Healthy)
	if h.State == Unknown {
		orElse(&h.LastState, Healthy)
	}
}

func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func orElse[T comparable](field *T, value T) {
	*field = cmp.Or(*field, value)
}
