// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"bytes"
	"hash/maphash"
	"maps"
	"slices"
)

// names finds services by the two labels that they have in names of the DNS. It is a hash table of open addressing:
// memory that is not in the processor's cache is most of what a query costs, and here that is one place for the slot,
// and one for the service. How labels are hashed is a secret of the process: nobody can choose names that meet.
type names struct {
	slots []slot // as many as a power of two; at most three of four are taken
	taken int
	// namespaces are how many services each has.
	namespaces map[string]int
}

// slot is free if there is no service in it.
type slot struct {
	hash    uint64
	service *Service
}

var namesSeed = maphash.MakeSeed()

func hashLabels(labels []byte) uint64 { return maphash.Bytes(namesSeed, labels) }

func newNames(services int) names {
	size := 8
	for size*3/4 < services {
		size *= 2
	}
	return names{slots: make([]slot, size), namespaces: make(map[string]int)}
}

// clone returns names that can be changed while these are read.
func (n *names) clone() names {
	return names{slices.Clone(n.slots), n.taken, maps.Clone(n.namespaces)}
}

// find returns the service with the labels, name and namespace in wire format; nil if there is none.
func (n *names) find(labels []byte) *Service {
	at := n.at(hashLabels(labels), labels)
	return n.slots[at].service
}

// at is the slot of the labels, or the free one where they would go.
func (n *names) at(hash uint64, labels []byte) int {
	for at := n.home(hash); ; at = n.next(at) {
		s := &n.slots[at]
		if s.service == nil || (s.hash == hash && bytes.Equal(s.service.labels, labels)) {
			return at
		}
	}
}

func (n *names) home(hash uint64) int { return int(hash & uint64(len(n.slots)-1)) }

func (n *names) next(at int) int { return (at + 1) & (len(n.slots) - 1) }

// set adds a service, or puts it in the place of the one that is called like it.
func (n *names) set(service *Service) {
	hash := hashLabels(service.labels)
	at := n.at(hash, service.labels)
	if n.slots[at].service == nil {
		if n.taken++; n.taken > len(n.slots)*3/4 {
			n.grow()
			at = n.at(hash, service.labels)
		}
		n.namespaces[service.Key.Namespace]++
	}
	n.slots[at] = slot{hash, service}
}

func (n *names) grow() {
	last := n.slots
	n.slots = make([]slot, 2*len(last))
	for _, s := range last {
		if s.service != nil {
			n.slots[n.at(s.hash, s.service.labels)] = s
		}
	}
}

// remove takes a service away, if it is there. Those behind it that it kept from their place move up.
func (n *names) remove(service *Service) {
	free := n.at(hashLabels(service.labels), service.labels)
	if n.slots[free].service == nil {
		return
	}
	n.taken--
	if n.namespaces[service.Key.Namespace]--; n.namespaces[service.Key.Namespace] == 0 {
		delete(n.namespaces, service.Key.Namespace)
	}
	for at := n.next(free); n.slots[at].service != nil; at = n.next(at) {
		distance := func(from int) int { return (at - from) & (len(n.slots) - 1) }
		if distance(n.home(n.slots[at].hash)) >= distance(free) {
			n.slots[free], free = n.slots[at], at
		}
	}
	n.slots[free] = slot{}
}
