// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"strings"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

// kind says what stands under a name.
type kind uint8

const (
	absent  kind = iota // no such name
	empty               // a name that only has others below it
	apex                // of the zone
	server              // a name server of the zone
	service             // a service in a scope, or at a host
	single              // a service in one cluster
	child               // a zone that is served, too, seen from the one above it
)

// node is what stands under a name.
type node struct {
	kind    kind
	service *Service
	scope   routing.Scope
	cluster string
	backend int            // of single; -1 if the cluster does not run the service
	port    *snapshot.Port // of a name of a port
	alone   bool           // no alias may stand here, because other records do
	explain bool           // the name for the explanation of the service's answer
}

// The labels that have a meaning.
const (
	labelService = "svc"
	labelCluster = "cluster"
	labelExplain = "_explain"
)

// find returns the zone in which a name lies, and what stands under it. Without a zone the name is none of ours. A DS
// record is the only one of an apex that lies in the zone above.
func (ix *Index) find(name *wire.Name, qtype uint16) (*Zone, node) {
	var below *Zone
	for _, depth := range ix.depths {
		i := name.Labels() - depth
		if i < 0 {
			continue
		}
		z := ix.zones[string(name.Suffix(i))]
		switch {
		case z == nil:
		case below != nil:
			return z, node{kind: child}
		case i == 0 && qtype == dns.TypeDS:
			below = z
		default:
			return z, ix.findIn(z, name, i)
		}
	}
	if below != nil {
		return below, ix.findIn(below, name, 0)
	}
	return nil, node{}
}

// findIn finds a name of which labels lie below the apex of the zone.
func (ix *Index) findIn(z *Zone, name *wire.Name, labels int) node {
	var h *host
	if len(ix.hosts) > 0 {
		h = ix.hosts[string(name.Wire())]
	}
	listed := h != nil
	if labels == 0 {
		n := node{kind: apex, alone: true}
		if listed {
			n.service = h.service
		}
		return n
	}
	isServer, above := z.servers[string(name.Wire())]
	switch {
	case isServer:
		return node{kind: server}
	case listed && h.service != nil:
		return node{kind: service, service: h.service}
	}
	n := ix.parse(z, labelReader{name, 0, labels})
	if n.kind == absent && (listed || above) {
		return node{kind: empty}
	}
	if n.kind == absent && len(ix.hosts) > 0 {
		return ix.wildcard(z, name, labels)
	}
	return n
}

// wildcard finds the * that stands for a name that there is not: below the closest name that there is (RFC 4592).
func (ix *Index) wildcard(z *Zone, name *wire.Name, labels int) node {
	for i := 1; i <= labels; i++ {
		parent := string(name.Suffix(i))
		if h := ix.hosts["\x01*"+parent]; h != nil && h.service != nil {
			return node{kind: service, service: h.service}
		}
		_, above := z.servers[parent]
		if above || ix.hosts[parent] != nil || i == labels || ix.parse(z, labelReader{name, i, labels}).kind != absent {
			break
		}
	}
	return node{}
}

// labelReader takes labels off a name from the right: those between two positions.
type labelReader struct {
	name        *wire.Name
	first, left int
}

func (r *labelReader) next() []byte {
	r.left--
	return r.name.Label(r.left)
}

func (r *labelReader) done() bool { return r.left == r.first }

// parse reads a name from the right: scope, svc, federation, namespace, service, and what stands before them.
func (ix *Index) parse(z *Zone, r labelReader) node {
	n, done := ix.parseScope(&r)
	if done {
		return n
	}
	if r.done() {
		return node{kind: empty}
	}
	if string(r.next()) != z.federation {
		return node{}
	}
	if r.done() {
		return node{kind: empty}
	}
	namespace := r.next()
	if r.done() {
		if ix.names.namespaces[string(namespace)] > 0 {
			return node{kind: empty}
		}
		return node{}
	}
	r.next()
	n.service = ix.names.find(r.name.Part(r.left, r.left+2))
	if n.service == nil {
		return node{}
	}
	if n.kind == single {
		n.backend = n.service.backendIn(n.cluster)
	}
	if r.done() {
		return n
	}
	return n.below(&r)
}

// parseScope reads up to svc. If the name ends before that, or cannot be, it is done.
func (ix *Index) parseScope(r *labelReader) (n node, done bool) {
	label := r.next()
	if string(label) == labelService {
		return node{kind: service}, false
	}
	if string(label) == labelCluster {
		if r.done() && len(ix.fleet.clusters) > 0 {
			return node{kind: empty}, true
		}
		return ix.parseCluster(r)
	}
	region := ix.fleet.regions[string(label)]
	if region == nil {
		return node{}, true
	}
	if r.done() {
		return node{kind: empty}, true
	}
	scope := routing.Scope{Region: region.name}
	label = r.next()
	if string(label) == labelService {
		return node{kind: service, scope: scope}, false
	}
	scope.Zone = region.zones[string(label)]
	if scope.Zone == "" {
		return node{}, true
	}
	return r.service(node{kind: service, scope: scope})
}

func (ix *Index) parseCluster(r *labelReader) (n node, done bool) {
	if r.done() {
		return node{}, true
	}
	cluster := ix.fleet.clusters[string(r.next())]
	if cluster == nil {
		return node{}, true
	}
	return r.service(node{kind: single, cluster: cluster.Name})
}

// service reads the label svc, which must come now.
func (r *labelReader) service(n node) (_ node, done bool) {
	switch {
	case r.done():
		return node{kind: empty}, true
	case string(r.next()) != labelService:
		return node{}, true
	}
	return n, false
}

// below finds what stands below the name of a service: _port._protocol, or its explanation.
func (n node) below(r *labelReader) node {
	label := r.next()
	if string(label) == labelExplain && r.done() {
		n.explain = true
		return n
	}
	if len(label) == 0 || label[0] != '_' {
		return node{}
	}
	protocol := label[1:]
	var portName []byte
	if !r.done() {
		portName = r.next()
	}
	if !r.done() {
		return node{}
	}
	for i := range n.service.ports {
		port := &n.service.ports[i]
		if !strings.EqualFold(port.Protocol, string(protocol)) {
			continue
		}
		if portName == nil {
			return node{kind: empty}
		}
		if portName[0] == '_' && port.Name == string(portName[1:]) {
			n.port = port
			return n
		}
	}
	return node{}
}

// backendIn is the index of the backend in a cluster, or -1.
func (s *Service) backendIn(cluster string) int {
	for i := range s.Service.Backends {
		if s.Service.Backends[i].Cluster == cluster {
			return i
		}
	}
	return -1
}
