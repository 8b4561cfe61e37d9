// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/wire"
)

// Limiter limits how many replies of one kind a client network gets in a second over UDP, where addresses are easily
// forged: a server that answers forged queries floods the one whose address it is. Replies are of one kind that answer
// the same name, or that deny names of the same zone. Loopback is not limited: no packet from there comes from outside.
//
// It is a table of fixed size. Networks that fall on the same place share a limit; where depends on a secret.
type Limiter struct {
	rate    int64 // a second; also what may come at once
	slip    uint32
	seed    maphash.Seed
	buckets []atomic.Int64
	refused atomic.Uint32
}

const limiterBuckets = 1 << 17

// NewLimiter makes a limiter of so many replies a second. Of those over the limit, every slip-th is answered with an
// invitation to come over TCP, which only those who are not forged can accept; 0: none is.
func NewLimiter(rate, slip int) *Limiter {
	return &Limiter{
		rate:    int64(rate),
		slip:    uint32(slip),
		seed:    maphash.MakeSeed(),
		buckets: make([]atomic.Int64, limiterBuckets),
	}
}

// allow reports whether a reply may go out.
func (l *Limiter) allow(w *worker, from netip.Addr, reply []byte) bool {
	if l == nil || from.IsLoopback() {
		return true
	}
	return l.take(l.bucket(w, from, reply), w.start)
}

func (l *Limiter) bucket(w *worker, from netip.Addr, reply []byte) *atomic.Int64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	network := routing.DrawPrefix(from).Addr().As16()
	h.Write(network[:])
	rcode := reply[3] & 0xf
	h.WriteByte(rcode)
	answers := reply[6] | reply[7]
	switch {
	case rcode == dns.RcodeSuccess && answers != 0:
		h.Write(w.query.Name.Wire())
	case w.answer.Zone != nil:
		h.WriteString(w.answer.Zone.Name)
	}
	return &l.buckets[h.Sum64()%limiterBuckets]
}

// take takes one from a bucket. What a bucket holds is the time, in nanoseconds, at which it will be full again; it is
// empty when that is more than a second away.
func (l *Limiter) take(bucket *atomic.Int64, now time.Time) bool {
	at, cost := now.UnixNano(), int64(time.Second)/l.rate
	for {
		full := bucket.Load()
		next := max(full, at) + cost
		if next > at+int64(time.Second) {
			return false
		}
		if bucket.CompareAndSwap(full, next) {
			return true
		}
	}
}

// limited replaces a reply over the limit: by nothing, or by one that is no larger than the query.
func (w *worker) limited(dst []byte, options wire.Options) []byte {
	l := w.Limiter
	if l.slip == 0 || l.refused.Add(1)%l.slip != 0 {
		w.Metrics.dropped(droppedRateLimit)
		return nil
	}
	w.Metrics.dropped(slippedRateLimit)
	options.ScopeBits = 0
	if options.ServerCookie != nil {
		return w.query.AppendError(dst, dns.RcodeBadCookie, options)
	}
	if !w.query.HasQuestion {
		return nil
	}
	return w.query.AppendTruncated(dst, w.answer.Zone != nil, options)
}
