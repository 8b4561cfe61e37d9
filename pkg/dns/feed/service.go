// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Service is what a Service is in a snapshot. Placement is nil while none is made; policies are those of its namespace.
// The health of its backends is what was reported: see settle.
func Service(service *corev1.Service, placement *v1alpha1.Placement, policies []*v1alpha1.TrafficPolicy) snapshot.Service {
	s := snapshot.Service{Namespace: service.Namespace, Name: service.Name, Ports: ports(service)}
	policy := policyFor(policies, serviceKind, service.Name)
	s.Backends = backends(placement, func(c *v1alpha1.ClusterPlacementStatus) int32 { return c.ReadyEndpoints })
	applyPolicy(&s, policy)
	applyMigration(&s, placement, policy)
	return s
}

// ports are the named ones: SRV records have nothing to say of others.
func ports(service *corev1.Service) []snapshot.Port {
	var out []snapshot.Port
	for _, p := range service.Spec.Ports {
		if p.Name != "" {
			out = append(out, snapshot.Port{Name: p.Name, Protocol: cmp.Or(string(p.Protocol), "TCP"), Port: uint16(p.Port)})
		}
	}
	return out
}

// backends are the clusters that a Placement names, or that still report. One that it names no more is being drained.
func backends(placement *v1alpha1.Placement, ready func(*v1alpha1.ClusterPlacementStatus) int32) []snapshot.Backend {
	if placement == nil {
		return nil
	}
	var out []snapshot.Backend
	assigned, traffic := sets.New[string](), map[string]*v1alpha1.AssignedTraffic{}
	for _, c := range placement.Spec.Clusters {
		assigned.Insert(c.Name)
		traffic[c.Name] = c.Traffic
	}
	reported := sets.New[string]()
	for i := range placement.Status.Clusters {
		c := &placement.Status.Clusters[i]
		reported.Insert(c.Name)
		b := snapshot.Backend{Cluster: c.Name, ReadyEndpoints: new(ready(c)), Draining: !assigned.Has(c.Name)}
		b.Addresses, b.Hostname = addresses(c.Addresses)
		b.State = reportedState(c, *b.ReadyEndpoints)
		if t := traffic[c.Name]; t != nil {
			b.KeepsPercent = new(t.Percent)
		}
		out = append(out, b)
	}
	for _, name := range sets.List(assigned.Difference(reported)) {
		out = append(out, snapshot.Backend{Cluster: name, ReadyEndpoints: new(int32(0)), Health: snapshot.Health{State: snapshot.Unhealthy}})
	}
	return out
}

// reportedState is Unknown where the cluster was not in contact: what it reported last is what is known.
func reportedState(c *v1alpha1.ClusterPlacementStatus, ready int32) snapshot.State {
	switch {
	case c.Reason == v1alpha1.ReasonNotConnected:
		return snapshot.Unknown
	case ready == 0:
		return snapshot.Unhealthy
	}
	return snapshot.Healthy
}

// addresses are those that can be answered, and the name of the first load balancer that is known by name.
func addresses(reported []v1alpha1.Address) (list []string, hostname string) {
	for _, a := range reported {
		if addr, err := netip.ParseAddr(a.IP); err == nil {
			addr = addr.Unmap().WithZone("")
			if text := addr.String(); !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
		name := strings.ToLower(strings.TrimSuffix(a.Hostname, "."))
		if hostname == "" && len(validation.IsDNS1123Subdomain(name)) == 0 {
			hostname = name
		}
	}
	return list, hostname
}
