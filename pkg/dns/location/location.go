// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package location finds out where a client is: from an operator's file of networks, and from a database in MaxMind's
// format. No data on addresses comes with Drover.
package location

import (
	"net/netip"
	"sync/atomic"

	"drover.dev/drover/pkg/dns/routing"
)

// Finder looks addresses up in the networks first, then in the database. Either may be missing, and either may be
// replaced while it is used.
type Finder struct {
	networks atomic.Pointer[Networks]
	database atomic.Pointer[Database]
}

// SetNetworks replaces the operator's networks.
func (f *Finder) SetNetworks(n *Networks) { f.networks.Store(n) }

// SetDatabase replaces the database. The old one is not closed: it is in memory, and somebody may still read it.
func (f *Finder) SetDatabase(d *Database) { f.database.Store(d) }

// Find returns where an address is, nil if nobody knows, and how many bits of the address that holds for: every address
// that begins with them is found at the same place.
func (f *Finder) Find(addr netip.Addr) (place *routing.Place, bits int) {
	if networks := f.networks.Load(); networks != nil {
		place, bits = networks.Find(addr)
		if place != nil {
			return place, bits
		}
	}
	if database := f.database.Load(); database != nil {
		found, within := database.Find(addr)
		return found, max(bits, within)
	}
	return place, bits
}
