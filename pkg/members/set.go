// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"errors"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Listener is told what happens in members. Its functions must not block. Any of them may be nil.
type Listener struct {
	// Changed is called for every change of a managed object, with the object as it is, or was when it was deleted.
	Changed func(cluster string, resource schema.GroupVersionResource, obj metav1.Object)
	// Connected is called when all that is managed in a member is known, and when a member is found again.
	Connected func(cluster string)
	// Disconnected is called when a member is no longer part of the set.
	Disconnected func(cluster string)
	// Suspected is called when a member may be lost: it does not answer a request, or not soon.
	Suspected func(cluster string)
}

// Set holds the members that are connected.
type Set struct {
	ctx       context.Context
	listeners []Listener
	work      *limiter

	mu      sync.RWMutex
	members map[string]*Member
}

// NewSet makes an empty set. Members in it are watched until the context ends.
func NewSet(ctx context.Context) *Set {
	return &Set{ctx: ctx, work: newLimiter(), members: map[string]*Member{}}
}

// Listen adds a listener. It must be called before the first Connect.
func (s *Set) Listen(l Listener) { s.listeners = append(s.listeners, l) }

// Connect makes a cluster a member, or brings an existing one up to date. A new token is used without connecting anew.
func (s *Set) Connect(cluster *v1alpha1.Cluster, credentials Credentials) (*Member, error) {
	ep := endpoint{
		server: cluster.Spec.Server, caBundle: string(cluster.Spec.CABundle), tlsServerName: cluster.Spec.TLSServerName,
		certData: credentials.CertData, keyData: credentials.KeyData,
	}
	if m := s.Get(cluster.Name); m != nil && m.endpoint == ep {
		m.token.Store(&credentials.Token)
		return m, nil
	}
	s.Disconnect(cluster.Name)
	m, err := connect(cluster.Name, ep, credentials.Token, s.work)
	if err != nil {
		return nil, err
	}
	m.suspected = func() { s.suspected(m.Name) }
	if err := s.watch(m); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.members[m.Name] = m
	s.mu.Unlock()
	m.start(s.ctx, func() { s.connected(m.Name) })
	return m, nil
}

func (s *Set) connected(name string) {
	for _, l := range s.listeners {
		if l.Connected != nil {
			l.Connected(name)
		}
	}
}

func (s *Set) suspected(name string) {
	for _, l := range s.listeners {
		if l.Suspected != nil {
			l.Suspected(name)
		}
	}
}

// Found has everything brought up to date in a member that was lost, or did not do what it was asked to, and is back.
func (s *Set) Found(name string) {
	if m := s.Get(name); m != nil && m.Synced() {
		s.connected(name)
	}
}

// Disconnect removes a member from the set. Nothing of it is passed on any more when it returns.
func (s *Set) Disconnect(name string) {
	s.mu.Lock()
	m := s.members[name]
	delete(s.members, name)
	s.mu.Unlock()
	if m == nil {
		return
	}
	m.end()
	m.ended(stopPatience)
	for _, l := range s.listeners {
		if l.Disconnected != nil {
			l.Disconnected(name)
		}
	}
}

// DisconnectAll empties the set, of all members at once.
func (s *Set) DisconnectAll() {
	members := s.List()
	for _, m := range members {
		m.end()
	}
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() { s.Disconnect(m.Name) })
	}
	wg.Wait()
}

// Get finds a member; nil if the cluster is not connected.
func (s *Set) Get(name string) *Member {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.members[name]
}

// List returns the members in no order.
func (s *Set) List() []*Member {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*Member, 0, len(s.members))
	for _, m := range s.members {
		out = append(out, m)
	}
	return out
}

// watch passes on what a member's informers see.
func (s *Set) watch(m *Member) error {
	var errs []error
	for resource, informer := range m.informers {
		changed := func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			if m.running.Err() != nil {
				return
			}
			for _, l := range s.listeners {
				if l.Changed != nil {
					l.Changed(m.Name, resource, obj.(metav1.Object))
				}
			}
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed,
		})
		errs = append(errs, err)
		switch resource {
		case EndpointSlices:
			errs = append(errs, informer.AddIndexers(cache.Indexers{byService: indexByService}))
		case Pods:
			errs = append(errs, informer.AddIndexers(cache.Indexers{byOwner: indexByOwner}))
		}
	}
	return errors.Join(errs...)
}
