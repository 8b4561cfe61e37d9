//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

var (
	fleetClusters    = flag.Int("fleet-clusters", 100, "simulated clusters of the fleet")
	fleetDeployments = flag.Int("fleet-deployments", 1000, "Deployments of the fleet, each in all of its clusters")
	coldDeployments  = flag.Int("cold-deployments", 5000, "Deployments in each of two simulated clusters")
)

const (
	// fleetPatience is how long a fleet may take for anything.
	fleetPatience = time.Hour
	// changedShare is the part of the Deployments that changes while there are no controllers.
	changedShare = 100
	// quiet is for how long nothing changes when the steady state is measured.
	quiet = time.Minute
	// podsPerNode is what a simulated node has room for.
	podsPerNode = 110
)

// herd is a federation of simulated clusters. Its controllers are a process of their own, so that they can be measured.
type herd struct {
	name        string
	fleet       *fleet.Fleet
	server      *harness.Server
	kube        kubernetes.Interface
	controllers *harness.Process
	seen        *arrivals
	deployments []*appsv1.Deployment
}

// BenchmarkFleet is row f: a fleet of clusters, with many Deployments in each.
func BenchmarkFleet(b *testing.B) {
	h := newHerd(b, "f", *fleetClusters, *fleetDeployments)
	h.start(b)
	h.rest(b)
	h.latency(b)
	h.restart(b)
}

// BenchmarkColdStart is row g: the start of the controllers with very many Deployments.
func BenchmarkColdStart(b *testing.B) {
	h := newHerd(b, "g", 2, *coldDeployments)
	h.start(b)
	h.restart(b)
}

// newHerd has Deployments in a federation of clusters that were ready when its controllers ended.
func newHerd(b *testing.B, name string, clusters, deployments int) *herd {
	b.Helper()
	const simulationGC = 200 // what test/fleet/cmd/fleet has, so that the simulation takes less of the CPU
	was := debug.SetGCPercent(simulationGC)
	b.Cleanup(func() { debug.SetGCPercent(was) })
	h := &herd{name: name, seen: newArrivals()}
	options := fleet.NewOptions()
	options.Clusters = clusters
	options.Nodes = max(options.Nodes, 4*replicas*deployments/podsPerNode) // so that there is room for all, and changes of them
	var err error
	if h.fleet, err = fleet.Start(options); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.fleet.Stop)
	h.fleet.OnWrite(h.seen.see)
	etcd, err := lab.processes.StartEtcd(b.Context(), "fleet-"+name)
	if err != nil {
		b.Fatal(err)
	}
	if h.server, err = lab.processes.StartAPIServer(b.Context(), "fleet-"+name, etcd); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.server.Kill)
	if h.kube, err = connect(h.server.Config); err != nil {
		b.Fatal(err)
	}
	harness.Eventually(b, patience, func() error {
		_, err := h.kube.CoreV1().Namespaces().Get(b.Context(), v1alpha1.SystemNamespace, metav1.GetOptions{})
		return err
	})
	h.runControllers(b)
	if err := h.fleet.Join(b.Context(), h.server.Config); err != nil {
		b.Fatal(err)
	}
	harness.Eventually(b, fleetPatience, h.ready)
	h.stopControllers(b)
	for i := range deployments {
		h.deployments = append(h.deployments, h.deployment(fmt.Sprintf("web-%d", i)))
	}
	h.create(b, h.deployments)
	return h
}

func (h *herd) ready() error {
	clusters, err := h.server.Drover.FederationV1alpha1().Clusters().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(clusters.Items) != len(h.fleet.Clusters) {
		return fmt.Errorf("%d of %d clusters have joined", len(clusters.Items), len(h.fleet.Clusters))
	}
	for _, c := range clusters.Items {
		if !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("cluster %s is not ready", c.Name)
		}
	}
	return nil
}

func (h *herd) deployment(name string) *appsv1.Deployment {
	d := deployment(lab.relay, name)
	d.Spec.Paused, d.Spec.Replicas = false, ptr.To(int32(replicas*len(h.fleet.Clusters)))
	return d
}

func (h *herd) create(b *testing.B, deployments []*appsv1.Deployment) {
	b.Helper()
	client := h.kube.AppsV1().Deployments(metav1.NamespaceDefault)
	if err := parallel(b.Context(), len(deployments), func(ctx context.Context, i int) error {
		_, err := client.Create(ctx, deployments[i], metav1.CreateOptions{})
		return err
	}); err != nil {
		b.Fatal(err)
	}
}

func (h *herd) runControllers(b *testing.B) {
	b.Helper()
	var err error
	if h.controllers, err = lab.processes.StartControllers(b.Context(), "fleet-"+h.name, h.server); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.controllers.Kill)
}

func (h *herd) stopControllers(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := h.controllers.Stop(ctx); err != nil {
		b.Fatal(err)
	}
}

// start starts the controllers when nothing is placed yet.
func (h *herd) start(b *testing.B) {
	b.Helper()
	expected := h.seen.expect(h.fleet, names(h.deployments), present)
	began := time.Now()
	h.runControllers(b)
	took := expected.wait(b).Sub(began)
	h.report(b, "1-cold", "begin with nothing placed, until all clusters hold all", fmt.Sprintf("%s (%.0f writes/s)", seconds(took), float64(len(h.deployments)*len(h.fleet.Clusters))/took.Seconds()))
}

// restart starts the controllers when all is in place, but for a few Deployments that have changed meanwhile. Those are
// found among all the others: when the last of them is in its clusters, all have been looked at, about.
func (h *herd) restart(b *testing.B) {
	b.Helper()
	h.stopControllers(b)
	changed := h.deployments[:max(1, len(h.deployments)/changedShare)]
	expected := h.seen.expect(h.fleet, names(changed), func(d *appsv1.Deployment) bool { return d != nil && *d.Spec.Replicas == 2*replicas })
	client := h.kube.AppsV1().Deployments(metav1.NamespaceDefault)
	if err := parallel(b.Context(), len(changed), func(ctx context.Context, i int) error {
		return setReplicas(ctx, client, changed[i].Name, int32(2*replicas*len(h.fleet.Clusters)))
	}); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	h.runControllers(b)
	took := expected.wait(b).Sub(began)
	h.report(b, "4-restart", fmt.Sprintf("start again with all in place, until the clusters hold %d that have changed meanwhile", len(changed)), seconds(took))
}

// rest leaves all alone for a while.
func (h *herd) rest(b *testing.B) {
	b.Helper()
	time.Sleep(quiet) //nolint:forbidigo // what is late of the start, which no condition tells of
	before, err := cpuTime(h.controllers.Pid())
	if err != nil {
		b.Fatal(err)
	}
	time.Sleep(quiet) //nolint:forbidigo // it is the time that counts
	after, err := cpuTime(h.controllers.Pid())
	if err != nil {
		b.Fatal(err)
	}
	now, _, err := residentMebibytes(h.controllers.Pid())
	if err != nil {
		b.Fatal(err)
	}
	h.row(b, "2-steady", fmt.Sprintf("the controllers while nothing changes, for %s", quiet), fmt.Sprintf("%.1f CPU s, %d MiB", (after-before).Seconds(), now))
}

// latency is from the create's return of one Deployment until it is in the last cluster.
func (h *herd) latency(b *testing.B) {
	b.Helper()
	var took []time.Duration
	for i := range *samples + 1 {
		d := h.deployment(fmt.Sprintf("late-%d", i))
		expected := h.seen.expect(h.fleet, []string{d.Name}, present)
		h.create(b, []*appsv1.Deployment{d})
		created := time.Now()
		if one := expected.wait(b).Sub(created); i > 0 { // the first one is to warm up
			took = append(took, one)
		}
	}
	for _, p := range []int{50, 99} {
		report(b, row{key: fmt.Sprintf("%s-3-p%d", h.name, p), what: fmt.Sprintf("%s one more Deployment in all of them, p%d of %d", h.title(), p, *samples), took: map[string]time.Duration{"drover": percentile(took, p)}})
	}
}

// report is of what the controllers have done since they were started, and what that took them.
func (h *herd) report(b *testing.B, key, what, result string) {
	b.Helper()
	cpu, err := cpuTime(h.controllers.Pid())
	if err != nil {
		b.Fatal(err)
	}
	_, peak, err := residentMebibytes(h.controllers.Pid())
	if err != nil {
		b.Fatal(err)
	}
	h.row(b, key, "the controllers "+what, fmt.Sprintf("%s, %.0f CPU s, %d MiB at most", result, cpu.Seconds(), peak))
}

func (h *herd) row(b *testing.B, key, what, result string) {
	b.Helper()
	report(b, row{key: h.name + "-" + key, what: h.title() + " " + what, result: result})
}

func (h *herd) title() string {
	return fmt.Sprintf("(%s) %d Deployments in %d simulated clusters:", h.name, len(h.deployments), len(h.fleet.Clusters))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func names(deployments []*appsv1.Deployment) (out []string) {
	for _, d := range deployments {
		out = append(out, d.Name)
	}
	return out
}
