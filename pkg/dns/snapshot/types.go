// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package snapshot holds what a name server answers from, as plain values: zones, clusters, and where each service runs.
// A snapshot is complete. It is written whole, swapped whole, and needs nothing else to be served.
package snapshot

import "time"

// Snapshot is the picture of a federation at one time.
type Snapshot struct {
	// Version is raised with every change; it is the serial number of the zones. A server refuses to go back.
	// Left out of a file, it is the time of reading, in seconds.
	Version int64 `json:"version,omitempty"`
	// Time is when the picture was taken. Reports and grace periods are judged by it, not by the server's clock: a
	// picture that is not renewed is served on as it is. Left out of a file, it is the time of the file.
	Time time.Time `json:"time,omitzero"`
	// Checksum is the SHA-256, in hex, of the snapshot's JSON without it. It is checked where it is given.
	Checksum string `json:"checksum,omitempty"`
	// FreshSeconds is the age after which a report counts as no contact. Default 120.
	FreshSeconds int64 `json:"freshSeconds,omitempty"`
	// GraceSeconds is how long a cluster without contact keeps its last state. Default 3600.
	GraceSeconds int64 `json:"graceSeconds,omitempty"`

	Zones    []Zone    `json:"zones"`
	Clusters []Cluster `json:"clusters,omitempty"`
	Services []Service `json:"services,omitempty"`
	// Resolved are the addresses that host names of backends were last looked up as, for where no CNAME may stand. A server
	// that looks them up keeps them here for its next start.
	Resolved map[string][]string `json:"resolved,omitempty"`
}

// Zone is a DNS zone that is served.
type Zone struct {
	// Name is the apex, e.g. drover.test.
	Name string `json:"name"`
	// Federation is the label before svc in names. Default "federation".
	Federation string `json:"federation,omitempty"`
	// NameServers are the NS records. The first is the primary in the SOA. At least one.
	NameServers []NameServer `json:"nameServers"`
	// Mailbox is the contact in the SOA, as name@host. Default hostmaster at the apex.
	Mailbox string `json:"mailbox,omitempty"`
	// TTLSeconds is the TTL of SOA, NS and glue. Default 3600.
	TTLSeconds uint32 `json:"ttlSeconds,omitempty"`
	// NegativeTTLSeconds is how long an answer that there is no such name or record is kept. Default 30.
	NegativeTTLSeconds uint32 `json:"negativeTTLSeconds,omitempty"`
}

// NameServer is a server of a zone.
type NameServer struct {
	// Name is its host name, e.g. ns1.drover.test.
	Name string `json:"name"`
	// Addresses are IPv4 and IPv6 addresses; needed when the name lies in the zone, ignored when it does not.
	Addresses []string `json:"addresses,omitempty"`
}

// Cluster is a member of the federation.
type Cluster struct {
	// Name is a DNS label.
	Name     string   `json:"name"`
	Location Location `json:"location,omitzero"`
	// Health is that of the cluster as a whole. The worse of it and of a backend's own counts.
	Health `json:",inline"`
	// Draining takes the cluster out of every answer but those to its own name.
	Draining bool `json:"draining,omitempty"`
	// LoadPercent is how much of the cluster is in use; of a backend that reports none itself.
	LoadPercent *int32 `json:"loadPercent,omitempty"`
}

// Location is where a cluster or a client is. Every field may be empty.
type Location struct {
	Continent string `json:"continent,omitempty"`
	// Country is an ISO 3166-1 code, e.g. US.
	Country string `json:"country,omitempty"`
	// Region and Zone are those of the cloud, e.g. us-east1 and us-east1-b. Those of a cluster are DNS labels.
	Region string `json:"region,omitempty"`
	Zone   string `json:"zone,omitempty"`
	// Latitude and Longitude are degrees north and east. Both or neither.
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
}

// State is what is known of a cluster's, or a service's, health.
type State string

const (
	// Healthy was reported.
	Healthy State = "Healthy"
	// Unhealthy was reported.
	Unhealthy State = "Unhealthy"
	// Unknown means no contact: neither was reported.
	Unknown State = "Unknown"
)

// Health is a state that does not flutter: see routing.Settle, which makes the next one of it and a report.
type Health struct {
	// State is the settled one. Default Healthy.
	State State `json:"state,omitempty"`
	// LastState is the one before contact was lost, of Unknown. Default Healthy.
	LastState State `json:"lastState,omitempty"`
	// Since is when State began.
	Since time.Time `json:"since,omitzero"`
	// Pending is a state that is reported, but has not lasted long enough to be settled; PendingSince is when that began.
	Pending      State     `json:"pending,omitempty"`
	PendingSince time.Time `json:"pendingSince,omitzero"`
	// LastReport is when the last report came. Left out, the report counts as fresh.
	LastReport time.Time `json:"lastReport,omitzero"`
}

// Mode says by what a service's clusters are chosen among the eligible ones.
type Mode string

const (
	// Geo answers the nearest cluster.
	Geo Mode = "Geo"
	// Weighted divides clients by weight, wherever they are.
	Weighted Mode = "Weighted"
	// Failover answers the clusters of the highest priority, the nearest of them.
	Failover Mode = "Failover"
)

// WhenNoneHealthy says what is answered when no cluster is eligible.
type WhenNoneHealthy string

const (
	// NoData answers that there are no records, for five seconds.
	NoData WhenNoneHealthy = "NoData"
	// LastKnown answers as if every cluster with an address were healthy.
	LastKnown WhenNoneHealthy = "LastKnown"
)

// Service is a Service, or an Ingress, of the federation.
type Service struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Hosts are further names that are answered like the service's own: those of an Ingress. The first label may be *.
	// Where there are hosts, there is no name by namespace and service: that belongs to the Service called the same.
	Hosts []string `json:"hosts,omitempty"`
	// Ports have SRV records.
	Ports []Port `json:"ports,omitempty"`
	// Mode defaults to Geo.
	Mode Mode `json:"mode,omitempty"`
	// TTLSeconds is the TTL of the answers. Default 20. While a move or a failure is under way it is at most 5.
	TTLSeconds uint32 `json:"ttlSeconds,omitempty"`
	// Generation is raised to divide the clients anew. It takes part in the draw.
	Generation int64 `json:"generation,omitempty"`
	// Saturation sheds clients from clusters that are full. None: load does not matter.
	Saturation *Saturation `json:"saturation,omitempty"`
	// WhenNoneHealthy defaults to NoData.
	WhenNoneHealthy WhenNoneHealthy `json:"whenNoneHealthy,omitempty"`
	// Move is a move between clusters that is under way.
	Move *Move `json:"move,omitempty"`
	// Backends are the clusters that run it, each at most once.
	Backends []Backend `json:"backends,omitempty"`
}

// Key is the identity of the service: namespace and name, and whether it has hosts instead of a name of its own.
func (s *Service) Key() Key {
	return Key{Namespace: s.Namespace, Name: s.Name, Hosts: len(s.Hosts) > 0}
}

// Key identifies a service in a snapshot. A Service and an Ingress may have the same name: Hosts tells them apart.
type Key struct {
	Namespace, Name string
	Hosts           bool
}

func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Port is a named port.
type Port struct {
	Name string `json:"name"`
	// Protocol is TCP, UDP or SCTP. Default TCP.
	Protocol string `json:"protocol,omitempty"`
	Port     uint16 `json:"port"`
}

// Saturation has the watermarks of load, in per cent. Below Low a cluster keeps all its clients; from there to High it
// sheds a linearly growing part of them to the next; above High it is answered only if all are.
type Saturation struct {
	Low  int32 `json:"low"`
	High int32 `json:"high"`
}

// Move takes Percent of the clients of the clusters From to the clusters To.
type Move struct {
	From    []string `json:"from"`
	To      []string `json:"to"`
	Percent int32    `json:"percent"`
	// Newcomer says that the clusters To serve none but these: other clients are answered them only if there is nobody else.
	Newcomer bool `json:"newcomer,omitempty"`
}

// AnswerAddresses are the addresses to answer where there is no alias.
func (b *Backend) AnswerAddresses() []string {
	if len(b.Addresses) > 0 {
		return b.Addresses
	}
	if len(b.HostnameAddresses) > 0 {
		return b.HostnameAddresses
	}
	return b.Resolved
}

// Backend is a service in one cluster.
type Backend struct {
	Cluster string `json:"cluster"`
	// Addresses are the IPv4 and IPv6 addresses clients reach it by.
	Addresses []string `json:"addresses,omitempty"`
	// Hostname is the load balancer's name, if it is known by name only: it is answered as a CNAME. With addresses it is
	// not used.
	Hostname string `json:"hostname,omitempty"`
	// HostnameAddresses are what Hostname stands for. They are answered where no CNAME may stand: at a zone's apex. Left
	// out, Hostname is looked up.
	HostnameAddresses []string `json:"hostnameAddresses,omitempty"`
	// Resolved is what the snapshot's Resolved has for Hostname, while it is served.
	Resolved []string `json:"-"`
	// ReadyEndpoints is the number of pods that serve. 0 is not answered. Required.
	ReadyEndpoints *int32 `json:"readyEndpoints"`
	// Weight divides clients among clusters, and 0 is never answered. Default 1.
	Weight *int32 `json:"weight,omitempty"`
	// Priority orders clusters in mode Failover, highest first.
	Priority int32 `json:"priority,omitempty"`
	// KeepsPercent is the part of its clients, in per cent, that are led there while it is coming or leaving; the others are
	// answered the next. 0 is nobody, unless nobody else serves. Left out, it is there to stay.
	KeepsPercent *int32 `json:"keepsPercent,omitempty"`
	Health       `json:",inline"`
	// Draining takes it out of every answer but those to its own name.
	Draining bool `json:"draining,omitempty"`
	// LoadPercent is how much of the service's capacity here is in use.
	LoadPercent *int32 `json:"loadPercent,omitempty"`
}
