// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

func TestCounters(t *testing.T) {
	config := testConfig(t)
	registry := metrics.NewKubeRegistry()
	config.Metrics = NewMetrics(registry, config.Store, time.Minute)
	w := New(config).newWorker()
	badVersion := query(web, dns.TypeA)
	badVersion.SetEdns0(1232, false)
	badVersion.IsEdns0().SetVersion(1)
	for _, m := range []*dns.Msg{
		query(web, dns.TypeA), query(web, dns.TypeA), query(web, dns.TypeA).SetEdns0(1232, false), query(web, dns.TypeMX),
		query("nope.drover.test.", dns.TypeA), query("example.com.", dns.TypeA), badVersion,
	} {
		direct(t, w, m, "192.0.2.9", UDP)
	}
	direct(t, w, query(strings.Replace(web, "web.", "geo.", 1), dns.TypeA), "10.2.0.9", TLS)
	want := `
# HELP drover_dns_answers_total [ALPHA] Answers that led to a cluster, by service.
# TYPE drover_dns_answers_total counter
drover_dns_answers_total{cluster="east",namespace="default",service="web"} 3
drover_dns_answers_total{cluster="west",namespace="default",service="geo"} 1
# HELP drover_dns_queries_total [ALPHA] Queries that were answered. Zone is empty for what is in no zone; type is other for those that are rare.
# TYPE drover_dns_queries_total counter
drover_dns_queries_total{rcode="BADVERS",transport="udp",type="A",zone=""} 1
drover_dns_queries_total{rcode="NOERROR",transport="tls",type="A",zone="drover.test."} 1
drover_dns_queries_total{rcode="NOERROR",transport="udp",type="A",zone="drover.test."} 3
drover_dns_queries_total{rcode="NOERROR",transport="udp",type="other",zone="drover.test."} 1
drover_dns_queries_total{rcode="NXDOMAIN",transport="udp",type="A",zone="drover.test."} 1
drover_dns_queries_total{rcode="REFUSED",transport="udp",type="A",zone=""} 1
`
	if err := testutil.GatherAndCompare(registry.Gatherer(), strings.NewReader(want), "drover_dns_queries_total", "drover_dns_answers_total"); err != nil {
		t.Error(err)
	}
}

func TestCountersOfServicesThatAreGoneAreForgotten(t *testing.T) {
	config := testConfig(t)
	registry := metrics.NewKubeRegistry()
	config.Metrics = NewMetrics(registry, config.Store, time.Minute)
	w := New(config).newWorker()
	geo := query(strings.Replace(web, "web.", "geo.", 1), dns.TypeA)
	direct(t, w, query(web, dns.TypeA), "192.0.2.9", UDP)
	direct(t, w, geo, "10.2.0.9", UDP)
	err := config.Store.Update(zone.Change{Version: 2, Time: time.Now(), Removed: []snapshot.Key{{Namespace: "default", Name: "web"}}})
	if err != nil {
		t.Fatal(err)
	}
	direct(t, w, geo, "10.2.0.9", UDP)
	want := `
# HELP drover_dns_answers_total [ALPHA] Answers that led to a cluster, by service.
# TYPE drover_dns_answers_total counter
drover_dns_answers_total{cluster="west",namespace="default",service="geo"} 2
`
	if err := testutil.GatherAndCompare(registry.Gatherer(), strings.NewReader(want), "drover_dns_answers_total"); err != nil {
		t.Error(err)
	}
}
