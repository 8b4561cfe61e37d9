// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/dns/snapshot"
)

// work is what has changed.
type work struct {
	services sets.Set[snapshot.Key]
	// clusters have changed, but not in where they are.
	clusters bool
	// loads are how full clusters are, and nothing else of them, that have changed.
	loads bool
	// everything is to be read anew.
	everything bool
}

// pending gathers work.
type pending struct {
	any chan struct{} // has an element if there is some

	mu   sync.Mutex
	work work
}

func newPending() *pending {
	return &pending{any: make(chan struct{}, 1), work: work{services: sets.New[snapshot.Key]()}}
}

func (p *pending) change(change func(*work)) {
	p.mu.Lock()
	change(&p.work)
	p.mu.Unlock()
	select {
	case p.any <- struct{}{}:
	default: // it is known that there is some
	}
}

func (p *pending) add(keys ...snapshot.Key) {
	p.change(func(w *work) { w.services.Insert(keys...) })
}

// take returns the work, which then is the caller's.
func (p *pending) take() work {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.work
	p.work = work{services: sets.New[snapshot.Key]()}
	return taken
}

// handlers turn changes of objects into work.
func (f *Feed) handlers() handlers {
	return handlers{
		cluster: f.clusterChanged,
		service: func(old, obj *corev1.Service) {
			f.pending.add(snapshot.Key{Namespace: either(old, obj).Namespace, Name: either(old, obj).Name})
		},
		ingress: func(old, obj *networkingv1.Ingress) {
			f.pending.add(snapshot.Key{Namespace: either(old, obj).Namespace, Name: either(old, obj).Name, Hosts: true})
		},
		placement: func(old, obj *v1alpha1.Placement) { f.placementChanged(either(old, obj)) },
		policy: func(old, obj *v1alpha1.TrafficPolicy) {
			for _, p := range []*v1alpha1.TrafficPolicy{old, obj} {
				if p != nil {
					f.pending.add(snapshot.Key{Namespace: p.Namespace, Name: p.TargetName(), Hosts: p.Spec.Target.Kind == ingressKind})
				}
			}
		},
	}
}

func either[T any](old, obj *T) *T {
	if obj != nil {
		return obj
	}
	return old
}

// clusterChanged lets wait what can: a heartbeat of each cluster would else be a change of all its services.
func (f *Feed) clusterChanged(old, obj *v1alpha1.Cluster) {
	if old == nil || obj == nil {
		f.pending.change(func(w *work) { w.everything = true })
		return
	}
	before, after := Cluster(old), Cluster(obj)
	switch {
	case movesNames(&before, &after):
		f.pending.change(func(w *work) { w.everything = true })
	case urgent(&before, &after):
		f.pending.change(func(w *work) { w.clusters = true })
	case !ptr.Equal(before.LoadPercent, after.LoadPercent):
		f.pending.change(func(w *work) { w.loads = true })
	}
}

// placementChanged has the service made anew, and the Ingresses that send requests to it.
func (f *Feed) placementChanged(p *v1alpha1.Placement) {
	name := p.Spec.Workload.Name
	switch p.Spec.Workload.Kind {
	case ingressKind:
		f.pending.add(snapshot.Key{Namespace: p.Namespace, Name: name, Hosts: true})
	case serviceKind:
		keys := []snapshot.Key{{Namespace: p.Namespace, Name: name}}
		for _, i := range f.objects.Ingresses(p.Namespace) {
			if workload.Backends(i).Has(name) {
				keys = append(keys, snapshot.Key{Namespace: i.Namespace, Name: i.Name, Hosts: true})
			}
		}
		f.pending.add(keys...)
	}
}
