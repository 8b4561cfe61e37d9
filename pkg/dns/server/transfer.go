// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/transfer"
	"drover.dev/drover/pkg/dns/wire"
)

// transfers reports whether a message asks for a whole zone.
func (s *Server) transfers(w *worker, msg []byte) bool {
	rcode, ok := w.query.Read(msg)
	return ok && rcode == dns.RcodeSuccess && w.query.Class == dns.ClassINET &&
		(w.query.Type == dns.TypeAXFR || w.query.Type == dns.TypeIXFR)
}

// transfer sends a zone to a client that may have it (RFC 5936). IXFR is answered in the same way (RFC 1995, section 4).
func (s *Server) transfer(w *worker, conn net.Conn, out *bufio.Writer, transport Transport, from netip.Addr) error {
	w.start, w.text = time.Now(), ""
	w.answer.Zone, w.answer.Service = nil, nil
	send := func(msg []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(msg)))) //nolint:errcheck // the flush says it again
		out.Write(msg)                                                  //nolint:errcheck // the flush says it again
		return out.Flush()
	}
	var request dns.Msg
	err := request.Unpack(w.query.Message())
	signature := signatureOf(&request)
	if err != nil || (w.query.TSIG && signature == nil) {
		return send(w.query.AppendError(nil, dns.RcodeFormatError, wire.Options{}))
	}
	if signature != nil {
		if err := w.Transfers.Verify(w.query.Message(), signature); err != nil {
			return send(w.refuseSignature(nil, signature, err))
		}
	}
	index := w.Store.Load()
	name := dns.CanonicalName(w.asked())
	if index == nil || signature == nil || index.Zones()[name] == nil || !w.Transfers.Allows(signature.Hdr.Name, name) {
		reply := w.query.AppendError(nil, dns.RcodeRefused, wire.Options{})
		w.finish(reply, from, transport)
		w.tally.settle(transport, time.Since(w.start))
		return send(reply)
	}
	w.answer.Zone = index.Zones()[name]
	mac := signature.MAC
	for i, records := range transfer.Split(index.Records(name)) {
		w.prepare(dns.RcodeSuccess, true)
		w.msg.Answer = records
		packed, next, err := w.Transfers.Seal(&w.msg, signature, mac, i > 0, time.Now())
		if err != nil {
			return err
		}
		mac = next
		if err := send(packed); err != nil {
			return err
		}
		if i == 0 {
			w.finish(packed, from, transport)
			w.tally.settle(transport, time.Since(w.start))
		}
	}
	return nil
}
