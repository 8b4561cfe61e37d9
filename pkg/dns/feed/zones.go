// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"drover.dev/drover/pkg/dns/snapshot"
)

// ZoneOptions are the flags that say which zones a federation's names lie in.
type ZoneOptions struct {
	// Names are the apexes; Federation is the label before svc.
	Names      []string
	Federation string
	// NameServers are the NS records of all zones: "ns1.drover.test=192.0.2.1", once for each address; without
	// an address where the name lies in none of the zones. None: ns under each apex.
	NameServers []string
}

// NewZoneOptions returns the defaults.
func NewZoneOptions() ZoneOptions {
	return ZoneOptions{Names: []string{"drover.test"}, Federation: snapshot.DefaultFederation}
}

// AddFlags adds the flags.
func (o *ZoneOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&o.Names, "zone", o.Names, "Zones to serve the federation's names in.")
	fs.StringVar(&o.Federation, "federation-name", o.Federation, "Label of the federation in names, as in web.default.federation.svc.drover.test.")
	fs.StringArrayVar(&o.NameServers, "name-server", o.NameServers, "Name server of the zones, as ns1.drover.test=192.0.2.1; once for each name and address. By default ns in each zone, at the addresses that are listened on.")
}

// Zones makes the zones. Listen are the addresses that the server listens on, as host:port.
func (o *ZoneOptions) Zones(listen []string) ([]snapshot.Zone, error) {
	if len(o.Names) == 0 {
		return nil, errors.New("--zone must name a zone, e.g. drover.test")
	}
	given, err := o.nameServers()
	if err != nil {
		return nil, err
	}
	// The snapshot's own checks know what a zone must be like.
	s := snapshot.Snapshot{}
	for _, name := range o.Names {
		servers := given
		if len(servers) == 0 {
			own := snapshot.NameServer{Name: "ns." + name, Addresses: hosts(listen)}
			if len(own.Addresses) == 0 {
				return nil, fmt.Errorf("the address of the name server of %s is not known: say it with --name-server ns.%s=ADDRESS", name, name)
			}
			servers = []snapshot.NameServer{own}
		}
		s.Zones = append(s.Zones, snapshot.Zone{Name: name, Federation: o.Federation, NameServers: slices.Clone(servers)})
	}
	s.Complete()
	return s.Zones, s.Validate()
}

func (o *ZoneOptions) nameServers() ([]snapshot.NameServer, error) {
	var out []snapshot.NameServer
	for _, text := range o.NameServers {
		name, address, found := strings.Cut(text, "=")
		if _, err := netip.ParseAddr(address); found && err != nil {
			return nil, fmt.Errorf("--name-server %s: %w; it looks like ns1.drover.test=192.0.2.1", text, err)
		}
		at := slices.IndexFunc(out, func(s snapshot.NameServer) bool { return s.Name == name })
		if at < 0 {
			at, out = len(out), append(out, snapshot.NameServer{Name: name})
		}
		if found {
			out[at].Addresses = append(out[at].Addresses, address)
		}
	}
	return out, nil
}

// hosts are the addresses that are listened on, as far as they are those of one host.
func hosts(listen []string) (out []string) {
	for _, text := range listen {
		at, err := netip.ParseAddrPort(text)
		if err != nil || at.Addr().IsUnspecified() {
			continue
		}
		if address := at.Addr().Unmap().String(); !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}
