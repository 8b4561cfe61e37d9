// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// claimPort is where labs listen in a block of loopback addresses to tell each other that it is taken.
const claimPort = 61613

// block is a /24 of loopback addresses that belongs to this lab alone, and all ports on them.
type block struct {
	netip.Prefix
	claim net.Listener
}

// claimBlock takes a block that nobody has. The claim is a listener, so that it ends with this process at the latest.
func claimBlock() (*block, error) {
	start := os.Getpid() * 16
	for i := range 1 << 14 {
		n := (start + i) % (200 << 8)
		address := netip.AddrFrom4([4]byte{127, byte(32 + n>>8), byte(n), 0})
		b := &block{Prefix: netip.PrefixFrom(address, 24)}
		claim, err := net.Listen("tcp4", net.JoinHostPort(b.host(255), strconv.Itoa(claimPort)))
		if err != nil {
			continue
		}
		b.claim = claim
		if b.unused() {
			return b, nil
		}
		claim.Close()
	}
	return nil, errors.New("no block of loopback addresses is free in 127.32.0.0 to 127.231.255.255")
}

// site is a directory in the lab for a program, and a block of addresses that it has until the lab is closed.
func (l *Lab) site(name string) (dir string, addresses *block, err error) {
	if dir, err = l.Directory(name); err != nil {
		return "", nil, err
	}
	if addresses, err = claimBlock(); err != nil {
		return "", nil, err
	}
	l.onClose(addresses.release)
	return dir, addresses, nil
}

// host is an address in the block.
func (b *block) host(last byte) string {
	address := b.Addr().As4()
	address[3] = last
	return netip.AddrFrom4(address).String()
}

// unused says whether nobody answers at the addresses that are given out first, such as a demo that claims nothing.
func (b *block) unused() bool {
	for _, port := range []int{80, 8080, 443} {
		if conn, err := net.Dial("tcp4", net.JoinHostPort(b.host(1), strconv.Itoa(port))); err == nil {
			conn.Close()
			return false
		}
	}
	return true
}

func (b *block) release() { b.claim.Close() }

// ingressPorts are where Ingresses answer in the block: 80 and 443 where this user may listen there.
func (b *block) ingressPorts() (http, https int, err error) {
	for _, ports := range [][2]int{{80, 443}, {8080, 8443}} {
		listener, err := net.Listen("tcp4", net.JoinHostPort(b.host(254), strconv.Itoa(ports[0])))
		if err == nil {
			listener.Close()
			return ports[0], ports[1], nil
		}
	}
	return 0, 0, fmt.Errorf("neither port 80 nor 8080 can be opened at %s", b.host(254))
}
