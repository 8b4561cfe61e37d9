// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/wire"
)

// composeSigned answers a query with a transaction signature (RFC 8945): as without it, and signed in turn.
func (w *worker) composeSigned(dst []byte, from netip.Addr, transport Transport, options wire.Options) []byte {
	q := w.query
	var msg dns.Msg
	if err := msg.Unpack(q.Message()); err != nil {
		return q.AppendError(dst, dns.RcodeFormatError, options)
	}
	request := signatureOf(&msg)
	if request == nil {
		return q.AppendError(dst, dns.RcodeFormatError, options)
	}
	if err := w.Transfers.Verify(q.Message(), request); err != nil {
		return w.refuseSignature(dst, request, err)
	}
	q.TSIG = false
	start := len(dst)
	var reply dns.Msg
	plain := w.compose(nil, dns.RcodeSuccess, from, transport, options)
	if err := reply.Unpack(plain); err != nil {
		return q.AppendError(dst, dns.RcodeServerFailure, options)
	}
	reply.Compress = true
	signed, _, err := w.Transfers.Seal(&reply, request, request.MAC, false, w.start)
	if err != nil || (transport == UDP && len(signed) > q.UDPSize()) {
		return q.AppendTruncated(dst[:start], true, options)
	}
	return append(dst, signed...)
}

// signatureOf is the signature of a message; nil if it has none, or one without content, which the codec lets pass.
func signatureOf(msg *dns.Msg) *dns.TSIG {
	signature := msg.IsTsig()
	if signature == nil || signature.Algorithm == "" {
		return nil
	}
	return signature
}

// refuseSignature answers NOTAUTH, and in an unsigned signature record why (RFC 8945, section 5.2).
func (w *worker) refuseSignature(dst []byte, request *dns.TSIG, cause error) []byte {
	w.prepare(dns.RcodeNotAuth, false)
	code := w.Transfers.ErrorCode(cause)
	record := &dns.TSIG{
		Hdr:        dns.RR_Header{Name: request.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm:  request.Algorithm,
		TimeSigned: request.TimeSigned,
		Fudge:      request.Fudge,
		OrigId:     w.query.ID(),
		Error:      code,
	}
	if code == dns.RcodeBadTime {
		record.OtherLen = 6
		record.OtherData = hex.EncodeToString(seconds48(w.start))
	}
	w.msg.Extra = []dns.RR{record}
	packed, err := w.msg.Pack()
	if err != nil {
		return w.query.AppendError(dst, dns.RcodeNotAuth, wire.Options{})
	}
	return append(dst, packed...)
}

// seconds48 is a time as 48 bits.
func seconds48(t time.Time) []byte {
	s := uint64(t.Unix())
	return []byte{byte(s >> 40), byte(s >> 32), byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
}
