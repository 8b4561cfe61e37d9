//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"drover.dev/drover/pkg/dns/snapshot"
)

const apex = "drover.test"

// files are one zone in the forms that the servers read, and questions about it.
type files struct{ dir, snapshot, zone, questions string }

// clusters of each service, and addresses in each. What is answered is one cluster: so many addresses.
const clusters, addresses = 3, 3

func serviceName(i int) string { return fmt.Sprintf("s%06d", i) }

// address is one of a service in a cluster.
func address(service, cluster, i int) string {
	return fmt.Sprintf("10.%d.%d.%d", service>>8&0xff, service&0xff, 1+cluster*addresses+i)
}

// writeFiles writes a zone of so many services. The others, who tell no clients apart, have the addresses of one cluster.
func writeFiles(dir string, services int) (*files, error) {
	f := &files{dir, filepath.Join(dir, "snapshot.json"), filepath.Join(dir, "zone"), filepath.Join(dir, "questions")}
	if err := snapshot.Save(f.snapshot, picture(services)); err != nil {
		return nil, err
	}
	err := writeLines(f.zone, func(out *bufio.Writer) {
		fmt.Fprintf(out, "$ORIGIN %s.\n$TTL 20\n@ SOA ns hostmaster 1 3600 600 86400 30\n@ NS ns\nns A 127.0.0.1\n", apex)
		for i := range services {
			for j := range addresses {
				fmt.Fprintf(out, "%s.default.federation.svc A %s\n", serviceName(i), address(i, 0, j))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return f, writeLines(f.questions, func(out *bufio.Writer) {
		order := rand.New(rand.NewPCG(1, 2)) // the same for each run
		for _, i := range order.Perm(services) {
			fmt.Fprintf(out, "%s.default.federation.svc.%s A\n", serviceName(i), apex)
		}
	})
}

func picture(services int) *snapshot.Snapshot {
	s := &snapshot.Snapshot{Version: 1, Zones: []snapshot.Zone{{
		Name: apex, NameServers: []snapshot.NameServer{{Name: "ns." + apex, Addresses: []string{"127.0.0.1"}}},
	}}}
	for c := range clusters {
		s.Clusters = append(s.Clusters, snapshot.Cluster{Name: fmt.Sprintf("c%d", c), Location: snapshot.Location{Region: fmt.Sprintf("r%d", c)}})
	}
	for i := range services {
		service := snapshot.Service{Namespace: "default", Name: serviceName(i)}
		for c := range clusters {
			backend := snapshot.Backend{Cluster: fmt.Sprintf("c%d", c), ReadyEndpoints: new(int32(3))}
			for j := range addresses {
				backend.Addresses = append(backend.Addresses, address(i, c, j))
			}
			service.Backends = append(service.Backends, backend)
		}
		s.Services = append(s.Services, service)
	}
	s.Complete()
	return s
}

func writeLines(path string, write func(*bufio.Writer)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	write(out)
	return out.Flush()
}
