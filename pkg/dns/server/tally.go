// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/component-base/metrics"
)

// tally counts for one worker, and adds to the counters when the packets that came together are answered. It remembers
// the counters that it has used: to find one takes longer than an answer. The last one is the next one, mostly.
type tally struct {
	metrics  *Metrics
	queries  map[queryKey]metrics.CounterMetric
	last     queryKey
	same     int // queries with the last key that are not in its counter yet
	answered int // queries of which it is not counted yet how long they took
}

type queryKey struct {
	zone      string
	qtype     uint16
	rcode     uint16
	transport Transport
}

func (m *Metrics) newTally() tally {
	return tally{metrics: m, queries: make(map[queryKey]metrics.CounterMetric)}
}

func (t *tally) count(w *worker, reply []byte, transport Transport) {
	key := queryKey{qtype: counted(w.query.Type), rcode: rcodeOf(reply), transport: transport}
	if w.answer.Zone != nil {
		key.zone = w.answer.Zone.Name
	}
	if key != t.last {
		t.add()
		t.last = key
	}
	t.same++
	t.answered++
	w.answer.Count()
}

// settle adds what was counted to the counters. All of it took the same time.
func (t *tally) settle(transport Transport, took time.Duration) {
	t.add()
	if t.answered > 0 {
		t.metrics.durations.observe(transport, took, t.answered)
		t.answered = 0
	}
}

func (t *tally) add() {
	if t.same == 0 {
		return
	}
	counter := t.queries[t.last]
	if counter == nil {
		key := &t.last
		counter = t.metrics.queries.WithLabelValues(key.zone, typeName(key.qtype), rcodeName(key.rcode), key.transport.String())
		t.queries[t.last] = counter
	}
	counter.Add(float64(t.same))
	t.same = 0
}

// durations is a histogram that counts many observations of one time at once, which those of the library do not. The
// i-th bucket is up to durationBound(i), the last for all above.
type durations [len(transports)]struct {
	buckets [durationBounds + 1]atomic.Uint64
	nanos   atomic.Uint64
}

const durationBounds = 16

func durationBound(i int) time.Duration { return time.Microsecond << i }

func (d *durations) observe(transport Transport, took time.Duration, times int) {
	bucket := bits.Len64(uint64(max(took-1, 0) / time.Microsecond))
	of := &d[transport]
	of.buckets[min(bucket, durationBounds)].Add(uint64(times))
	of.nanos.Add(uint64(took) * uint64(times))
}

var durationDesc = prometheus.NewDesc(subsystem+"_query_duration_seconds",
	"[ALPHA] Time from a query's arrival in the process until its reply, and those to what arrived with it, are written down.",
	[]string{"transport"}, nil)

func (d *durations) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- durationDesc }

func (d *durations) Collect(collected chan<- prometheus.Metric) {
	for _, transport := range transports {
		of := &d[transport]
		below, count := make(map[float64]uint64, durationBounds), uint64(0)
		for i := range durationBounds {
			count += of.buckets[i].Load()
			below[durationBound(i).Seconds()] = count
		}
		count += of.buckets[durationBounds].Load()
		sum := time.Duration(of.nanos.Load()).Seconds()
		collected <- prometheus.MustNewConstHistogram(durationDesc, count, sum, below, transport.String())
	}
}
