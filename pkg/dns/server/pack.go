// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"math/rand/v2"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/wire"
)

// pack appends an answer with the codec, signed if that is asked for.
func (w *worker) pack(dst []byte, signing bool, limit int, options wire.Options) []byte {
	q, a := w.query, &w.answer
	a.Expand(w.asked())
	if signing {
		if err := w.Keys.Sign(a, q.Type, q.CO, w.start); err != nil {
			w.Metrics.signFailed()
			return q.AppendError(dst, dns.RcodeServerFailure, wire.Options{ServerCookie: options.ServerCookie})
		}
	}
	shuffle(a.Answer)
	w.prepare(a.Rcode, true)
	w.msg.Answer, w.msg.Ns, w.msg.Extra = a.Answer, a.Authority, a.Additional
	room := limit - q.OPTSize(options)
	packed, err := w.fit(room)
	if err != nil {
		return q.AppendError(dst, dns.RcodeServerFailure, wire.Options{ServerCookie: options.ServerCookie})
	}
	if packed == nil {
		return q.AppendTruncated(dst, true, options)
	}
	start := len(dst)
	return q.AppendOPT(append(dst, packed...), start, a.Rcode, options)
}

// fit packs the message. What is too large goes without its additional records; if it is too large even then, the
// result is nil.
func (w *worker) fit(room int) ([]byte, error) {
	for {
		packed, err := w.msg.Pack()
		if err != nil || len(packed) <= room {
			return packed, err
		}
		if len(w.msg.Extra) == 0 {
			return nil, nil
		}
		w.msg.Extra = nil
	}
}

// prepare makes the message a reply to the query.
func (w *worker) prepare(rcode int, authoritative bool) {
	msg := w.query.Message()
	w.msg = dns.Msg{
		MsgHdr: dns.MsgHdr{
			Id:               w.query.ID(),
			Response:         true,
			Authoritative:    authoritative,
			RecursionDesired: msg[2]&1 != 0,
			CheckingDisabled: msg[3]&0x10 != 0,
			Rcode:            rcode & 0xf,
		},
		Compress: true,
		Question: []dns.Question{{Name: w.asked(), Qtype: w.query.Type, Qclass: w.query.Class}},
	}
}

// composeChaos answers about the server itself, if it may, and refuses classes that it does not know.
func (w *worker) composeChaos(dst []byte, options wire.Options) []byte {
	q := w.query
	name := dns.CanonicalName(w.asked())
	if q.Class != dns.ClassCHAOS || w.Version == "" || (name != "version.bind." && name != "version.server.") {
		return q.AppendError(dst, dns.RcodeRefused, options)
	}
	w.prepare(dns.RcodeSuccess, true)
	if q.Type == dns.TypeTXT || q.Type == dns.TypeANY {
		header := dns.RR_Header{Name: w.asked(), Rrtype: dns.TypeTXT, Class: dns.ClassCHAOS}
		w.msg.Answer = []dns.RR{&dns.TXT{Hdr: header, Txt: []string{w.Version}}}
	}
	packed, err := w.msg.Pack()
	if err != nil {
		return q.AppendError(dst, dns.RcodeServerFailure, options)
	}
	start := len(dst)
	return q.AppendOPT(append(dst, packed...), start, dns.RcodeSuccess, options)
}

// shuffle changes the order of addresses.
func shuffle(records []dns.RR) {
	var at []int
	for i, rr := range records {
		if rrtype := rr.Header().Rrtype; rrtype == dns.TypeA || rrtype == dns.TypeAAAA {
			at = append(at, i)
		}
	}
	rand.Shuffle(len(at), func(i, j int) { //nolint:gosec // an order of addresses is no secret
		records[at[i]], records[at[j]] = records[at[j]], records[at[i]]
	})
}
