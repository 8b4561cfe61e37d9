// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// shortTTL is the largest TTL, in seconds, of an answer while something is under way.
const shortTTL = 5

// A cluster that is scaled to zero is not answered, and with nobody left there is nothing, for a short time; it is again
// when pods are ready.
func TestDNSFollowsScaleToZero(t *testing.T) {
	s := sharedSpace(t)
	s.weigh("web", map[string]int64{"east": 1, "west": 1, "eu": 1})
	r := s.resolve(map[string]int32{"east": 1, "west": 1, "eu": 1})
	r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
	t.Logf("a cluster without replicas is not answered after %.1fs", r.eventuallyAnswers(r.nameOf(""), "west", "eu").Seconds())
	s.kubectl("scale", "deployment", "web", "--replicas", "0")
	t.Logf("nobody is answered after %.1fs", r.eventuallyAnswers(r.nameOf(""), "").Seconds())
	reply, err := r.exchange(r.nameOf(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Ns) != 1 || reply.Ns[0].Header().Ttl > shortTTL {
		t.Errorf("that there is nothing may be kept for more than %d seconds: %v", shortTTL, reply.Ns)
	}

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":1}]}}`)
	s.kubectl("scale", "deployment", "web", "--replicas", "3")
	harness.Eventually(t, patience, func() error { return r.readAddresses("Service", 3) }) // where it was gone, it has another
	t.Logf("all are answered again after %.1fs", r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu").Seconds())
}

// A cluster that cannot be reached is answered on, for a short time each: what runs there is not lost. It is not answered
// any more once its replicas are given up, and is again when it is back and has some.
func TestDNSFollowsABlackhole(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.weigh("web", map[string]int64{"north": 1, "south": 1}, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Rebalance.Mode = v1alpha1.RebalanceAutomatic
	})
	r := s.resolve(map[string]int32{"north": 1, "south": 1})
	r.eventuallyAnswers(r.nameOf(""), "north", "south")

	f.members["south"].Suspend()
	f.eventuallyNotReady(t, "south")
	took := harness.Eventually(t, patience, func() error {
		reply, err := r.exchange(r.nameOf(""), 0)
		if err == nil && (len(reply.Answer) == 0 || reply.Answer[0].Header().Ttl > shortTTL) {
			return fmt.Errorf("while south cannot be reached: %v, want addresses for %d seconds", reply.Answer, shortTTL)
		}
		return err
	})
	t.Logf("answers are short-lived %.1fs after that", took.Seconds())
	r.eventuallyAnswers(r.nameOf(""), "north", "south")

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"failover":{"after":"1s"}}}`)
	t.Logf("south is not answered %.1fs after its replicas may be given up", r.eventuallyAnswers(r.nameOf(""), "north").Seconds())

	f.members["south"].Resume()
	t.Logf("south is answered %.1fs after it went on", r.eventuallyAnswers(r.nameOf(""), "north", "south").Seconds())
}

// A cluster passes on its clients as pods fill its nodes: between the watermarks some, above the higher one all.
func TestDNSFollowsSaturation(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	r := s.resolve(map[string]int32{"north": 1, "south": 1})
	s.apply(`
apiVersion: federation.drover.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web}
spec: {saturation: {low: 70, high: 90}}
`)
	r.eventuallyAnswers(r.nameOf(""), "north", "south")

	const clients = 1000
	s.fill("some", "6400m") // 80 % of a node
	took := harness.Eventually(t, patience, func() error {
		got, err := r.answers(r.nameOf(""), clients)
		if err == nil && (got["south"] < 180 || got["south"] > 320 || got["north"]+got["south"] != clients) {
			return fmt.Errorf("of %d clients, of whom south keeps half of its half: %v", clients, got)
		}
		return err
	})
	t.Logf("south has passed on a half of its clients after %.1fs", took.Seconds())

	s.fill("more", "1") // 92.5 %
	t.Logf("south has passed on all after %.1fs", r.eventuallyAnswers(r.nameOf(""), "north").Seconds())
	s.kubectl("delete", "deployment", "some", "more")
	t.Logf("south has its clients again after %.1fs", r.eventuallyAnswers(r.nameOf(""), "north", "south").Seconds())
}

// fill has a pod on each node of south that asks for so many CPUs.
func (s *space) fill(name, cpu string) {
	s.Helper()
	s.weigh(name, map[string]int64{"south": 1})
	s.demand(name, cpu, 2)
}
