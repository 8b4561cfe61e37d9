// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const minimal = `
zones:
- name: Drover.Test.
  nameServers: [{name: ns1.drover.test, addresses: [192.0.2.53]}]
clusters:
- name: west
- {name: east, location: {region: us-east1, zone: us-east1-b}}
services:
- namespace: default
  name: web
  ports: [{name: http, port: 80}]
  backends:
  - {cluster: west, addresses: [192.0.2.1], readyEndpoints: 1}
  - {cluster: east, addresses: [192.0.2.2], readyEndpoints: 1, weight: 0, state: Unknown}
`

var written = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func parse(t *testing.T, text string) *Snapshot {
	t.Helper()
	s, err := Parse([]byte(text), written)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	s := parse(t, minimal)
	want := Zone{
		Name: "drover.test", Federation: "federation", NameServers: s.Zones[0].NameServers,
		Mailbox: "hostmaster@drover.test", TTLSeconds: 3600, NegativeTTLSeconds: 30,
	}
	if diff := cmp.Diff(want, s.Zones[0]); diff != "" {
		t.Error(diff)
	}
	if age := time.Now().Unix() - s.Version; age < 0 || age > 60 {
		t.Errorf("version %d is not the present time", s.Version)
	}
	if !s.Time.Equal(written) || s.FreshSeconds != 120 || s.GraceSeconds != 3600 {
		t.Errorf("version %d, time %s, fresh %d, grace %d", s.Version, s.Time, s.FreshSeconds, s.GraceSeconds)
	}
	web := s.Services[0]
	if web.Mode != Geo || web.TTLSeconds != 20 || web.WhenNoneHealthy != NoData || web.Ports[0].Protocol != "TCP" {
		t.Errorf("service: %+v", web)
	}
	if s.Clusters[0].Name != "east" || web.Backends[0].Cluster != "east" {
		t.Error("clusters and backends are not in order")
	}
	east, west := web.Backends[0], web.Backends[1]
	if *east.Weight != 0 || *west.Weight != 1 || east.State != Unknown || east.LastState != Healthy || west.State != Healthy {
		t.Errorf("backends: %+v %+v", east, west)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ from, to, want string }{
		"not YAML":               {minimal, "a: [", "not a snapshot"},
		"an empty file":          {minimal, "", "zones: Required value"},
		"a misspelled field":     {"readyEndpoints: 1}", "readyEndpoint: 1}", `unknown field "services[0].backends[0].readyEndpoint"`},
		"no endpoints said":      {", readyEndpoints: 1}", "}", "services[0].backends[1].readyEndpoints: Required value"},
		"an unknown cluster":     {"cluster: west,", "cluster: nowhere,", `services[0].backends[1].cluster: Not found: "nowhere"`},
		"a bad address":          {"192.0.2.1]", "192.0.2.256]", "must be an IPv4 or IPv6 address"},
		"an address twice":       {"[192.0.2.1]", "['2001:db8::1', '2001:DB8:0::1']", "Duplicate value"},
		"a bad zone":             {"Drover.Test.", "drover_test", "zones[0].name: Invalid value"},
		"no name server":         {"nameServers: [{name: ns1.drover.test, addresses: [192.0.2.53]}]", "nameServers: []", "at least one name server"},
		"glue that is missing":   {", addresses: [192.0.2.53]", "", "nobody else can tell its address"},
		"a zone without region":  {"region: us-east1, ", "", "a zone lies in a region"},
		"a region called svc":    {"region: us-east1,", "region: svc,", "is a word with a meaning in names"},
		"a cluster twice":        {"- name: west", "- name: east", "Duplicate value"},
		"half a coordinate":      {"region: us-east1,", "region: us-east1, latitude: 1,", "come together"},
		"a latitude of 91":       {"region: us-east1,", "region: us-east1, latitude: 91, longitude: 0,", "between -90 and 90"},
		"a state":                {"state: Unknown", "state: Fine", "Unsupported value"},
		"a negative weight":      {"weight: 0", "weight: -1", "must not be below 0"},
		"a mode":                 {"  name: web", "  name: web\n  mode: Random", "Unsupported value"},
		"watermarks":             {"  name: web", "  name: web\n  saturation: {low: 90, high: 70}", "high must be above low"},
		"a move to nowhere":      {"  name: web", "  name: web\n  move: {from: [east], to: [mars], percent: 5}", `Not found: "mars"`},
		"a move in a circle":     {"  name: web", "  name: web\n  move: {from: [east], to: [east], percent: 5}", "also among those to move from"},
		"a move of 101 per cent": {"  name: web", "  name: web\n  move: {from: [east], to: [west], percent: 101}", "between 0 and 100"},
		"addresses of no host":   {"addresses: [192.0.2.1]", "hostnameAddresses: [192.0.2.1]", "backends[1].hostname: Required value"},
		"a port of number 0":     {"port: 80", "port: 0", "ports[0].port: Required value"},
		"a checksum":             {"zones:", "checksum: abc\nzones:", ErrChecksum.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(minimal, test.from, test.to, 1)
			if text == minimal {
				t.Fatalf("%q is not there to be replaced", test.from)
			}
			if _, err := Parse([]byte(text), written); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "zone.json")
	s := parse(t, minimal)
	for range 2 { // once new, once in place of the old
		if err := Save(path, s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Checksum == "" {
		t.Error("there is no checksum")
	}
	got.Checksum = ""
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("something was left behind: %v %v", files, err)
	}
}

func TestAFileThatWasChangedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.json")
	if err := Save(path, parse(t, minimal)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]string{
		"changed": strings.Replace(string(data), "192.0.2.1", "192.0.2.7", 1),
		"cut off": string(data[:len(data)/2]),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if err == nil || (name == "changed" && !errors.Is(err, ErrChecksum)) {
				t.Errorf("got %v", err)
			}
		})
	}
}
