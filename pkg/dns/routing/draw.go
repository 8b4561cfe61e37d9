// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"math"
	"net/netip"
)

// Bits of an address that take part in a draw: clients of one such network are answered alike. They are the longest
// that resolvers should send (RFC 7871, section 11.1).
const (
	DrawBits4 = 24
	DrawBits6 = 56
)

// DrawPrefix returns the network whose clients draw alike, and its length.
func DrawPrefix(addr netip.Addr) netip.Prefix {
	bits := DrawBits6
	if addr.Is4() {
		bits = DrawBits4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: one for all
	}
	return prefix
}

// hash is 64-bit FNV-1a with a finish that spreads the last bytes over all bits: fast, and the same everywhere.
type hash uint64

const (
	fnvOffset hash = 14695981039346656037
	fnvPrime  hash = 1099511628211
)

func (h hash) string(s string) hash {
	for i := range len(s) {
		h = (h ^ hash(s[i])) * fnvPrime
	}
	return (h ^ 0xff) * fnvPrime // no byte of a name: it ends it
}

func (h hash) uint64(v uint64) hash {
	for range 8 {
		h = (h ^ hash(v&0xff)) * fnvPrime
		v >>= 8
	}
	return h
}

func (h hash) prefix(p netip.Prefix) hash {
	if !p.IsValid() {
		return h.uint64(0)
	}
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		return h.uint64(4<<32 | uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3]))
	}
	b := p.Addr().As16()
	var v uint64
	for _, octet := range b[:8] { // DrawBits6 is less than 64
		v = v<<8 | uint64(octet)
	}
	return h.uint64(6).uint64(v)
}

// unit returns a number above 0 and below 1.
func (h hash) unit() float64 {
	x := uint64(h) // finish of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return (float64(x>>11) + 0.5) / (1 << 53)
}

// score ranks a cluster in weighted rendezvous hashing: the lowest wins, with a probability of its weight by the sum of
// weights. A cluster whose weight rises takes clients from the others, and no client moves between those.
// (Schindelhauer, Schomaker: Weighted distributed hash tables, SPAA 2005.)
func score(draw float64, weight int32) float64 {
	return -math.Log(draw) / float64(weight)
}
