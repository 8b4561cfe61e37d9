// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// served is a federation with a Service and an Ingress, both called web, in east, and in west, where no pod is ready.
func served(t *testing.T) *world {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: "default", Name: "web"}
	placement := func(kind string) *v1alpha1.Placement {
		p := &v1alpha1.Placement{ObjectMeta: meta}
		p.Name = v1alpha1.PlacementName(kind, "web")
		p.Spec.Clusters = []v1alpha1.ClusterAssignment{{Name: "east"}, {Name: "west"}}
		p.Status.Clusters = []v1alpha1.ClusterPlacementStatus{
			{Name: "east", ReadyEndpoints: 2, Addresses: []v1alpha1.Address{{IP: "192.0.2.1"}}},
			{Name: "west", Addresses: []v1alpha1.Address{{IP: "192.0.2.2"}}},
		}
		return p
	}
	w := newWorld(cluster("east", memberURL), cluster("west", memberURL), placement("Service"), placement("Ingress"))
	if _, err := w.federation.CoreV1().Services("default").Create(t.Context(), &corev1.Service{ObjectMeta: meta}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ingress := &networkingv1.Ingress{ObjectMeta: meta}
	ingress.Spec.Rules = []networkingv1.IngressRule{{Host: "web.drover.test"}}
	if _, err := w.federation.NetworkingV1().Ingresses("default").Create(t.Context(), ingress, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) dns(name string) *DNSOptions {
	o := NewDNSOptions(w.streams(), &FederationOptions{})
	o.Name = name
	return o
}

func TestDNSExplains(t *testing.T) {
	locations := filepath.Join(t.TempDir(), "locations.yaml")
	if err := os.WriteFile(locations, []byte("networks: [{cidr: 203.0.113.0/24, country: US}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"web":         {"A: east, 192.0.2.1", "AAAA: nothing", "why: it is the only one", "1. east: no contact, and healthy before", "not west: no ready endpoints", "client 203.0.113.0/24 at country US", "for 20 seconds"},
		"service/web": {"A: east, 192.0.2.1", "not west: no ready endpoints"},
		"ingress/web": {"A: east, 192.0.2.1", "1. east: no contact, and healthy before", "2. west: no contact"}, // it sends no requests to pods
	} {
		w := served(t)
		o := w.dns(name)
		o.From, o.Locations = "203.0.113.7", locations
		client, err := o.client()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.explain(t.Context(), w.connectFederation(), client); err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(w.out.String(), part) {
				t.Errorf("%s: want %q in\n%s", name, part, &w.out)
			}
		}
	}
}

func TestDNSExplainsAsJSON(t *testing.T) {
	w := served(t)
	o := w.dns("web")
	o.Output = "json"
	if err := o.explain(t.Context(), w.connectFederation(), &routing.Client{}); err != nil {
		t.Fatal(err)
	}
	var got routing.Explanation
	if err := json.Unmarshal(w.out.Bytes(), &got); err != nil || got.Answers["A"].Cluster != "east" {
		t.Errorf("%v\n%s", err, &w.out)
	}
}

func TestDNSRefuses(t *testing.T) {
	for _, tt := range []struct {
		change func(*DNSOptions)
		want   string
	}{
		{func(o *DNSOptions) { o.Name = "api" }, "no Service, and no Ingress with a host, called api"},
		{func(o *DNSOptions) { o.Name = "deployment/web" }, "deployment has no clients of its own"},
		{func(o *DNSOptions) { o.From = "here" }, "--from here is not an address"},
		{func(o *DNSOptions) { o.Locations = "nowhere.yaml" }, "--locations: open nowhere.yaml"},
		{func(o *DNSOptions) { o.GeoIP = "nowhere.mmdb" }, "--geoip: open nowhere.mmdb"},
	} {
		w := served(t)
		o := w.dns("web")
		tt.change(o)
		client, err := o.client()
		if err == nil {
			err = o.explain(t.Context(), w.connectFederation(), client)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestDNSExports(t *testing.T) {
	w := served(t)
	o := w.dns("")
	o.Output = "snapshot"
	if err := o.export(t.Context(), w.connectFederation()); err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Parse(w.out.Bytes(), time.Now())
	if err != nil || len(s.Services) != 2 || len(s.Clusters) != 2 {
		t.Errorf("%v\n%s", err, &w.out)
	}
	w.out.Reset()
	o.Output = "zone"
	if err := o.export(t.Context(), w.connectFederation()); err != nil {
		t.Fatal(err)
	}
	if want := "web.default.federation.svc.drover.test.\t20\tIN\tA\t192.0.2.1\n"; !strings.Contains(w.out.String(), want) {
		t.Errorf("want %q in\n%s", want, &w.out)
	}
}
