// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/wire"
	"drover.dev/drover/pkg/dns/zone"
)

// Transport is what a query came over.
type Transport uint8

const (
	UDP Transport = iota
	TCP
	TLS
)

var transports = [...]Transport{UDP, TCP, TLS}

func (t Transport) String() string { return [...]string{"udp", "tcp", "tls"}[t] }

// worker answers one query at a time, and keeps what is used again for the next.
type worker struct {
	*Server
	tally tally
	log   sampler
	start time.Time
	// queries are those that came together; senders is about each of them, too.
	queries []wire.Query
	senders []sender
	warmer  zone.Warmer
	query   *wire.Query // that is answered
	client  routing.Client
	answer  zone.Answer
	msg     dns.Msg
	text    string
	cookie  [cookieLen]byte
}

// sender is who sent a query, and what came of reading it: see wire.Query.Read.
type sender struct {
	addr  netip.Addr
	rcode int
	ok    bool
}

func (s *Server) newWorker() *worker { return s.newBatchWorker(1) }

// newBatchWorker makes a worker for so many queries at a time.
func (s *Server) newBatchWorker(queries int) *worker {
	w := &worker{
		Server: s, tally: s.Metrics.newTally(), log: sampler{every: s.LogEvery},
		queries: make([]wire.Query, queries), senders: make([]sender, queries),
	}
	w.query = &w.queries[0]
	return w
}

// reply appends the reply to a query to dst. It returns nil if there is to be none.
func (w *worker) reply(dst, msg []byte, from netip.Addr, transport Transport) []byte {
	w.start = time.Now()
	w.read(0, msg, from)
	dst = w.replyTo(0, dst, transport)
	w.tally.settle(transport, time.Since(w.start))
	return dst
}

// read reads the i-th of the queries that came together.
func (w *worker) read(i int, msg []byte, from netip.Addr) {
	s := &w.senders[i]
	s.addr = from
	if s.rcode, s.ok = w.queries[i].Read(msg); !s.ok {
		w.Metrics.dropped(droppedNoQuery)
	}
}

// warm prepares answering the first n of the queries that came together.
func (w *worker) warm(n int) {
	if index := w.Store.Load(); index != nil {
		w.warmer.Warm(index, w.queries[:n])
	}
}

// replyTo appends the reply to the i-th of the queries to dst. It returns nil if there is to be none.
func (w *worker) replyTo(i int, dst []byte, transport Transport) []byte {
	s := &w.senders[i]
	if !s.ok {
		return nil
	}
	w.query = &w.queries[i]
	start := len(dst)
	w.text = ""
	w.answer.Zone, w.answer.Service = nil, nil
	from := s.addr
	options, trusted := w.options(from)
	dst = w.compose(dst, s.rcode, from, transport, options)
	if transport == UDP && !trusted && !w.Limiter.allow(w, from, dst[start:]) {
		dst = w.limited(dst[:start], options)
		if dst == nil {
			return nil
		}
	}
	w.finish(dst[start:], from, transport)
	return dst
}

// options starts the reply's options with a cookie, and reports whether the client's was good: then its address is no
// forgery.
func (w *worker) options(from netip.Addr) (options wire.Options, trusted bool) {
	if w.query.ClientCookie == nil {
		return options, false
	}
	trusted = w.Cookies.check(w.query.ClientCookie, w.query.ServerCookie, from, w.start)
	options.ServerCookie = w.Cookies.make(w.cookie[:0], w.query.ClientCookie, from, w.start)
	return options, trusted
}

// compose appends the reply to a query that was read.
func (w *worker) compose(dst []byte, rcode int, from netip.Addr, transport Transport, options wire.Options) []byte {
	q := w.query
	if rcode != dns.RcodeSuccess {
		return q.AppendError(dst, rcode, options)
	}
	if q.TSIG {
		return w.composeSigned(dst, from, transport, options)
	}
	if q.Class != dns.ClassINET {
		return w.composeChaos(dst, options)
	}
	if q.Type == dns.TypeAXFR || q.Type == dns.TypeIXFR {
		return q.AppendError(dst, dns.RcodeRefused, options)
	}
	index := w.Store.Load()
	if index == nil {
		return q.AppendError(dst, dns.RcodeServerFailure, options)
	}
	w.locate(from)
	question := zone.Question{Name: &q.Name, Text: w.asked, Type: q.Type, Client: &w.client, Explain: w.Explain}
	index.Answer(&question, &w.answer)
	if w.answer.Zone == nil {
		return q.AppendError(dst, dns.RcodeRefused, options)
	}
	if q.Subnet.Given && q.Subnet.Prefix.Bits() > 0 {
		options.ScopeBits = w.answer.Bits
	}
	limit := wire.MaxTCPSize
	if transport == UDP {
		limit = q.UDPSize()
	}
	w.Keys.Answer(&w.answer, q.Type)
	signing := q.DO && w.Keys.Signs(w.answer.Zone.Name)
	if w.answer.Records.Len() > 0 && !signing {
		reply, _ := q.AppendRecords(dst, w.answer.Records, limit, options)
		return reply
	}
	return w.pack(dst, signing, limit, options)
}

// locate finds out who the client is: by the subnet that the resolver tells, or by the resolver's address. A resolver
// that tells nothing on purpose gets an answer that is made for nobody (RFC 7871, section 7.1.2).
func (w *worker) locate(from netip.Addr) {
	w.client = routing.Client{}
	if subnet := &w.query.Subnet; subnet.Given {
		if subnet.Prefix.Bits() == 0 {
			return
		}
		from = subnet.Prefix.Addr().Unmap()
	}
	w.client.Network = routing.DrawPrefix(from)
	w.client.Place, w.client.PlaceBits = w.Finder.Find(from)
}

// asked returns the name in the question as text, in its case.
func (w *worker) asked() string {
	if w.text == "" {
		w.text, _, _ = dns.UnpackDomainName(w.query.Message(), headerLen) // it was read before
	}
	return w.text
}

const headerLen = 12

// finish counts and logs.
func (w *worker) finish(reply []byte, from netip.Addr, transport Transport) {
	w.tally.count(w, reply, transport)
	if w.log.hit() {
		w.logQuery(reply, from, transport)
	}
}
