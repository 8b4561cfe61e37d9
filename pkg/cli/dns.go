// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	codec "github.com/miekg/dns"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/dns/feed"
	"drover.dev/drover/pkg/dns/location"
	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

// DNSOptions are the flags of dns, and of dns export.
type DNSOptions struct {
	Streams
	Federation *FederationOptions
	// Name is that of a Service or Ingress, or "service/web", "ingress/web"; Namespace is where it is.
	Name, Namespace string
	// From is the address of a client; empty is one of whom nothing is known.
	From string
	// Scope is the part of the fleet that the client asks for.
	Scope routing.Scope
	// Locations and GeoIP are the files that the name servers have.
	Locations, GeoIP string
	// Output is json or yaml; empty is lines for people. Of an export it is snapshot or zone.
	Output string
	// Zones are those of an export.
	Zones feed.ZoneOptions
}

// NewDNSOptions returns the defaults.
func NewDNSOptions(streams Streams, federation *FederationOptions) *DNSOptions {
	return &DNSOptions{Streams: streams, Federation: federation, Namespace: metav1.NamespaceDefault, Zones: feed.NewZoneOptions()}
}

// AddFlags adds the flags of dns.
func (o *DNSOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "Namespace of the Service or Ingress.")
	fs.StringVar(&o.From, "from", o.From, "Address of the client, e.g. 203.0.113.7; by default nothing is known of it.")
	fs.StringVar(&o.Scope.Region, "region", o.Scope.Region, "Ask for the clusters of this region only.")
	fs.StringVar(&o.Scope.Zone, "zone", o.Scope.Zone, "Ask for the clusters of this zone of --region only.")
	fs.StringVar(&o.Locations, "locations", o.Locations, "File of locations that the name servers have.")
	fs.StringVar(&o.GeoIP, "geoip", o.GeoIP, "Database of locations that the name servers have.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "json or yaml; lines for people if not given.")
}

// AddExportFlags adds the flags of dns export.
func (o *DNSOptions) AddExportFlags(fs *pflag.FlagSet) {
	o.Output = "snapshot"
	o.Zones.AddFlags(fs)
	fs.StringVarP(&o.Output, "output", "o", o.Output, "snapshot, for drover dns --snapshot, or zone, for other name servers.")
}

// Explain says what a client is answered for a Service or Ingress, and why.
func (o *DNSOptions) Explain(ctx context.Context) error {
	if o.Output != "" && o.Output != "json" && o.Output != "yaml" {
		return fmt.Errorf("-o %s is not known; it is json or yaml, or left out for lines", o.Output)
	}
	if o.Scope.Zone != "" && o.Scope.Region == "" {
		return errors.New("--zone needs --region: a zone lies in a region")
	}
	client, err := o.client()
	if err != nil {
		return err
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return o.explain(ctx, federation, client)
}

func (o *DNSOptions) explain(ctx context.Context, federation *federation, client *routing.Client) error {
	index, err := o.index(ctx, federation, o.Namespace)
	if err != nil {
		return err
	}
	key, err := o.key(index)
	if err != nil {
		return err
	}
	explanation, _ := index.Explain(key, o.Scope, client)
	if o.Output != "" {
		return o.printAs(o.Output, explanation)
	}
	for _, line := range explanation.Lines() {
		fmt.Fprintln(o.Out, line)
	}
	return nil
}

// index is a name server's view of a namespace of the federation; without one, of all.
func (o *DNSOptions) index(ctx context.Context, federation *federation, namespace string) (*zone.Index, error) {
	zones, err := o.Zones.Zones(defaultListen)
	if err != nil {
		return nil, err
	}
	if err := federation.check(ctx); err != nil {
		return nil, err
	}
	objects, err := feed.List(ctx, federation.drover, federation.kube, namespace)
	if err != nil {
		return nil, federation.explain("read what is answered", err)
	}
	s, err := feed.Snapshot(objects, zones, time.Now())
	if err != nil {
		return nil, err
	}
	return zone.NewIndex(s), nil
}

// defaultListen is where a name server listens that is not told otherwise.
var defaultListen = []string{"127.0.0.1:53"}

// key finds out what is asked for: a Service, or if there is none of the name, an Ingress.
func (o *DNSOptions) key(index *zone.Index) (snapshot.Key, error) {
	kind, name, qualified := strings.Cut(o.Name, "/")
	if !qualified {
		kind, name = "", o.Name
	}
	service := snapshot.Key{Namespace: o.Namespace, Name: name}
	ingress := snapshot.Key{Namespace: o.Namespace, Name: name, Hosts: true}
	switch strings.ToLower(kind) {
	case "":
		if index.Has(service) {
			return service, nil
		}
		if index.Has(ingress) {
			return ingress, nil
		}
	case "service", "services", "svc":
		if index.Has(service) {
			return service, nil
		}
	case "ingress", "ingresses", "ing":
		if index.Has(ingress) {
			return ingress, nil
		}
	default:
		return service, fmt.Errorf("%s has no clients of its own; name a Service or an Ingress, e.g. service/%s", kind, name)
	}
	return service, fmt.Errorf("there is no Service, and no Ingress with a host, called %s in namespace %s\nsee what there is: kubectl get services,ingresses -n %s", o.Name, o.Namespace, o.Namespace)
}

// client is who asks.
func (o *DNSOptions) client() (*routing.Client, error) {
	finder := &location.Finder{}
	if o.Locations != "" {
		data, err := os.ReadFile(o.Locations)
		if err != nil {
			return nil, fmt.Errorf("--locations: %w", err)
		}
		networks, err := location.ParseNetworks(data)
		if err != nil {
			return nil, fmt.Errorf("--locations: %w", err)
		}
		finder.SetNetworks(networks)
	}
	if o.GeoIP != "" {
		data, err := os.ReadFile(o.GeoIP)
		if err != nil {
			return nil, fmt.Errorf("--geoip: %w", err)
		}
		database, err := location.ParseDatabase(data)
		if err != nil {
			return nil, fmt.Errorf("--geoip: %w", err)
		}
		finder.SetDatabase(database)
	}
	if o.From == "" {
		return &routing.Client{}, nil
	}
	from, err := netip.ParseAddr(o.From)
	if err != nil {
		return nil, fmt.Errorf("--from %s is not an address, e.g. 203.0.113.7", o.From)
	}
	from = from.Unmap().WithZone("")
	client := &routing.Client{Network: routing.DrawPrefix(from)}
	client.Place, client.PlaceBits = finder.Find(from)
	return client, nil
}

// Export prints what a name server would serve of the federation.
func (o *DNSOptions) Export(ctx context.Context) error {
	if o.Output != "snapshot" && o.Output != "zone" {
		return fmt.Errorf("-o %s is not known; it is snapshot or zone", o.Output)
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return o.export(ctx, federation)
}

func (o *DNSOptions) export(ctx context.Context, federation *federation) error {
	index, err := o.index(ctx, federation, metav1.NamespaceAll)
	if err != nil {
		return err
	}
	if o.Output == "snapshot" {
		text, err := sigsyaml.Marshal(index.Snapshot())
		if err != nil {
			return err
		}
		_, err = o.Out.Write(text)
		return err
	}
	for _, name := range o.Zones.Names {
		records := index.Records(codec.CanonicalName(name))
		for _, rr := range records[:len(records)-1] { // the last is the SOA again, for transfers
			fmt.Fprintln(o.Out, rr)
		}
	}
	return nil
}
