// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import "k8s.io/component-base/metrics"

// Metrics are what publishing counts.
type Metrics struct {
	passes      *metrics.CounterVec
	changes     *metrics.CounterVec
	conflicts   *metrics.GaugeVec
	lastSuccess *metrics.GaugeVec
}

const subsystem = "drover_dns_publish"

// NewMetrics makes metrics, and registers them.
func NewMetrics(registry metrics.KubeRegistry) *Metrics {
	labels := []string{"zone", "server"}
	gauge := func(name, help string) *metrics.GaugeVec {
		return metrics.NewGaugeVec(&metrics.GaugeOpts{Subsystem: subsystem, Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
	}
	counter := func(name, help string, labels ...string) *metrics.CounterVec {
		return metrics.NewCounterVec(&metrics.CounterOpts{Subsystem: subsystem, Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
	}
	m := &Metrics{
		passes:      counter("passes_total", "Times that another server was brought in step, by result: success or error.", "zone", "server", "result"),
		changes:     counter("changes_total", "Names that were changed at another server.", labels...),
		conflicts:   gauge("conflicts", "Sets of records that are not published because somebody else has them, or others in their way."),
		lastSuccess: gauge("last_success_timestamp_seconds", "When another server was last known to be in step, as seconds since 1970."),
	}
	registry.MustRegister(m.passes, m.changes, m.conflicts, m.lastSuccess)
	return m
}
