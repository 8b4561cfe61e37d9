// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fleet simulates many member clusters in one process, to measure Drover at the size of a fleet and to see what
// it does when clusters fail. Each cluster has an address and objects of its own, and speaks the real Kubernetes API for
// the kinds that Drover reads and writes: one API server, built of k8s.io/apiserver, serves them all from memory.
package fleet

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"

	"drover.dev/drover/test/fault"
	"drover.dev/drover/test/fleet/memory"
)

// Options are the size of a fleet, and how its clusters behave.
type Options struct {
	// Clusters is how many there are. They are named cluster-0000, cluster-0001, and so on.
	Clusters int
	// Nodes of each cluster.
	Nodes int
	// ReadyDelay is how long replicas take to become ready, and Services and Ingresses to get an address.
	ReadyDelay time.Duration
	// History is how many changes of each resource a watch can go back before it gets 410 Gone.
	History int
}

// NewOptions returns the defaults.
func NewOptions() Options {
	return Options{Clusters: 3, Nodes: 3, ReadyDelay: time.Second, History: 100}
}

// maxClusters is how many have load balancer addresses of their own.
const maxClusters = 1 << 12

func (o Options) validate() error {
	var errs []error
	if o.Clusters < 1 || o.Clusters > maxClusters {
		errs = append(errs, fmt.Errorf("%d clusters: give 1 to %d", o.Clusters, maxClusters))
	}
	if o.Nodes < 0 {
		errs = append(errs, fmt.Errorf("%d nodes: give 0 or more", o.Nodes))
	}
	if o.ReadyDelay < 0 {
		errs = append(errs, fmt.Errorf("a delay of %s: give 0 or more", o.ReadyDelay))
	}
	if o.History < 1 {
		errs = append(errs, fmt.Errorf("a history of %d changes: give 1 or more", o.History))
	}
	return errors.Join(errs...)
}

// Fleet is a number of clusters that run.
type Fleet struct {
	// Clusters in the order of their names.
	Clusters []*Cluster

	options      Options
	server       *server
	certificates *fault.Certificates
	requestInfo  *request.RequestInfoFactory
	simulation   *simulation

	mu        sync.RWMutex
	listeners []func(Write)
}

// Start makes a fleet and serves it.
func Start(options Options) (*Fleet, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	f := &Fleet{
		options:     options,
		requestInfo: &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")},
	}
	var err error
	if f.certificates, err = fault.NewCertificates("fleet-ca"); err != nil {
		return nil, err
	}
	if f.server, err = newServer(); err != nil {
		return nil, err
	}
	f.simulation = newSimulation(f.server)
	for i := range options.Clusters {
		c := newCluster(f, i)
		f.Clusters = append(f.Clusters, c)
		if err := c.start(); err != nil {
			f.Stop()
			return nil, fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	return f, nil
}

// Stop closes all ports and connections, and forgets all objects.
func (f *Fleet) Stop() {
	var wg sync.WaitGroup
	for _, c := range f.Clusters {
		wg.Go(c.stop)
	}
	wg.Wait()
	f.simulation.stop()
	f.server.generic.Destroy()
}

// Cluster finds a cluster by its name; nil if there is none.
func (f *Fleet) Cluster(name string) *Cluster {
	for _, c := range f.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Requests counts what all clusters were asked, since they were started.
func (f *Fleet) Requests() map[Request]int {
	sum := map[Request]int{}
	for _, c := range f.Clusters {
		for sort, n := range c.Requests() {
			sum[sort] += n
		}
	}
	return sum
}

// Write is one change of an object in a cluster, by whomever.
type Write struct {
	Cluster   string
	Resource  string
	Namespace string
	Name      string
	// Generation of the object. Where it is the same as in the write before, only metadata or status changed.
	Generation int64
	Deleted    bool
	// Object as it is, or was. It must not be changed.
	Object metav1.Object
	Time   time.Time
}

// OnWrite has a function called for every change from now on, in the order of each cluster. It must not block, nor call
// back into the fleet: the cluster waits for it.
func (f *Fleet) OnWrite(listener func(Write)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, listener)
}

// observe tells everybody who wants to know of a change.
func (f *Fleet) observe(c *Cluster, w memory.Write) {
	f.simulation.observe(c, w)
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.listeners) == 0 {
		return
	}
	obj := w.New
	if obj == nil {
		obj = w.Old
	}
	m, err := meta.Accessor(obj)
	if err != nil {
		return // all that is stored has metadata
	}
	for _, listener := range f.listeners {
		listener(Write{
			Cluster: c.Name, Resource: w.Resource, Namespace: m.GetNamespace(), Name: m.GetName(),
			Generation: m.GetGeneration(), Deleted: w.New == nil, Object: m, Time: w.Time,
		})
	}
}
