//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

// How much is measured. In every round the systems take turns, so that whatever else the machine does hits all alike.
var (
	samples = flag.Int("samples", 50, "Deployments brought one by one, by each system, for a latency")
	many    = flag.Int("many", 500, "Deployments brought, by each system, for a throughput")
	batches = flag.Int("batches", 5, "parts that these are brought in, each at once; their times are added up")
)

// figures are what was measured of each system, by its name.
type figures map[string][]time.Duration

func (f figures) add(s system, took time.Duration) { f[s.name()] = append(f[s.name()], took) }

func (f figures) percentile(p int) map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, took := range f {
		out[name] = percentile(took, p)
	}
	return out
}

func (f figures) sum() map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, took := range f {
		for _, one := range took {
			out[name] += one
		}
	}
	return out
}

// turns are the systems in the order of a round: each is first in turn.
func turns(systems []system, round int) []system {
	first := round % len(systems)
	return append(append([]system{}, systems[first:]...), systems[:first]...)
}

// BenchmarkLatency is row a: one Deployment, from the create's return until the last member's API server tells of it.
func BenchmarkLatency(b *testing.B) {
	took := figures{}
	for round := range *samples + 1 {
		for _, s := range turns(lab.systems, round) {
			one, names := latency(b, s, lab.clusters)
			remove(b, s, names)
			if round > 0 { // the first one is to warm up
				took.add(s, one)
			}
		}
	}
	for _, p := range []int{50, 99} {
		report(b, row{key: fmt.Sprintf("a-p%d", p), what: fmt.Sprintf("(a) one Deployment in all of three members, p%d of %d", p, *samples), took: took.percentile(p)})
	}
}

// latency is how long one more Deployment takes to all of the clusters.
func latency(b *testing.B, s system, clusters []*cluster) (time.Duration, []string) {
	b.Helper()
	deployments, names := lab.series.next(s, 1)
	arrive := expect(clusters, names, present)
	created := create(b, s, deployments)
	return arrive.last(b).Sub(created), names
}

// BenchmarkThroughput is row b: many Deployments, from the begin of the first create until all members hold all. And it is
// row c: another number of replicas for each of them in each member, by one change of the policy's weights for Drover, by
// a change of each for the others.
func BenchmarkThroughput(b *testing.B) {
	created, changed := figures{}, figures{}
	for round := range *batches {
		for _, s := range turns(lab.systems, round) {
			took, names := throughput(b, s, lab.clusters)
			created.add(s, took)

			change := expect(lab.clusters, names, func(d *appsv1.Deployment) bool { return d != nil && *d.Spec.Replicas != replicas })
			began := time.Now()
			if err := s.change(b.Context(), names); err != nil {
				b.Fatal(err)
			}
			changed.add(s, change.last(b).Sub(began))
			remove(b, s, names)
		}
	}
	report(b, row{key: "b", what: fmt.Sprintf("(b) %d Deployments in all of three members, %d at once", *many, batch()), took: created.sum(), note: perSecond(created)})
	report(b, row{key: "c", what: fmt.Sprintf("(c) other weights for these %d, %d at once", *many, batch()), took: changed.sum(), note: perSecond(changed)})
}

func throughput(b *testing.B, s system, clusters []*cluster) (time.Duration, []string) {
	b.Helper()
	deployments, names := lab.series.next(s, batch())
	arrive := expect(clusters, names, present)
	began := time.Now()
	create(b, s, deployments)
	return arrive.last(b).Sub(began), names
}

func batch() int { return *many / *batches }

func perSecond(took figures) map[string]string {
	notes := map[string]string{}
	for name, sum := range took.sum() {
		notes[name] = fmt.Sprintf(" (%.0f/s)", float64(batch()*len(took[name]))/sum.Seconds())
	}
	return notes
}

// BenchmarkStatus is row d: from the moment the last member's API server tells that a Deployment is ready there, until the
// federation's tells it of the sum.
func BenchmarkStatus(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	if err := lab.relay.reportStatus(ctx); err != nil {
		b.Fatal(err)
	}
	ready := func(n int32) condition {
		return func(d *appsv1.Deployment) bool { return d != nil && d.Status.ReadyReplicas == n }
	}
	took := figures{}
	for round := range *samples + 1 {
		for _, s := range turns(lab.systems[1:], round) { // the direct loop has nothing to report to
			deployments, names := lab.series.next(s, 1)
			deployments[0].Spec.Paused = false
			inMembers := expect(lab.clusters, names, ready(replicas))
			reported := expectations{lab.homes[s.name()].expect(names, ready(replicas*int32(len(lab.clusters))))}
			create(b, s, deployments)
			changed := inMembers.last(b)
			if round > 0 {
				took.add(s, reported.last(b).Sub(changed))
			}
			remove(b, s, names)
		}
	}
	for _, p := range []int{50, 99} {
		report(b, row{key: fmt.Sprintf("d-p%d", p), what: fmt.Sprintf("(d) a Deployment's status, from the members to the federation, p%d of %d", p, *samples), took: took.percentile(p)})
	}
}

// BenchmarkFault is row e: rows a and b for two members while the third does not answer, and how many times that is of what
// it was just before.
func BenchmarkFault(b *testing.B) {
	stopped, healthy := lab.members[len(lab.members)-1], lab.clusters[:len(lab.clusters)-1]
	oneBefore, manyBefore := figuresOf(b, healthy, func(s system, names []string) { remove(b, s, names) })

	left := map[system][]string{} // a stopped member removes nothing
	b.Cleanup(stopped.Resume)
	stopped.Suspend()
	one, all := figuresOf(b, healthy, func(s system, names []string) { left[s] = append(left[s], names...) })
	stopped.Resume()
	for s, names := range left {
		remove(b, s, names)
	}
	for _, p := range []int{50, 99} {
		is, was := one.percentile(p), oneBefore.percentile(p)
		report(b, row{key: fmt.Sprintf("e-a-p%d", p), what: fmt.Sprintf("(e) as (a) for two members, the third is stopped, p%d of %d; in brackets to before", p, *samples), took: is, note: compared(is, was)})
	}
	is, was := all.sum(), manyBefore.sum()
	report(b, row{key: "e-b", what: fmt.Sprintf("(e) as (b) for two members, the third is stopped, %d at once; in brackets to before", batch()), took: is, note: compared(is, was)})
}

// figuresOf measures rows a and b for some of the clusters. What comes of the Deployments is up to done.
func figuresOf(b *testing.B, clusters []*cluster, done func(s system, names []string)) (one, all figures) {
	b.Helper()
	one, all = figures{}, figures{}
	for round := range *samples {
		for _, s := range turns(lab.systems, round) {
			took, names := latency(b, s, clusters)
			one.add(s, took)
			done(s, names)
		}
	}
	for round := range *batches {
		for _, s := range turns(lab.systems, round) {
			took, names := throughput(b, s, clusters)
			all.add(s, took)
			done(s, names)
		}
	}
	return one, all
}

func compared(is, was map[string]time.Duration) map[string]string {
	notes := map[string]string{}
	for name := range is {
		notes[name] = " (" + times(is[name], was[name]) + ")"
	}
	return notes
}

func create(b *testing.B, s system, deployments []*appsv1.Deployment) time.Time {
	b.Helper()
	since, err := s.create(b.Context(), deployments)
	if err != nil {
		b.Fatal(err)
	}
	return since
}

// remove takes Deployments away, and waits until they are nowhere.
func remove(b *testing.B, s system, names []string) {
	b.Helper()
	leave := expect(lab.clusters, names, gone)
	if home := lab.homes[s.name()]; home != nil {
		leave = append(leave, home.expect(names, gone))
	}
	if err := s.remove(b.Context(), names); err != nil {
		b.Fatal(err)
	}
	leave.last(b)
}
