// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
	droverfake "drover.dev/drover/pkg/generated/clientset/versioned/fake"
)

// world is a federation, which is a fake, and a feed of it.
type world struct {
	*testing.T
	own   *droverfake.Clientset
	kube  *kubefake.Clientset
	store *zone.Store
	feed  *Feed

	mu   sync.Mutex
	kept *snapshot.Snapshot
}

func newWorld(t *testing.T, objects ...runtime.Object) *world {
	t.Helper()
	w := &world{T: t, own: droverfake.NewSimpleClientset(objects...), kube: kubefake.NewClientset(), store: &zone.Store{}}
	zones, err := (&ZoneOptions{Names: []string{"drover.test"}, Federation: "federation"}).Zones([]string{"127.0.0.1:5353"})
	if err != nil {
		t.Fatal(err)
	}
	w.feed = newFeed(w.own, w.kube, w.store, zones, func(s *snapshot.Snapshot) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.kept = s
		return nil
	})
	return w
}

// run runs the feed until the test ends or stop is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.feed.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	w.Cleanup(stop)
	return stop
}

// see lets the feed's informers see all there is, and follow until the test ends, with nothing served yet.
func (w *world) see() context.Context {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	w.Cleanup(func() {
		cancel()
		w.feed.objects.shutdown()
	})
	if !w.feed.objects.run(ctx) {
		w.Fatal("the informers do not see all there is")
	}
	return ctx
}

func cluster(name, region string) *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Status.Location = v1alpha1.Location{Region: region}
	now := metav1.Now()
	c.Status.LastProbeTime = &now
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, LastTransitionTime: now}}
	return c
}

// weights are what is served of a service: the clusters, and the weight of each that may be answered.
func (w *world) weights(key snapshot.Key) map[string]int32 {
	index := w.store.Load()
	if index == nil {
		return nil
	}
	explained, ok := index.Explain(key, routing.Scope{}, &routing.Client{})
	if !ok {
		return nil
	}
	out := map[string]int32{}
	for _, s := range index.Snapshot().Services {
		for _, b := range s.Backends {
			for _, c := range explained.Clusters {
				if s.Key() == key && c.Cluster == b.Cluster && c.Position > 0 {
					out[b.Cluster] = *b.Weight
				}
			}
		}
	}
	return out
}

func (w *world) eventually(what string, is func() bool) {
	w.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if <-tick.C; time.Now().After(deadline) {
			w.Fatalf("after a minute it is not so that %s; served: %+v", what, w.store.Load().Snapshot())
		}
	}
}

func (w *world) must(_ any, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

var (
	webKey  = snapshot.Key{Namespace: "default", Name: "web"}
	shopKey = snapshot.Key{Namespace: "default", Name: "shop", Hosts: true}
)

func TestFeedFollowsAFederation(t *testing.T) {
	w := newWorld(t, cluster("east", "us-east1"), cluster("west", "us-west1"),
		placed("Service", "web", report("east", "192.0.2.1", 1), report("west", "192.0.2.2", 1), report("eu", "192.0.2.3", 1)),
		placed("Ingress", "shop", report("east", "192.0.2.4", 0), report("west", "192.0.2.5", 0)))
	w.must(w.kube.CoreV1().Services("default").Create(t.Context(), web(), metav1.CreateOptions{}))
	w.must(w.kube.NetworkingV1().Ingresses("default").Create(t.Context(), shop([]string{"shop.drover.test"}, "web"), metav1.CreateOptions{}))
	stop := w.run()
	<-w.feed.First()
	same := func(key snapshot.Key, want ...string) func() bool {
		return func() bool {
			got := w.weights(key)
			for _, name := range want {
				if _, ok := got[name]; !ok {
					return false
				}
			}
			return len(got) == len(want)
		}
	}
	own := w.own.FederationV1alpha1()
	w.eventually("web is answered by the clusters that are joined", same(webKey, "east", "west"))
	w.eventually("shop is", same(shopKey, "east", "west"))

	w.must(own.Clusters().Create(t.Context(), cluster("eu", "europe-west1"), metav1.CreateOptions{}))
	w.eventually("web is answered by the one that joined", same(webKey, "east", "west", "eu"))

	before := w.store.Load().Version
	w.must(own.Placements("default").Update(t.Context(), placed("Service", "web", report("east", "192.0.2.1", 0), report("west", "192.0.2.2", 1), report("eu", "192.0.2.3", 1)), metav1.UpdateOptions{}))
	w.eventually("a cluster without endpoints is not answered", same(webKey, "west", "eu"))
	w.eventually("nor for the Ingress before the Service", same(shopKey, "west"))
	if now := w.store.Load().Version; now <= before {
		t.Errorf("version %d came after %d", now, before)
	}

	w.must(own.TrafficPolicies("default").Create(t.Context(), policy("web", v1alpha1.TrafficPolicySpec{Clusters: []v1alpha1.ClusterTraffic{
		{Name: "eu", Weight: new(int64(95))}, {Name: "west", Weight: new(int64(5))},
	}}), metav1.CreateOptions{}))
	w.eventually("weights are followed", func() bool { return w.weights(webKey)["eu"] == 95 && w.weights(webKey)["west"] == 5 })
	w.must(nil, own.TrafficPolicies("default").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	w.eventually("a policy that is gone is not", func() bool { return w.weights(webKey)["eu"] == 1 })

	w.must(nil, own.Clusters().Delete(t.Context(), "eu", metav1.DeleteOptions{}))
	w.eventually("a cluster that is gone is not answered", same(webKey, "west"))
	w.must(nil, w.kube.CoreV1().Services("default").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	w.eventually("a Service that is gone is not there", func() bool { return !w.store.Load().Has(webKey) })

	stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.kept.Services) != 1 || len(w.kept.Clusters) != 2 || w.kept.Version != w.store.Load().Version {
		t.Errorf("kept is %+v", w.kept)
	}
}

// A load that leads clients elsewhere is followed when it is seen, not when everything is looked at.
func TestFeedFollowsALoadAcrossAWatermark(t *testing.T) {
	loaded := func(percent int64) *v1alpha1.Cluster {
		c := cluster("east", "us-east1")
		c.Status.LastProbeTime.Time = noon
		c.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(100, resource.DecimalSI)}
		c.Status.Requested = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(percent, resource.DecimalSI)}
		c.Status.Conditions[0].LastTransitionTime = metav1.NewTime(noon)
		return c
	}
	marks := policy("web", v1alpha1.TrafficPolicySpec{Saturation: &v1alpha1.Saturation{Low: 70, High: 90}})
	w := newWorld(t, loaded(10), cluster("west", "us-west1"), marks,
		placed("Service", "web", report("east", "192.0.2.1", 1), report("west", "192.0.2.2", 1)))
	w.feed.now = func() time.Time { return noon }
	w.must(w.kube.CoreV1().Services("default").Create(t.Context(), web(), metav1.CreateOptions{}))
	w.must(w.kube.CoreV1().Services("default").Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other"}}, metav1.CreateOptions{}))
	told := make(chan struct{}, 2)
	handlers := w.feed.handlers()
	follow := handlers.cluster
	handlers.cluster = func(old, obj *v1alpha1.Cluster) {
		follow(old, obj)
		told <- struct{}{}
	}
	w.feed.objects.tell(handlers)
	ctx := w.see()
	<-told // of both clusters
	<-told
	w.feed.pending.take()
	w.feed.replace(ctx)
	for _, step := range []struct {
		load    int64
		follows bool
	}{{50, false}, {80, true}, {80, false}, {85, true}, {95, true}, {99, false}, {10, true}} {
		before := w.store.Load()
		w.must(w.own.FederationV1alpha1().Clusters().Update(ctx, loaded(step.load), metav1.UpdateOptions{}))
		<-told
		work := w.feed.pending.take()
		if work.everything || work.clusters || len(work.services) > 0 {
			t.Errorf("%d %%: all this is to be made anew: %+v", step.load, work)
		}
		w.feed.update(ctx, work)
		if follows := w.store.Load() != before; follows != step.follows {
			t.Errorf("%d %%: followed: %v", step.load, follows)
		}
	}
}

// What is as it was is not served anew.
func TestFeedOfAFederationInWhichNothingChanges(t *testing.T) {
	w := newWorld(t, cluster("east", "us-east1"), placed("Service", "web", report("east", "192.0.2.1", 1)))
	w.must(w.kube.CoreV1().Services("default").Create(t.Context(), web(), metav1.CreateOptions{}))
	ctx := w.see()
	w.feed.replace(ctx)
	before := w.store.Load()
	w.feed.update(ctx, work{services: sets.New(webKey)})
	if after := w.store.Load(); after != before {
		t.Errorf("version %d became %d", before.Version, after.Version)
	}
	if moved := changed(w.feed.clusters, clustersOf(w.feed.objects)); len(moved) != 0 {
		t.Errorf("clusters that have changed: %+v", moved)
	}
}

// As long as a list fails, what was kept is served, and nothing takes its place.
func TestFeedOfAFederationThatCannotBeReached(t *testing.T) {
	w := newWorld(t, cluster("east", "us-east1"))
	tried := make(chan struct{}, 100)
	mending := make(chan struct{})
	w.kube.PrependReactor("list", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		select {
		case <-mending:
			return false, nil, nil
		default:
			tried <- struct{}{}
			return true, &corev1.ServiceList{}, errors.New("no federation")
		}
	})
	kept := &snapshot.Snapshot{Version: 7, Time: noon, Zones: w.feed.zones, Clusters: []snapshot.Cluster{{Name: "east"}}, Services: []snapshot.Service{{
		Namespace: "default", Name: "web", Backends: []snapshot.Backend{backend("east", "192.0.2.1", 1)},
	}}}
	kept.Complete()
	w.must(nil, w.store.Replace(kept))
	w.run()
	<-tried
	<-tried
	if index := w.store.Load(); index.Version != 7 || !index.Time.Equal(noon) || w.weights(webKey)["east"] != 1 {
		t.Errorf("served is %+v", index.Snapshot())
	}
	close(mending)
	<-w.feed.First()
	w.eventually("what the federation has is served", func() bool { return !w.store.Load().Has(webKey) && w.store.Load().Version > 7 })
}

func TestTakenAt(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	healthy := func(reported time.Time) snapshot.Cluster {
		return snapshot.Cluster{Health: snapshot.Health{State: snapshot.Healthy, LastReport: reported}}
	}
	lost := func(since time.Time) snapshot.Cluster {
		return snapshot.Cluster{Health: snapshot.Health{State: snapshot.Unknown, Since: since}}
	}
	for name, test := range map[string]struct {
		clusters []snapshot.Cluster
		want     time.Time
	}{
		"no clusters":                  {nil, at(60)},
		"one in contact":               {[]snapshot.Cluster{lost(at(1)), healthy(at(59))}, at(60)},
		"reports without time":         {[]snapshot.Cluster{healthy(time.Time{})}, at(60)},
		"all lost":                     {[]snapshot.Cluster{lost(at(1)), lost(at(5)), lost(at(2))}, at(5)},
		"nobody looks at the clusters": {[]snapshot.Cluster{healthy(at(40)), lost(at(5))}, at(40)},
		"none ever seen":               {[]snapshot.Cluster{lost(time.Time{})}, at(60)},
	} {
		if got := takenAt(test.clusters, at(60)); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestZoneOptions(t *testing.T) {
	for name, test := range map[string]struct {
		options ZoneOptions
		listen  []string
		want    string // the name servers of the first zone
		err     string
	}{
		"by default":           {ZoneOptions{Names: []string{"drover.test"}}, []string{"127.0.0.1:5353", "[::1]:53", "127.0.0.1:853"}, "ns.drover.test [127.0.0.1 ::1]", ""},
		"listening everywhere": {ZoneOptions{Names: []string{"drover.test"}}, []string{"0.0.0.0:53"}, "", "--name-server ns.drover.test=ADDRESS"},
		"given": {
			ZoneOptions{Names: []string{"drover.test", "b.test"}, NameServers: []string{"a.drover.test=192.0.2.1", "a.drover.test=192.0.2.2", "ns.elsewhere.test"}},
			nil, "a.drover.test [192.0.2.1 192.0.2.2] ns.elsewhere.test []", "",
		},
		"no address":        {ZoneOptions{Names: []string{"drover.test"}, NameServers: []string{"ns.drover.test"}}, nil, "", "nobody else can tell its address"},
		"no such address":   {ZoneOptions{Names: []string{"drover.test"}, NameServers: []string{"ns.drover.test=here"}}, nil, "", "--name-server ns.drover.test=here"},
		"no zone":           {ZoneOptions{}, nil, "", "--zone must name a zone"},
		"a name of no zone": {ZoneOptions{Names: []string{"a b"}}, []string{"127.0.0.1:53"}, "", "zones[0].name"},
	} {
		t.Run(name, func(t *testing.T) {
			zones, err := test.options.Zones(test.listen)
			if (test.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got %v, want %q", err, test.err)
			}
			if got := servers(zones); err == nil && got != test.want {
				t.Errorf("name servers %q, want %q", got, test.want)
			}
		})
	}
}

func servers(zones []snapshot.Zone) string {
	var out []string
	for _, zone := range zones[:min(1, len(zones))] {
		for _, s := range zone.NameServers {
			out = append(out, fmt.Sprint(s.Name, " ", s.Addresses))
		}
	}
	return strings.Join(out, " ")
}
