// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"fmt"
	"testing"
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

// large is a federation of 10 clusters and so many services, each on all of them.
func large(b *testing.B, services int) *snapshot.Snapshot {
	b.Helper()
	s := &snapshot.Snapshot{Version: 1, Time: epoch, Zones: []snapshot.Zone{{
		Name: "drover.test", NameServers: []snapshot.NameServer{{Name: "ns.elsewhere.test"}},
	}}}
	for i := range 10 {
		s.Clusters = append(s.Clusters, snapshot.Cluster{Name: fmt.Sprintf("c%d", i), Location: snapshot.Location{Region: fmt.Sprintf("r%d", i)}})
	}
	for i := range services {
		service := snapshot.Service{Namespace: fmt.Sprintf("ns%d", i%100), Name: fmt.Sprintf("s%d", i)}
		for j := range 10 {
			service.Backends = append(service.Backends, snapshot.Backend{
				Cluster: fmt.Sprintf("c%d", j), Addresses: []string{fmt.Sprintf("192.0.2.%d", j)}, ReadyEndpoints: new(int32(1)),
			})
		}
		s.Services = append(s.Services, service)
	}
	s.Complete()
	if err := s.Validate(); err != nil {
		b.Fatal(err)
	}
	return s
}

// One of so many services changes.
func BenchmarkUpdate(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			s := large(b, services)
			var store Store
			if err := store.Replace(s); err != nil {
				b.Fatal(err)
			}
			version := int64(1)
			for b.Loop() {
				version++
				change := Change{Version: version, Time: epoch.Add(time.Duration(version)), Set: []snapshot.Service{s.Services[0]}}
				if err := store.Update(change); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// All is made anew.
func BenchmarkReplace(b *testing.B) {
	s := large(b, 10_000)
	var store Store
	for b.Loop() {
		if err := store.Replace(s); err != nil {
			b.Fatal(err)
		}
	}
}
