// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

const (
	// transferTimeout is how long a whole transfer may take, exchangeTimeout an update.
	transferTimeout, exchangeTimeout = 2 * time.Minute, 15 * time.Second
	// fudge is how far the clocks may be apart, in seconds (RFC 8945, section 10).
	fudge = 300
	// maxMessage is the size that an update has at most, in octets: well below what a length can say.
	maxMessage = 32 << 10
)

// client talks to the target's server, over TCP, all of it signed.
type client struct{ *Target }

// conversation is a connection with one query on it.
type conversation struct {
	client
	net.Conn
	mac     string
	replies int
}

// ask sends a signed message on a connection of its own. The caller closes it.
func (c client) ask(ctx context.Context, m *dns.Msg) (*conversation, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.Server)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	m.SetTsig(c.Key.Name, c.Key.Algorithm, fudge, time.Now().Unix())
	packed, mac, err := dns.TsigGenerate(m, c.Key.Secret, "", false)
	if err == nil {
		_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &conversation{client: c, Conn: conn, mac: mac}, nil
}

// next reads a reply. One that succeeds must be signed, as must one that fails for another reason than its signature.
func (c *conversation) next() (*dns.Msg, error) {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, fmt.Errorf("read the reply: %w", err)
	}
	packed := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, packed); err != nil {
		return nil, fmt.Errorf("read the reply: %w", err)
	}
	var m dns.Msg
	if err := m.Unpack(packed); err != nil {
		return nil, fmt.Errorf("read the reply: %w", err)
	}
	signature := m.IsTsig()
	if m.Rcode == dns.RcodeNotAuth || (signature == nil && m.Rcode != dns.RcodeSuccess) {
		return nil, c.refusal(&m)
	}
	if signature == nil {
		return nil, errors.New("the reply is not signed")
	}
	if err := dns.TsigVerify(packed, c.Key.Secret, c.mac, c.replies > 0); err != nil {
		return nil, fmt.Errorf("the signature of the reply: %w", err)
	}
	c.mac, c.replies = signature.MAC, c.replies+1
	return &m, nil
}

// refusal says what the server did not like, and what can be done.
func (c *conversation) refusal(m *dns.Msg) error {
	signature := m.IsTsig()
	switch {
	case m.Rcode == dns.RcodeNotAuth && signature != nil && signature.Error == dns.RcodeBadKey:
		return fmt.Errorf("the server does not know the key %s with %s: configure it there", c.Key.Name, c.Key.Algorithm)
	case m.Rcode == dns.RcodeNotAuth && signature != nil && signature.Error == dns.RcodeBadSig:
		return fmt.Errorf("the server has another secret for the key %s", c.Key.Name)
	case m.Rcode == dns.RcodeNotAuth && signature != nil && signature.Error == dns.RcodeBadTime:
		return fmt.Errorf("the clocks of this machine and of the server are more than %d s apart", fudge)
	case m.Rcode == dns.RcodeNotAuth:
		return fmt.Errorf("the server is not the primary server of %s", c.Zone)
	case m.Rcode == dns.RcodeRefused:
		return fmt.Errorf("refused: have the server allow the key %s to transfer and to update %s", c.Key.Name, c.Zone)
	}
	return fmt.Errorf("the server answers %s", dns.RcodeToString[m.Rcode])
}

// transfer reads the zone (RFC 5936).
func (c client) transfer(ctx context.Context) (records []dns.RR, err error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	talk, err := c.ask(ctx, new(dns.Msg).SetAxfr(c.Zone))
	if err != nil {
		return nil, err
	}
	defer talk.Close()
	defer context.AfterFunc(ctx, func() { talk.Close() })()
	for {
		m, err := talk.next()
		if err != nil {
			return nil, err
		}
		if m.Rcode != dns.RcodeSuccess {
			return nil, talk.refusal(m)
		}
		records = append(records, m.Answer...)
		if len(records) == 0 || records[0].Header().Rrtype != dns.TypeSOA {
			return nil, errors.New("the transfer does not begin with an SOA record")
		}
		if last := len(records) - 1; last > 0 && records[last].Header().Rrtype == dns.TypeSOA {
			return records[:last], nil
		}
	}
}

// update makes changes, all or none, and returns the result's code.
func (c client) update(ctx context.Context, changes []change) (rcode int, err error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	talk, err := c.ask(ctx, c.message(changes))
	if err != nil {
		return 0, err
	}
	defer talk.Close()
	defer context.AfterFunc(ctx, func() { talk.Close() })()
	m, err := talk.next()
	if err != nil {
		return 0, err
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return m.Rcode, nil
	}
	return 0, talk.refusal(m)
}

func (c client) message(changes []change) *dns.Msg {
	m := new(dns.Msg).SetUpdate(c.Zone)
	for i := range changes {
		m.Answer = append(m.Answer, changes[i].require...)
		m.Ns = append(m.Ns, changes[i].update...)
	}
	return m
}

// batches divides changes into those that fit into a message.
func batches(changes []change) [][]change {
	var out [][]change
	size := maxMessage
	for i := range changes {
		m := client{&Target{Zone: "."}}.message(changes[i : i+1])
		if size+m.Len() > maxMessage {
			out, size = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], changes[i])
		size += m.Len()
	}
	return out
}
