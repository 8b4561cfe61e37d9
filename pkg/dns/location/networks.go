// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package location

import (
	"errors"
	"fmt"
	"net/netip"

	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Networks says where networks are; of those that hold an address, the smallest counts.
type Networks struct {
	four, six *node
	size      int
}

// Network is an entry of a file of networks.
type Network struct {
	// CIDR is the network, e.g. 203.0.113.0/24.
	CIDR string `json:"cidr"`
	// Clusters are answered to it first, in this order, as far as they may be answered at all.
	Clusters []string `json:"clusters,omitempty"`
	snapshot.Location
}

// networksFile is the file's layout.
type networksFile struct {
	Networks []Network `json:"networks"`
}

// ParseNetworks reads a list of networks in YAML or JSON.
func ParseNetworks(data []byte) (*Networks, error) {
	var file networksFile
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, fmt.Errorf("not a list of networks: %w", err)
	}
	return NewNetworks(file.Networks)
}

// NewNetworks makes networks of entries. All that is wrong with them is said.
func NewNetworks(entries []Network) (*Networks, error) {
	n := &Networks{four: &node{}, six: &node{}, size: len(entries)}
	var errs []error
	for i, entry := range entries {
		if err := n.insert(entry); err != nil {
			errs = append(errs, fmt.Errorf("networks[%d]: %w", i, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return n, nil
}

// Len is the number of networks.
func (n *Networks) Len() int { return n.size }

func (n *Networks) insert(entry Network) error {
	prefix, err := netip.ParsePrefix(entry.CIDR)
	switch {
	case err != nil:
		return fmt.Errorf("cidr %q is not a network, e.g. 203.0.113.0/24", entry.CIDR)
	case prefix.Masked() != prefix:
		return fmt.Errorf("cidr %s has bits after its prefix: %s is meant", prefix, prefix.Masked())
	}
	location := entry.Location
	if err := location.Validate(); err != nil {
		return err
	}
	Complete(&location)
	at := n.root(prefix.Addr())
	for i := range prefix.Bits() {
		next := &at.children[bit(prefix.Addr(), i)]
		if *next == nil {
			*next = &node{}
		}
		at = *next
	}
	if at.place != nil {
		return fmt.Errorf("cidr %s is there twice", prefix)
	}
	at.place = &routing.Place{Location: location, Clusters: entry.Clusters}
	return nil
}

// Find returns where an address is, nil if it is in none of the networks, and how many of its bits that holds for.
func (n *Networks) Find(addr netip.Addr) (place *routing.Place, bits int) {
	at := n.root(addr)
	for bits = 0; ; bits++ {
		if at.place != nil {
			place = at.place
		}
		if at.leaf() || bits == addr.BitLen() {
			return place, bits
		}
		next := at.children[bit(addr, bits)]
		if next == nil {
			return place, bits + 1 // a smaller network lies on the other side of the next bit
		}
		at = next
	}
}

func (n *Networks) root(addr netip.Addr) *node {
	if addr.Is4() {
		return n.four
	}
	return n.six
}

// node is a prefix in a binary trie.
type node struct {
	children [2]*node
	place    *routing.Place
}

func (n *node) leaf() bool { return n.children[0] == nil && n.children[1] == nil }

func bit(addr netip.Addr, i int) int {
	if addr.Is4() {
		b := addr.As4()
		return int(b[i/8]>>(7-i%8)) & 1
	}
	b := addr.As16()
	return int(b[i/8]>>(7-i%8)) & 1
}
