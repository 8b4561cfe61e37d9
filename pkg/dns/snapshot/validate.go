// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MaxTTLSeconds is the largest TTL there is (RFC 2181, section 8).
const MaxTTLSeconds = 1<<31 - 1

// maxWeight keeps sums of weights in what a Placement allows.
const maxWeight = 1<<31 - 1

// Validate says what is wrong with a snapshot that is complete. All of it is said, with paths.
func (s *Snapshot) Validate() error {
	var errs field.ErrorList
	if s.Version < 0 {
		errs = append(errs, field.Invalid(field.NewPath("version"), s.Version, "must not be below 0"))
	}
	if s.FreshSeconds < 0 {
		errs = append(errs, field.Invalid(field.NewPath("freshSeconds"), s.FreshSeconds, "must not be below 0"))
	}
	if s.GraceSeconds < 0 {
		errs = append(errs, field.Invalid(field.NewPath("graceSeconds"), s.GraceSeconds, "must not be below 0"))
	}
	if len(s.Zones) == 0 {
		errs = append(errs, field.Required(field.NewPath("zones"), "a server without a zone has nothing to answer"))
	}
	zones := sets.New[string]()
	for i := range s.Zones {
		path := field.NewPath("zones").Index(i)
		errs = append(errs, s.Zones[i].validate(path)...)
		errs = append(errs, once(zones, s.Zones[i].Name, path.Child("name"))...)
	}
	clusters := sets.New[string]()
	for i := range s.Clusters {
		path := field.NewPath("clusters").Index(i)
		errs = append(errs, s.Clusters[i].validate(path)...)
		errs = append(errs, once(clusters, s.Clusters[i].Name, path.Child("name"))...)
	}
	services := sets.New[Key]()
	for i := range s.Services {
		path := field.NewPath("services").Index(i)
		errs = append(errs, s.Services[i].Validate(path, clusters)...)
		errs = append(errs, once(services, s.Services[i].Key(), path.Child("name"))...)
	}
	for _, host := range slices.Sorted(maps.Keys(s.Resolved)) {
		errs = append(errs, addresses(s.Resolved[host], field.NewPath("resolved").Key(host))...)
	}
	return errs.ToAggregate()
}

func (z *Zone) validate(path *field.Path) (errs field.ErrorList) {
	errs = append(errs, hostName(z.Name, path.Child("name"))...)
	errs = append(errs, label(z.Federation, path.Child("federation"))...)
	errs = append(errs, ttl(z.TTLSeconds, path.Child("ttlSeconds"))...)
	errs = append(errs, ttl(z.NegativeTTLSeconds, path.Child("negativeTTLSeconds"))...)
	if user, host, ok := strings.Cut(z.Mailbox, "@"); !ok || user == "" || len(user) > 63 || host == "" {
		errs = append(errs, field.Invalid(path.Child("mailbox"), z.Mailbox, "must be a mail address, e.g. hostmaster@example.com"))
	}
	if len(z.NameServers) == 0 {
		errs = append(errs, field.Required(path.Child("nameServers"), "a zone has at least one name server"))
	}
	for i, ns := range z.NameServers {
		path := path.Child("nameServers").Index(i)
		errs = append(errs, hostName(ns.Name, path.Child("name"))...)
		errs = append(errs, addresses(ns.Addresses, path.Child("addresses"))...)
		if Within(ns.Name, z.Name) && len(ns.Addresses) == 0 {
			errs = append(errs, field.Required(path.Child("addresses"), "the name lies in the zone, so nobody else can tell its address"))
		}
	}
	return errs
}

func (c *Cluster) validate(path *field.Path) (errs field.ErrorList) {
	errs = append(errs, label(c.Name, path.Child("name"))...)
	errs = append(errs, c.Health.validate(path)...)
	location := path.Child("location")
	for _, part := range []struct{ name, value string }{{"region", c.Location.Region}, {"zone", c.Location.Zone}} {
		if part.value == "" {
			continue
		}
		errs = append(errs, label(part.value, location.Child(part.name))...)
		if part.value == "svc" || part.value == "cluster" {
			errs = append(errs, field.Invalid(location.Child(part.name), part.value, "is a word with a meaning in names"))
		}
	}
	if c.Location.Zone != "" && c.Location.Region == "" {
		errs = append(errs, field.Required(location.Child("region"), "a zone lies in a region"))
	}
	return append(errs, c.Location.validate(location)...)
}

func (l *Location) validate(path *field.Path) (errs field.ErrorList) {
	if (l.Latitude == nil) != (l.Longitude == nil) {
		return append(errs, field.Required(path.Child("latitude"), "latitude and longitude come together"))
	}
	if l.Latitude == nil {
		return errs
	}
	// Written so that NaN fails.
	if !(*l.Latitude >= -90 && *l.Latitude <= 90) {
		errs = append(errs, field.Invalid(path.Child("latitude"), *l.Latitude, "must be between -90 and 90"))
	}
	if !(*l.Longitude >= -180 && *l.Longitude <= 180) {
		errs = append(errs, field.Invalid(path.Child("longitude"), *l.Longitude, "must be between -180 and 180"))
	}
	return errs
}

// Validate says what is wrong with a location, in one error.
func (l *Location) Validate() error { return l.validate(nil).ToAggregate() }

var states = []State{Healthy, Unhealthy, Unknown}

func (h *Health) validate(path *field.Path) (errs field.ErrorList) {
	errs = append(errs, oneOf(h.State, path.Child("state"), states...)...)
	if h.LastState != "" {
		errs = append(errs, oneOf(h.LastState, path.Child("lastState"), Healthy, Unhealthy)...)
	}
	if h.Pending != "" {
		errs = append(errs, oneOf(h.Pending, path.Child("pending"), Healthy, Unhealthy)...)
	}
	return errs
}

// Validate says what is wrong with a service that is complete, among the clusters of those names.
func (s *Service) Validate(path *field.Path, clusters sets.Set[string]) (errs field.ErrorList) {
	errs = append(errs, label(s.Namespace, path.Child("namespace"))...)
	if len(s.Hosts) == 0 {
		errs = append(errs, label(s.Name, path.Child("name"))...)
	} else if s.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	}
	for i, host := range s.Hosts {
		errs = append(errs, hostName(strings.TrimPrefix(host, "*."), path.Child("hosts").Index(i))...)
	}
	errs = append(errs, oneOf(s.Mode, path.Child("mode"), Geo, Weighted, Failover)...)
	errs = append(errs, oneOf(s.WhenNoneHealthy, path.Child("whenNoneHealthy"), NoData, LastKnown)...)
	errs = append(errs, ttl(s.TTLSeconds, path.Child("ttlSeconds"))...)
	errs = append(errs, s.validatePorts(path.Child("ports"))...)
	if w := s.Saturation; w != nil && (w.Low < 0 || w.High <= w.Low) {
		errs = append(errs, field.Invalid(path.Child("saturation"), *w, "low must not be below 0, and high must be above low"))
	}
	if s.Move != nil {
		errs = append(errs, s.Move.validate(path.Child("move"), clusters)...)
	}
	seen := sets.New[string]()
	for i := range s.Backends {
		path := path.Child("backends").Index(i)
		errs = append(errs, s.Backends[i].validate(path, clusters)...)
		errs = append(errs, once(seen, s.Backends[i].Cluster, path.Child("cluster"))...)
	}
	return errs
}

func (s *Service) validatePorts(path *field.Path) (errs field.ErrorList) {
	seen := sets.New[string]()
	for i, port := range s.Ports {
		path := path.Index(i)
		errs = append(errs, label(port.Name, path.Child("name"))...)
		errs = append(errs, oneOf(port.Protocol, path.Child("protocol"), "TCP", "UDP", "SCTP")...)
		errs = append(errs, once(seen, port.Name+"/"+port.Protocol, path.Child("name"))...)
		if port.Port == 0 {
			errs = append(errs, field.Required(path.Child("port"), ""))
		}
	}
	return errs
}

func (m *Move) validate(path *field.Path, clusters sets.Set[string]) (errs field.ErrorList) {
	if m.Percent < 0 || m.Percent > 100 {
		errs = append(errs, field.Invalid(path.Child("percent"), m.Percent, "must be between 0 and 100"))
	}
	for name, list := range map[string][]string{"from": m.From, "to": m.To} {
		if len(list) == 0 {
			errs = append(errs, field.Required(path.Child(name), ""))
		}
		for i, cluster := range list {
			if !clusters.Has(cluster) {
				errs = append(errs, field.NotFound(path.Child(name).Index(i), cluster))
			}
			if name == "to" && slices.Contains(m.From, cluster) {
				errs = append(errs, field.Invalid(path.Child(name).Index(i), cluster, "is also among those to move from"))
			}
		}
	}
	return errs
}

func (b *Backend) validate(path *field.Path, clusters sets.Set[string]) (errs field.ErrorList) {
	if !clusters.Has(b.Cluster) {
		errs = append(errs, field.NotFound(path.Child("cluster"), b.Cluster))
	}
	if keeps := b.KeepsPercent; keeps != nil && (*keeps < 0 || *keeps > 100) {
		errs = append(errs, field.Invalid(path.Child("keepsPercent"), *keeps, "must be between 0 and 100"))
	}
	errs = append(errs, addresses(b.Addresses, path.Child("addresses"))...)
	errs = append(errs, addresses(b.HostnameAddresses, path.Child("hostnameAddresses"))...)
	if b.Hostname == "" && len(b.HostnameAddresses) > 0 {
		errs = append(errs, field.Required(path.Child("hostname"), "hostnameAddresses are what it resolved to"))
	}
	if b.Hostname != "" {
		errs = append(errs, hostName(b.Hostname, path.Child("hostname"))...)
	}
	switch {
	case b.ReadyEndpoints == nil:
		errs = append(errs, field.Required(path.Child("readyEndpoints"), "0 if there are none"))
	case *b.ReadyEndpoints < 0:
		errs = append(errs, field.Invalid(path.Child("readyEndpoints"), *b.ReadyEndpoints, "must not be below 0"))
	}
	if *b.Weight < 0 || int64(*b.Weight) > maxWeight {
		errs = append(errs, field.Invalid(path.Child("weight"), *b.Weight, "must not be below 0"))
	}
	return append(errs, b.Health.validate(path)...)
}

func addresses(list []string, path *field.Path) (errs field.ErrorList) {
	seen := sets.New[string]()
	for i, text := range list {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" || addr.Is4In6() {
			errs = append(errs, field.Invalid(path.Index(i), text, "must be an IPv4 or IPv6 address"))
			continue
		}
		errs = append(errs, once(seen, addr.String(), path.Index(i))...)
	}
	return errs
}

func label(value string, path *field.Path) (errs field.ErrorList) {
	for _, message := range validation.IsDNS1123Label(value) {
		errs = append(errs, field.Invalid(path, value, message))
	}
	return errs
}

// hostName checks a name of labels; each may have 63 characters.
func hostName(value string, path *field.Path) (errs field.ErrorList) {
	for _, message := range validation.IsDNS1123Subdomain(value) {
		errs = append(errs, field.Invalid(path, value, message))
	}
	for part := range strings.SplitSeq(value, ".") {
		if len(part) > validation.DNS1123LabelMaxLength {
			errs = append(errs, field.Invalid(path, value, "a label has at most 63 characters"))
		}
	}
	return errs
}

func ttl(value uint32, path *field.Path) (errs field.ErrorList) {
	if value > MaxTTLSeconds {
		errs = append(errs, field.Invalid(path, value, "must be below 2^31"))
	}
	return errs
}

func oneOf[T ~string](value T, path *field.Path, allowed ...T) (errs field.ErrorList) {
	if !slices.Contains(allowed, value) {
		errs = append(errs, field.NotSupported(path, value, allowed))
	}
	return errs
}

func once[T comparable](seen sets.Set[T], value T, path *field.Path) (errs field.ErrorList) {
	if seen.Has(value) {
		errs = append(errs, field.Duplicate(path, value))
	}
	seen.Insert(value)
	return errs
}

// Within reports whether a name is another, or lies below it. Both are lower-case, without a dot at the end.
func Within(name, parent string) bool {
	return name == parent || strings.HasSuffix(name, "."+parent)
}
