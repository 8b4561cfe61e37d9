//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/test/harness"
)

// lab is what all benchmarks measure: three members, the federation that has joined them, and a second one for the relay,
// which has an API server and no controllers.
var lab struct {
	processes  *harness.Lab
	federation *harness.Federation
	members    []*harness.Member
	// clusters are the members, in their order.
	clusters []*cluster
	// homes are the federations of the systems that have one, by the system's name.
	homes map[string]*view
	relay *relay
	// systems are all of them, in the order in which they first take their turns.
	systems []system
	series  series
}

func TestMain(m *testing.M) {
	harness.EtcdMain()
	os.Exit(measure(m))
}

func measure(m *testing.M) (status int) {
	processes, err := harness.NewLab("bench")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() {
		if err := processes.Close(status != 0); err != nil {
			fmt.Println("clean up:", err)
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := start(ctx, processes); err != nil {
		fmt.Println("start three clusters and two federations:", err)
		return 1
	}
	if status = m.Run(); status == 0 {
		printTable()
	}
	return status
}

// start starts what is measured. The context ends it all; that it can be started has its own deadline.
func start(ctx context.Context, processes *harness.Lab) error {
	lab.processes = processes
	second, err := startProcesses(ctx, processes)
	if err != nil {
		return err
	}
	for _, member := range lab.members {
		if err := lab.federation.Join(ctx, member); err != nil {
			return err
		}
		c, err := newCluster(ctx, member.Name, member.Config)
		if err != nil {
			return err
		}
		lab.clusters = append(lab.clusters, c)
	}
	relayKube, err := connect(second.Config)
	if err != nil {
		return err
	}
	kube, err := connect(lab.federation.Config)
	if err != nil {
		return err
	}
	if lab.relay, err = newRelay(ctx, relayKube, lab.clusters); err != nil {
		return err
	}
	measured, err := newDrover(ctx, kube, lab.federation.Drover)
	if err != nil {
		return err
	}
	lab.systems = []system{&direct{ctx: ctx, clusters: lab.clusters}, lab.relay, measured}
	lab.homes = map[string]*view{}
	for name, home := range map[string]kubernetes.Interface{lab.relay.name(): relayKube, measured.name(): kube} {
		if lab.homes[name], err = newView(ctx, "the federation of "+name, home); err != nil {
			return err
		}
	}
	return nil
}

// startProcesses starts the members and both federations, and returns the second one.
func startProcesses(ctx context.Context, processes *harness.Lab) (second *harness.Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	room := []string{"--node-pods", "100000"} // so that weights alone decide, whatever the machine is asked to measure
	options := []harness.MemberOptions{
		{Name: "east", Region: "us-east1", Zone: "us-east1-b", Args: room},
		{Name: "west", Region: "us-west1", Zone: "us-west1-a", Args: room},
		{Name: "eu", Region: "europe-west1", Zone: "europe-west1-b", Args: room},
	}
	lab.members = make([]*harness.Member, len(options))
	errs := make([]error, len(options))
	var wg sync.WaitGroup
	for i, o := range options {
		wg.Go(func() { lab.members[i], errs[i] = processes.StartMember(ctx, o) })
	}
	lab.federation, err = processes.StartFederation(ctx, "bench")
	if err == nil {
		var etcd string
		if etcd, err = processes.StartEtcd(ctx, "relay"); err == nil {
			second, err = processes.StartAPIServer(ctx, "relay", etcd)
		}
	}
	wg.Wait()
	for _, failed := range append(errs, err) {
		if failed != nil {
			return nil, failed
		}
	}
	return second, nil
}
