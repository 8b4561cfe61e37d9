// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

// ledTo is what clients of many networks are answered for each service: the cluster, and for how long.
func ledTo(t *testing.T, index *zone.Index) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, key := range index.Keys() {
		for i := range 64 {
			client := &routing.Client{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24)}
			e, ok := index.Explain(key, routing.Scope{}, client)
			if !ok {
				t.Fatalf("%s is not there", key)
			}
			out[fmt.Sprintf("%s by %s", key, client.Network)] = fmt.Sprintf("%v for %d s", e.Answers, e.TTL)
		}
	}
	return out
}

// For an hour nobody can be reached, neither API server nor store behind it. Every name is answered as before, and so it is
// by a server that starts then, from disk.
func TestAnHourWithoutTheFederation(t *testing.T) {
	w := newWorld(t, cluster("east", "us-east1"), cluster("west", "us-west1"),
		placed("Service", "web", report("east", "192.0.2.1", 1), report("west", "192.0.2.2", 1)),
		placed("Ingress", "shop", report("east", "192.0.2.4", 0), report("west", "192.0.2.5", 0)))
	w.must(w.kube.CoreV1().Services("default").Create(t.Context(), web(), metav1.CreateOptions{}))
	w.must(w.kube.NetworkingV1().Ingresses("default").Create(t.Context(), shop([]string{"shop.drover.test"}, "web"), metav1.CreateOptions{}))
	ctx := w.see()
	w.feed.replace(ctx)
	w.feed.save(ctx)
	before, taken := ledTo(t, w.store.Load()), w.store.Load().Time
	if len(before) != 2*64 {
		t.Fatalf("answered is %v", before)
	}

	tries := 0
	gone := func(clienttesting.Action) (bool, runtime.Object, error) {
		tries++
		return true, nil, errors.New("nobody answers")
	}
	w.own.PrependReactor("*", "*", gone)
	w.kube.PrependReactor("*", "*", gone)
	now := time.Now()
	w.feed.now = func() time.Time { return now }
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(renewInterval) {
		w.feed.renew(ctx)
		w.feed.save(ctx)
	}
	if tries < 360 {
		t.Errorf("in an hour it was tried %d times", tries)
	}
	if diff := cmp.Diff(before, ledTo(t, w.store.Load())); diff != "" {
		t.Errorf("answered after an hour (-before +now):\n%s", diff)
	}
	if !w.store.Load().Time.Equal(taken) {
		t.Errorf("the picture of %s says that it is of %s", taken, w.store.Load().Time)
	}

	path := filepath.Join(t.TempDir(), "last.json")
	w.must(nil, snapshot.Save(path, w.kept))
	last, err := snapshot.Load(path)
	w.must(nil, err)
	var started zone.Store
	w.must(nil, started.Replace(last))
	if diff := cmp.Diff(before, ledTo(t, started.Load())); diff != "" {
		t.Errorf("answered after a start (-before +now):\n%s", diff)
	}
}
