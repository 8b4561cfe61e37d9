// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/dns/snapshot"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func loaded(t testing.TB) *Store {
	t.Helper()
	s, err := snapshot.Parse([]byte(federation), epoch)
	if err != nil {
		t.Fatal(err)
	}
	var store Store
	if err := store.Replace(s); err != nil {
		t.Fatal(err)
	}
	return &store
}

func TestAnOlderSnapshotIsRefused(t *testing.T) {
	store := loaded(t)
	older := store.Load().Snapshot()
	older.Version = 6
	if err := store.Replace(older); err == nil || store.Load().Version != 7 {
		t.Errorf("version %d is served, error %v", store.Load().Version, err)
	}
	same := store.Load().Snapshot()
	if err := store.Replace(same); err != nil {
		t.Errorf("the same version again: %v", err)
	}
}

func TestUpdateMakesOnlyWhatChangedAnew(t *testing.T) {
	store := loaded(t)
	before := store.Load()
	key := snapshot.Key{Namespace: "default", Name: "web"}
	changed := *before.services[key].Service
	changed.TTLSeconds = 99
	err := store.Update(Change{Version: 8, Time: epoch.Add(time.Second), Set: []snapshot.Service{changed}})
	if err != nil {
		t.Fatal(err)
	}
	after := store.Load()
	for other, service := range before.services {
		if same := after.services[other] == service; same == (other == key) {
			t.Errorf("%s is the same as before: %v", other, same)
		}
	}
	if got := ask(t, after, web, "AAAA"); !strings.Contains(got, " 99 AAAA ") {
		t.Errorf("after the update: %s", got)
	}
	if got := ask(t, before, web, "AAAA"); !strings.Contains(got, " 20 AAAA ") {
		t.Errorf("the index before has changed: %s", got)
	}
}

// How full a cluster is matters to services that say from when on.
func TestALoadMakesOnlyWhatItMattersToAnew(t *testing.T) {
	store := loaded(t)
	before := store.Load()
	marked := *before.services[snapshot.Key{Namespace: "default", Name: "web"}].Service
	marked.Saturation = &snapshot.Saturation{Low: 70, High: 90}
	if err := store.Update(Change{Version: 8, Time: epoch, Set: []snapshot.Service{marked}}); err != nil {
		t.Fatal(err)
	}
	before = store.Load()
	full := before.snapshot.Clusters[indexOf(before.snapshot.Clusters, "east")]
	full.LoadPercent = new(int32(95))
	if err := store.Update(Change{Version: 9, Time: epoch, Clusters: []snapshot.Cluster{full}}); err != nil {
		t.Fatal(err)
	}
	for key, service := range store.Load().services {
		if same := before.services[key] == service; same == (key == marked.Key()) {
			t.Errorf("%s is the same as before: %v", key, same)
		}
	}
}

func TestUpdateLeavesWhatItWasGivenAlone(t *testing.T) {
	store := loaded(t)
	given := snapshot.Service{
		Namespace: "default", Name: "web", Hosts: []string{"Shop.Drover.Test."}, Ports: []snapshot.Port{{Name: "http", Port: 80}},
		Backends: []snapshot.Backend{{Cluster: "eu", ReadyEndpoints: new(int32(1))}, {Cluster: "east", ReadyEndpoints: new(int32(1))}},
	}
	want := given.Clone()
	if err := store.Update(Change{Version: 8, Time: epoch, Set: []snapshot.Service{given}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateThatIsRefusedChangesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		change Change
		want   string
	}{
		"not newer":             {Change{Version: 7, Time: epoch}, "version 7 is not newer than 7"},
		"a bad service":         {Change{Version: 8, Time: epoch, Set: []snapshot.Service{{Namespace: "default", Name: "Bad"}}}, "services[default/Bad].name"},
		"a cluster that is new": {Change{Version: 8, Time: epoch, Clusters: []snapshot.Cluster{{Name: "mars"}}}, `"mars" is new or has moved`},
		"a cluster that moved":  {Change{Version: 8, Time: epoch, Clusters: []snapshot.Cluster{{Name: "east"}}}, `"east" is new or has moved`},
	} {
		t.Run(name, func(t *testing.T) {
			store := loaded(t)
			before := store.Load()
			if err := store.Update(test.change); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if store.Load() != before {
				t.Error("something else is served now")
			}
		})
	}
	if err := new(Store).Update(Change{Version: 1}); err == nil {
		t.Error("what was never there could be changed")
	}
}

func TestTimeAloneChangesWhatExpires(t *testing.T) {
	store := loaded(t)
	lost := store.Load().Snapshot()
	lost.Services[2].Backends[0].Health = snapshot.Health{State: snapshot.Unknown, LastState: snapshot.Healthy, Since: epoch}
	if lost.Services[2].Name != "web" {
		t.Fatalf("the service is %s", lost.Services[2].Name)
	}
	if err := store.Replace(lost); err != nil {
		t.Fatal(err)
	}
	for version, step := range []struct {
		after time.Duration
		want  string
	}{{time.Minute, " 5 AAAA "}, {time.Hour, " 20 AAAA "}, {time.Hour + time.Second, "authority: drover.test. 5 SOA"}} {
		if err := store.Update(Change{Version: int64(8 + version), Time: epoch.Add(step.after)}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, store.Load(), web, "AAAA"); !strings.Contains(got, step.want) {
			t.Errorf("after %s: %s, want %q", step.after, got, step.want)
		}
	}
}

// After any changes, every question is answered as by an index that was made of the whole.
func TestUpdatesAddUpToTheWhole(t *testing.T) {
	questions := strings.Fields(web + " " + webInEU + ` lb.default.federation.svc.drover.test default.federation.svc.drover.test
		new.other.federation.svc.drover.test other.federation.svc.drover.test shop.drover.test named.drover.test b.drover.test
		any.wild.drover.test drover.test down.default.federation.svc.drover.test web.default.federation.svc.eu.cluster.drover.test`)
	rapid.Check(t, func(rt *rapid.T) {
		store := loaded(t)
		for step := range rapid.IntRange(1, 6).Draw(rt, "steps") {
			change := drawChange(rt, store.Load(), int64(8+step))
			if err := store.Update(change); err != nil {
				rt.Fatal(err)
			}
		}
		got := store.Load()
		want := NewIndex(got.Snapshot())
		for _, name := range questions {
			for _, qtype := range []string{"A", "AAAA", "TXT", "ANY"} {
				if diff := cmp.Diff(ask(t, want, name, qtype), ask(t, got, name, qtype)); diff != "" {
					rt.Fatalf("%s %s: %s", name, qtype, diff)
				}
			}
		}
	})
}

func drawChange(t *rapid.T, ix *Index, version int64) Change {
	change := Change{Version: version, Time: ix.Time.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "seconds")) * time.Second)}
	switch rapid.IntRange(0, 4).Draw(t, "what") {
	case 0:
		keys := sortedKeys(ix.services)
		if len(keys) > 0 {
			change.Removed = []snapshot.Key{rapid.SampledFrom(keys).Draw(t, "removed")}
		}
	case 1:
		s := snapshot.Service{Namespace: rapid.SampledFrom([]string{"default", "other"}).Draw(t, "namespace"), Name: rapid.SampledFrom([]string{"web", "new"}).Draw(t, "name")}
		if rapid.Bool().Draw(t, "hosts") {
			s.Hosts = []string{rapid.SampledFrom([]string{"shop.drover.test", "x.b.drover.test", "drover.test"}).Draw(t, "host")}
		}
		s.Backends = []snapshot.Backend{{
			Cluster: "eu", Addresses: []string{"203.0.113.1"}, ReadyEndpoints: new(int32(rapid.IntRange(0, 1).Draw(t, "ready"))),
			Health: snapshot.Health{LastReport: ix.Time},
		}, {Cluster: "east", Addresses: []string{"203.0.113.2"}, ReadyEndpoints: new(int32(1))}}
		if rapid.Bool().Draw(t, "marks") {
			s.Saturation = &snapshot.Saturation{Low: 70, High: 90}
		}
		change.Set = []snapshot.Service{s}
	case 2:
		east := *ix.fleet.clusters["east"]
		east.Draining = rapid.Bool().Draw(t, "draining")
		east.Health = snapshot.Health{State: rapid.SampledFrom([]snapshot.State{snapshot.Healthy, snapshot.Unknown}).Draw(t, "state"), Since: ix.Time}
		change.Clusters = []snapshot.Cluster{east}
	case 3:
		fuller := ix.snapshot.Clusters[rapid.IntRange(0, 1).Draw(t, "fuller")]
		fuller.LoadPercent = new(rapid.SampledFrom([]int32{0, 80, 95}).Draw(t, "load"))
		change.Clusters = []snapshot.Cluster{fuller}
	}
	return change
}
