// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
	"k8s.io/klog/v2"
)

// sampler picks one of so many.
type sampler struct{ every, seen int }

func (s *sampler) hit() bool {
	if s.every == 0 {
		return false
	}
	if s.seen++; s.seen < s.every {
		return false
	}
	s.seen = 0
	return true
}

// logQuery logs a query and what it was answered.
func (w *worker) logQuery(reply []byte, from netip.Addr, transport Transport) {
	q := w.query
	fields := []any{
		"client", from, "transport", transport, "rcode", rcodeName(rcodeOf(reply)),
		"size", len(reply), "duration", time.Since(w.start),
	}
	if q.HasQuestion {
		fields = append(fields, "name", w.asked(), "type", dns.Type(q.Type).String())
	}
	if q.Subnet.Given {
		fields = append(fields, "subnet", q.Subnet.Prefix)
	}
	if w.answer.Service != nil {
		fields = append(fields, "service", w.answer.Service.Key, "cluster", w.answer.Cluster())
	}
	klog.InfoS("Query", fields...)
}
