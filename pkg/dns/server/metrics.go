// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/component-base/metrics"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
	"drover.dev/drover/pkg/dns/zone"
)

// Metrics are what a server counts.
type Metrics struct {
	queries   *metrics.CounterVec
	durations *durations
	drops     *metrics.CounterVec
	signing   *metrics.Counter
}

const subsystem = "drover_dns"

// Reasons for which a query is not answered, or not as it was asked.
const (
	droppedRateLimit   = "rate_limit"
	slippedRateLimit   = "rate_limit_slip"
	droppedNoQuery     = "no_query"
	droppedConnections = "connections"
)

// NewMetrics makes metrics and registers them, with those of the store. A snapshot of an age above stale counts as stale;
// with 0 none does.
func NewMetrics(registry metrics.KubeRegistry, store *zone.Store, stale time.Duration) *Metrics {
	m := &Metrics{
		queries: metrics.NewCounterVec(&metrics.CounterOpts{
			Subsystem: subsystem, Name: "queries_total", StabilityLevel: metrics.ALPHA,
			Help: "Queries that were answered. Zone is empty for what is in no zone; type is other for those that are rare.",
		}, []string{"zone", "type", "rcode", "transport"}),
		durations: &durations{},
		drops: metrics.NewCounterVec(&metrics.CounterOpts{
			Subsystem: subsystem, Name: "dropped_total", StabilityLevel: metrics.ALPHA,
			Help: "Queries and connections that were not answered, by reason; rate_limit_slip were told to come over TCP.",
		}, []string{"reason"}),
		signing: metrics.NewCounter(&metrics.CounterOpts{
			Subsystem: subsystem, Name: "sign_errors_total", StabilityLevel: metrics.ALPHA,
			Help: "Answers that could not be signed.",
		}),
	}
	registry.MustRegister(m.queries, m.drops, m.signing)
	registry.Registerer().MustRegister(append(storeGauges(store, stale), answers{store}, m.durations)...)
	return m
}

func storeGauges(store *zone.Store, stale time.Duration) []prometheus.Collector {
	gauge := func(name, help string, of func(*zone.Index) float64) prometheus.Collector {
		return metrics.NewGaugeFunc(&metrics.GaugeOpts{
			Subsystem: subsystem, Name: name, Help: help, StabilityLevel: metrics.ALPHA,
		}, func() float64 {
			if index := store.Load(); index != nil {
				return of(index)
			}
			return 0
		})
	}
	return []prometheus.Collector{
		gauge("snapshot_age_seconds", "Time since the picture that is served was taken.", func(ix *zone.Index) float64 {
			return time.Since(ix.Time).Seconds()
		}),
		gauge("snapshot_stale", "1 if the picture that is served is older than it should be.", func(ix *zone.Index) float64 {
			if stale > 0 && time.Since(ix.Time) > stale {
				return 1
			}
			return 0
		}),
		gauge("snapshot_version", "Version of the picture that is served.", func(ix *zone.Index) float64 { return float64(ix.Version) }),
		gauge("snapshot_services", "Services in the picture that is served.", func(ix *zone.Index) float64 { return float64(ix.Services()) }),
		gauge("snapshot_clusters", "Clusters in the picture that is served.", func(ix *zone.Index) float64 { return float64(ix.Clusters()) }),
	}
}

// answers collects how many answers of each service led to each cluster. They are counted where services are: it takes no
// looking for the counter, and one of a service that is gone is gone with it.
type answers struct{ *zone.Store }

var answersTotal = prometheus.NewDesc(subsystem+"_answers_total", "[ALPHA] Answers that led to a cluster, by service.", []string{"namespace", "service", "cluster"}, nil)

func (a answers) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- answersTotal }

func (a answers) Collect(collected chan<- prometheus.Metric) {
	index := a.Load()
	if index == nil {
		return
	}
	sums := make(map[[3]string]uint64) // a Service and an Ingress may have one name
	index.Counts(func(key snapshot.Key, cluster string, n uint64) {
		sums[[3]string{key.Namespace, key.Name, cluster}] += n
	})
	for labels, n := range sums {
		collected <- prometheus.MustNewConstMetric(answersTotal, prometheus.CounterValue, float64(n), labels[:]...)
	}
}

func (m *Metrics) dropped(reason string) { m.drops.WithLabelValues(reason).Inc() }

func (m *Metrics) signFailed() { m.signing.Inc() }

// counted returns the type if it has a counter of its own, or 0: clients must not make as many as they like.
func counted(qtype uint16) uint16 {
	switch qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeCNAME, dns.TypeSOA, dns.TypeNS, dns.TypeTXT, dns.TypeDNSKEY, dns.TypeDS,
		dns.TypeHTTPS, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR:
		return qtype
	}
	return 0
}

func typeName(qtype uint16) string {
	if qtype == 0 {
		return "other"
	}
	return dns.TypeToString[qtype]
}

// rcodeOf reads the result code of a reply. Of those with more than four bits, only the replies to an unknown version
// of EDNS and to a forged address are sent, and neither has records.
func rcodeOf(reply []byte) uint16 {
	rcode := uint16(reply[3] & 0xf)
	question := wire.SkipQuestion(reply)
	if len(reply) >= question+6 && reply[11] == 1 && reply[7] == 0 && reply[9] == 0 {
		rcode |= uint16(reply[question+5]) << 4 // the OPT record is all there is
	}
	return rcode
}

func rcodeName(rcode uint16) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS" // the codec calls it by its other meaning
	}
	return dns.RcodeToString[int(rcode)]
}
