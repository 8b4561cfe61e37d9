// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/dns/feed"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Names are the Services that select the pods of a workload, and the Ingresses that lead to those, as name servers have
// them.
func (c caches) Names(key workload.Key, obj workload.Object) (names []decision.Name, err error) {
	policies, err := c.traffic.TrafficPolicies(key.Namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, follower := range c.workloads.Followers(key.Kind, obj) {
		service, _ := c.get(follower).(*corev1.Service)
		if service == nil {
			continue
		}
		shared := c.sharedWith(key, service)
		served := feed.Service(service, c.placementOf(follower), policies)
		names = append(names, nameOf(follower, &served, shared))
		for _, leader := range c.workloads.Followers(workload.Service, service) {
			if ingress, ok := c.get(leader).(*networkingv1.Ingress); ok {
				served, _ := feed.Ingress(ingress, c.placementOf(leader), policies, func(service string) *v1alpha1.Placement {
					return c.placementOf(workload.Key{Kind: workload.Service, Namespace: key.Namespace, Name: service})
				})
				names = append(names, nameOf(leader, &served, shared))
			}
		}
	}
	return names, nil
}

// Budgets are the PodDisruptionBudgets that select the pods of a workload.
func (c caches) Budgets(key workload.Key, obj workload.Object) (budgets []decision.Budget, err error) {
	for _, follower := range c.workloads.Followers(key.Kind, obj) {
		if b, ok := c.get(follower).(*policyv1.PodDisruptionBudget); ok {
			shared := len(c.workloads.Behind(workload.PodDisruptionBudget, b)) > 1
			budgets = append(budgets, decision.Budget{PodDisruptionBudget: b, Shared: shared})
		}
	}
	return budgets, nil
}

func (c caches) get(key workload.Key) any {
	obj, err := c.workloads.Get(key)
	if err != nil {
		return nil // not to be found is not there
	}
	return obj
}

func (c caches) placementOf(key workload.Key) *v1alpha1.Placement {
	p, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if err != nil {
		return nil // there is no other error of a cache
	}
	return p
}

// sharedWith says where workloads other than one are behind a Service, and stay there.
func (c caches) sharedWith(key workload.Key, service *corev1.Service) map[string]bool {
	shared := map[string]bool{}
	for _, other := range c.workloads.Behind(workload.Service, service) {
		p := c.placementOf(other)
		if other == key || p == nil {
			continue
		}
		for _, a := range p.Spec.Clusters {
			leaving := a.Traffic != nil && a.Traffic.Percent == 0
			shared[a.Name] = shared[a.Name] || !leaving && ptr.Deref(cmp.Or(a.Target, a.Replicas), 1) > 0
		}
	}
	return shared
}

// nameOf is a name as it is served.
func nameOf(key workload.Key, served *snapshot.Service, shared map[string]bool) decision.Name {
	served.Complete()
	name := decision.Name{Of: strings.ToLower(key.Kind.Kind) + " " + key.Name, TTL: time.Duration(served.TTLSeconds) * time.Second}
	for i := range served.Backends {
		b := &served.Backends[i]
		name.Clusters = append(name.Clusters, decision.NamedCluster{
			Cluster:   b.Cluster,
			Addressed: len(b.Addresses) > 0 || b.Hostname != "",
			Led:       !b.Draining && *b.Weight > 0 && ptr.Deref(b.KeepsPercent, 100) > 0,
			Serves:    *b.ReadyEndpoints > 0 && b.State == snapshot.Healthy,
			Shared:    shared[b.Cluster],
		})
	}
	return name
}

// nameChanged has the workloads behind a Service or an Ingress go on that wait for what is told by its name.
func (c *Controller) nameChanged(p *v1alpha1.Placement) {
	key, ok := workload.KeyOf(p)
	if !ok || key.Kind.Serves == nil {
		return
	}
	obj, err := c.workloads.Get(key)
	if err != nil || obj == nil {
		return
	}
	for _, behind := range c.workloads.Behind(key.Kind, obj) {
		p := (caches{c}).placementOf(behind)
		switch {
		case p == nil:
		case behind.Kind == workload.Service:
			c.nameChanged(p)
		case decision.Moves(&p.Spec):
			c.runner.Enqueue(behind)
		}
	}
}
