// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package flatten

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// timeout is how long one server may take to answer one question.
const timeout = 2 * time.Second

// Resolver looks names up by asking recursive resolvers.
type Resolver struct {
	address string // of one; empty: those that the system uses
	system  string // the file that names those
}

// NewResolver makes a resolver that asks the one at an address, as host:port or an IP address alone; without one, those in
// /etc/resolv.conf, which is read again for each question.
func NewResolver(address string) (*Resolver, error) {
	r := &Resolver{system: "/etc/resolv.conf"}
	if address == "" {
		return r, nil
	}
	if addr, err := netip.ParseAddr(address); err == nil {
		r.address = netip.AddrPortFrom(addr, 53).String()
		return r, nil
	}
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("resolver %q must be an address, e.g. 10.0.0.2 or 10.0.0.2:53", address)
	}
	r.address = address
	return r, nil
}

func (r *Resolver) servers() ([]string, error) {
	if r.address != "" {
		return []string{r.address}, nil
	}
	config, err := dns.ClientConfigFromFile(r.system)
	if err != nil {
		return nil, fmt.Errorf("find a resolver: %w", err)
	}
	var servers []string
	for _, server := range config.Servers {
		servers = append(servers, net.JoinHostPort(server, config.Port))
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("no resolver in %s: name one by --resolver", r.system)
	}
	return servers, nil
}

// Lookup returns the IPv4 and IPv6 addresses of a host, sorted, and how long that holds. That there are none is no error.
func (r *Resolver) Lookup(ctx context.Context, host string) (addresses []string, ttl time.Duration, err error) {
	servers, err := r.servers()
	if err != nil {
		return nil, 0, err
	}
	found := map[netip.Addr]bool{}
	ttl = maxInterval
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		reply, err := ask(ctx, servers, new(dns.Msg).SetQuestion(dns.Fqdn(host), qtype))
		if err != nil {
			return nil, 0, fmt.Errorf("look up %s of %s: %w", dns.TypeToString[qtype], host, err)
		}
		for _, rr := range slices.Concat(reply.Answer, reply.Ns) {
			switch rr := rr.(type) {
			case *dns.A:
				add(found, rr.A)
			case *dns.AAAA:
				add(found, rr.AAAA)
			case *dns.SOA: // that there is nothing holds as long as this says (RFC 2308)
				ttl = min(ttl, time.Duration(rr.Minttl)*time.Second)
			}
			ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		}
	}
	list := make([]netip.Addr, 0, len(found))
	for addr := range found {
		list = append(list, addr)
	}
	slices.SortFunc(list, netip.Addr.Compare)
	for _, addr := range list {
		addresses = append(addresses, addr.String())
	}
	return addresses, ttl, nil
}

func add(found map[netip.Addr]bool, octets net.IP) {
	if addr, ok := netip.AddrFromSlice(octets); ok {
		found[addr.Unmap()] = true
	}
}

// ask asks servers in turn, until one says what there is, or that there is nothing.
func ask(ctx context.Context, servers []string, question *dns.Msg) (*dns.Msg, error) {
	question.SetEdns0(dns.DefaultMsgSize, false)
	var errs []error
	for _, server := range servers {
		reply, err := exchange(ctx, server, question)
		switch {
		case err != nil:
		case len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, question.Question[0].Name) || reply.Question[0].Qtype != question.Question[0].Qtype:
			err = errors.New("the reply is to another question")
		case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
			err = errors.New(dns.RcodeToString[reply.Rcode])
		default:
			return reply, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", server, err))
	}
	return nil, errors.Join(errs...)
}

// exchange asks over UDP, and again over TCP if the reply is cut off.
func exchange(ctx context.Context, server string, question *dns.Msg) (reply *dns.Msg, err error) {
	for _, network := range []string{"udp", "tcp"} {
		client := &dns.Client{Net: network, Timeout: timeout}
		reply, _, err = client.ExchangeContext(ctx, question, server)
		if err != nil || !reply.Truncated {
			break
		}
	}
	return reply, err
}
