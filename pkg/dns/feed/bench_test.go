// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	kubefake "k8s.io/client-go/kubernetes/fake"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
	droverfake "drover.dev/drover/pkg/generated/clientset/versioned/fake"
)

// One service changes among many.
func BenchmarkUpdate(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			f := newBenchFeed(b, services)
			change := work{services: sets.New(webKey)}
			for b.Loop() {
				f.last[webKey] = &snapshot.Service{}
				f.update(b.Context(), change)
			}
		})
	}
}

// Everything is read anew.
func BenchmarkReplace(b *testing.B) {
	f := newBenchFeed(b, 10_000)
	for b.Loop() {
		f.replace(b.Context())
	}
}

// newBenchFeed makes a feed of so many services in three clusters, which are served.
func newBenchFeed(b *testing.B, services int) *Feed {
	b.Helper()
	f := newFeed(droverfake.NewSimpleClientset(), kubefake.NewClientset(), &zone.Store{}, []snapshot.Zone{{Name: "drover.test", NameServers: []snapshot.NameServer{{Name: "ns.elsewhere.test"}}}}, nil)
	add := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []*v1alpha1.Cluster{cluster("east", "us-east1"), cluster("west", "us-west1"), cluster("eu", "europe-west1")} {
		add(f.objects.clusters.Indexer.Add(c))
	}
	for i := range services {
		s := web()
		p := placed("Service", "web", report("east", "192.0.2.1", 1), report("west", "192.0.2.2", 1), report("eu", "192.0.2.3", 1))
		if i > 0 {
			s.Namespace, p.Namespace = fmt.Sprint("n", i%100), fmt.Sprint("n", i%100)
			s.Name, p.Name = fmt.Sprint("web", i), v1alpha1.PlacementName("Service", fmt.Sprint("web", i))
		}
		add(f.objects.services.Indexer.Add(s))
		add(f.objects.placements.Indexer.Add(p))
	}
	f.replace(b.Context())
	if f.store.Load() == nil || f.store.Load().Services() != services {
		b.Fatal("not everything is served")
	}
	return f
}
