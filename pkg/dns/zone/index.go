// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/location"
	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

// Index is a snapshot made ready for lookups. It does not change; a change makes another one, which shares what stayed.
type Index struct {
	// Version and Time are those of the snapshot.
	Version int64
	Time    time.Time

	serial   int64              // of the zones: the version, unless there were changes that are none of the snapshot
	snapshot *snapshot.Snapshot // without its services: those are in services
	clock    routing.Clock
	zones    map[string]*Zone // by name in wire format
	depths   []int            // how many labels their names have, the longest first, each number once
	fleet    fleet
	services map[snapshot.Key]*Service
	names    names            // of those with names of their own
	hosts    map[string]*host // by name in wire format
}

// Zone is a zone that is served.
type Zone struct {
	// Name is the apex, with the dot at the end.
	Name   string
	wire   string
	labels int

	federation string
	soa        *dns.SOA
	ns         []dns.RR
	glue       []dns.RR
	servers    map[string]bool // names of servers in the zone, and their parents: false for those that are only that
	negative   uint32
}

// fleet has what names can say of clusters.
type fleet struct {
	clusters routing.Clusters
	regions  map[string]*region
}

type region struct {
	name  string
	zones map[string]string // to itself: to find a name by octets
}

// Service is a service made ready for answers.
type Service struct {
	// What is read for each query comes first, and is together: of many services, it is seldom in the processor's cache.
	labels []byte       // name and namespace in wire format, as they stand in names; of one with names of its own
	sets   []addressSet // of each backend
	counts counts
	routing.Router
	block []byte // holds labels, and the records of sets
	Key   snapshot.Key
	ports []snapshot.Port
}

// addressSet has the addresses of a backend as records.
type addressSet struct {
	records [2]wire.Records
	alias   string // the load balancer's name, with the dot at the end; empty if there are addresses
}

// host is a name of a service by host, or, without a service, a name that only has others below it.
type host struct{ service *Service }

// NewIndex makes an index of a snapshot that is complete and valid.
func NewIndex(s *snapshot.Snapshot) *Index {
	return newIndex(s, &Index{snapshot: &snapshot.Snapshot{}})
}

// newIndex makes an index that takes the place of another. It goes on with what that has counted and looked up.
func newIndex(s *snapshot.Snapshot, last *Index) *Index {
	bare := *s
	bare.Services = nil
	bare.Resolved = merged(last.snapshot.Resolved, s.Resolved)
	ix := &Index{
		Version:  s.Version,
		Time:     s.Time,
		serial:   max(s.Version, last.serial),
		snapshot: &bare,
		clock:    routing.ClockOf(s),
		fleet:    newFleet(s.Clusters),
		services: make(map[snapshot.Key]*Service, len(s.Services)),
	}
	ix.setZones(s)
	ix.names = newNames(len(s.Services))
	for i := range s.Services {
		service := ix.newService(&s.Services[i], last.services[s.Services[i].Key()])
		ix.services[service.Key] = service
		if !service.Key.Hosts {
			ix.names.set(service)
		}
	}
	ix.indexHosts()
	return ix
}

// Services is the number of services.
func (ix *Index) Services() int { return len(ix.services) }

// Has reports whether there is a service.
func (ix *Index) Has(key snapshot.Key) bool { return ix.services[key] != nil }

// Clusters is the number of clusters.
func (ix *Index) Clusters() int { return len(ix.fleet.clusters) }

// Zones returns the zones, by name with the dot at the end.
func (ix *Index) Zones() map[string]*Zone {
	zones := make(map[string]*Zone, len(ix.zones))
	for _, z := range ix.zones {
		zones[z.Name] = z
	}
	return zones
}

// Snapshot returns the snapshot that the index stands for.
func (ix *Index) Snapshot() *snapshot.Snapshot {
	s := *ix.snapshot
	for _, key := range sortedKeys(ix.services) {
		s.Services = append(s.Services, *ix.services[key].Service)
	}
	return &s
}

func newFleet(clusters []snapshot.Cluster) fleet {
	f := fleet{clusters: make(routing.Clusters, len(clusters)), regions: make(map[string]*region)}
	for i := range clusters {
		c := clusters[i]
		location.Complete(&c.Location)
		f.clusters[c.Name] = &c
		at := c.Location
		if at.Region == "" {
			continue
		}
		if f.regions[at.Region] == nil {
			f.regions[at.Region] = &region{name: at.Region, zones: make(map[string]string)}
		}
		if at.Zone != "" {
			f.regions[at.Region].zones[at.Zone] = at.Zone
		}
	}
	return f
}

// newService makes a service. It goes on with the counts of the one that it takes the place of, if any.
func (ix *Index) newService(s *snapshot.Service, before *Service) *Service {
	s = ix.resolved(s)
	service := &Service{Key: s.Key(), ports: s.Ports, sets: make([]addressSet, 0, len(s.Backends))}
	service.Decide(s, ix.fleet.clusters, ix.clock)
	service.counts = newCounts(s, before)
	for i := range s.Backends {
		service.sets = append(service.sets, newAddressSet(&s.Backends[i], service.TTL))
	}
	service.layOut()
	return service
}

// layOut brings what is read for a query side by side.
func (s *Service) layOut() {
	var labels string
	if !s.Key.Hosts {
		labels, _ = wire.Pack(s.Key.Name + "." + s.Key.Namespace)
		labels = strings.TrimSuffix(labels, "\x00") // the root
	}
	size := len(labels)
	for i := range s.sets {
		size += s.sets[i].records[routing.IPv4].Size() + s.sets[i].records[routing.IPv6].Size()
	}
	s.block = append(make([]byte, 0, size), labels...)
	s.labels = s.block[:len(labels):len(labels)]
	for i := range s.sets {
		for family := range s.sets[i].records {
			records := &s.sets[i].records[family]
			s.block, *records = records.AppendTo(s.block)
		}
	}
}

// maxAddresses fit into the smallest reply that clients with EDNS take, whatever the name and the options.
var maxAddresses = [2]int{routing.IPv4: 48, routing.IPv6: 27}

func newAddressSet(b *snapshot.Backend, ttl uint32) addressSet {
	var set addressSet
	var octets [2][][]byte
	for _, text := range b.AnswerAddresses() {
		addr := netip.MustParseAddr(text)
		family := routing.IPv6
		if addr.Is4() {
			family = routing.IPv4
		}
		if len(octets[family]) < maxAddresses[family] {
			octets[family] = append(octets[family], addr.AsSlice())
		}
	}
	for family := range octets {
		set.records[family] = wire.AddressRecords(octets[family], ttl)
	}
	if len(b.Addresses) == 0 && b.Hostname != "" {
		set.alias = dns.Fqdn(b.Hostname)
	}
	return set
}

// indexHosts gives each host to one service; of several that claim it, the first by namespace and name has it.
func (ix *Index) indexHosts() {
	ix.hosts = make(map[string]*host)
	for _, key := range sortedKeys(ix.services) {
		if !key.Hosts {
			continue
		}
		service := ix.services[key]
		for _, name := range service.Service.Hosts {
			ix.addHost(name, service)
		}
	}
}

func (ix *Index) addHost(name string, service *Service) {
	wireName, ok := wire.Pack(name)
	z := ix.zoneOf(wireName)
	if !ok || z == nil {
		return // nobody asks here
	}
	if h := ix.hosts[wireName]; h == nil {
		ix.hosts[wireName] = &host{service: service}
	} else if h.service == nil {
		h.service = service
	}
	for parent := parentOf(wireName); len(parent) > len(z.wire); parent = parentOf(parent) {
		if ix.hosts[parent] == nil {
			ix.hosts[parent] = &host{}
		}
	}
}

// zoneOf returns the zone in which a name lies, the longest if there are several; nil if none is served.
func (ix *Index) zoneOf(wireName string) *Zone {
	for name := wireName; name != ""; name = parentOf(name) {
		if z := ix.zones[name]; z != nil {
			return z
		}
	}
	return nil
}

// parentOf is a name in wire format without its first label; empty above the root.
func parentOf(wireName string) string {
	if wireName == "\x00" || wireName == "" {
		return ""
	}
	return wireName[1+int(wireName[0]):]
}

// Explain says what a client is answered for a service, and why; false if there is no such service.
func (ix *Index) Explain(key snapshot.Key, scope routing.Scope, client *routing.Client) (routing.Explanation, bool) {
	service := ix.services[key]
	if service == nil {
		return routing.Explanation{}, false
	}
	return service.Explain(scope, client), true
}

// copied returns an index with the same content, whose map of services may be changed.
func (ix *Index) copied() *Index {
	next := *ix
	next.services = maps.Clone(ix.services)
	return &next
}

func sortedKeys(services map[snapshot.Key]*Service) []snapshot.Key {
	keys := make([]snapshot.Key, 0, len(services))
	for key := range services {
		keys = append(keys, key)
	}
	sortKeys(keys)
	return keys
}

func mailbox(address string) string {
	user, host, _ := strings.Cut(address, "@")
	return strings.ReplaceAll(user, ".", `\.`) + "." + dns.Fqdn(host)
}
