// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dns runs the name server of a federation: it wires the rooms below it together.
package dns

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/dns/feed"
	"drover.dev/drover/pkg/dns/flatten"
)

// Options are the flags of drover dns.
type Options struct {
	// Snapshot is the file to serve; LastGood is where the last one that could be served is kept.
	Snapshot, LastGood string
	// Kubeconfig is that of a federation to follow, in place of a file; Federation is how to reach it, in place of that.
	Kubeconfig string
	Federation *rest.Config
	// Zones are those of the federation that is followed.
	Zones feed.ZoneOptions
	// StaleAfter is the age from which on a snapshot counts as stale; 0: none does. It is served all the same.
	StaleAfter time.Duration

	// Listen are addresses for UDP and TCP; ListenTLS those for DNS over TLS, with TLSCert and TLSKey.
	Listen, ListenTLS []string
	TLSCert, TLSKey   string
	// HTTP is the address of /metrics, /readyz and /livez; empty: there are none.
	HTTP string

	// Networks and GeoIP say where clients are.
	Networks, GeoIP string
	// DNSSECKeys is a directory of keys; empty: nothing is signed.
	DNSSECKeys string
	// TransferKeys is a file of those who may have whole zones; empty: nobody.
	TransferKeys string
	// Publish is a file of zones of other servers that are kept in step; empty: none is.
	Publish string
	// Resolver is the address of one to look up load balancers with that are known by host name only; empty: the system's;
	// none: nothing is looked up.
	Resolver string
	// CookieSecrets is a file of secrets that all servers share; empty: a random one.
	CookieSecrets string

	RateLimit, RateLimitSlip int
	Version                  string
	Explain                  bool
	LogEvery                 int
	Connections, PerClient   int
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{
		StaleAfter:    5 * time.Minute,
		Zones:         feed.NewZoneOptions(),
		Listen:        []string{"127.0.0.1:5353"},
		HTTP:          "127.0.0.1:5380",
		RateLimit:     200,
		RateLimitSlip: 2,
		Connections:   1024,
		PerClient:     64,
	}
}

// AddFlags adds the flags.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Snapshot, "snapshot", o.Snapshot, "File with the snapshot to serve, in YAML or JSON. It is read again when it changes.")
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "Path of a kubeconfig for a federation to follow, in place of --snapshot; the context it names as current is used.")
	o.Zones.AddFlags(fs)
	fs.StringVar(&o.LastGood, "last-good", o.LastGood, "File to keep the last snapshot in that could be served. It is served when the snapshot cannot be read at the start, or the federation not yet.")
	fs.DurationVar(&o.StaleAfter, "stale-after", o.StaleAfter, "Age from which on a snapshot counts as stale in metrics and /readyz. It is served all the same. 0: never.")
	fs.StringSliceVar(&o.Listen, "listen", o.Listen, "Addresses to answer on over UDP and TCP, e.g. 0.0.0.0:53. Port 0 takes a free one.")
	fs.StringSliceVar(&o.ListenTLS, "listen-tls", o.ListenTLS, "Addresses to answer on over TLS, e.g. 0.0.0.0:853. Needs --tls-cert and --tls-key.")
	fs.StringVar(&o.TLSCert, "tls-cert", o.TLSCert, "PEM file with the certificate for DNS over TLS. It is read again when it changes.")
	fs.StringVar(&o.TLSKey, "tls-key", o.TLSKey, "PEM file with the key of --tls-cert.")
	fs.StringVar(&o.HTTP, "http-listen", o.HTTP, "Address of /metrics, /readyz and /livez, over plain HTTP. Empty: there are none.")
	fs.StringVar(&o.Networks, "locations", o.Networks, "File that says where networks are, in YAML or JSON. It is read again when it changes.")
	fs.StringVar(&o.GeoIP, "geoip", o.GeoIP, "Database in MaxMind's format that says where addresses are. It is read again when it changes.")
	fs.StringVar(&o.DNSSECKeys, "dnssec-keys", o.DNSSECKeys, "Directory of keys to sign zones with, made by drover dns keygen. A zone without a key there is not signed.")
	fs.StringVar(&o.TransferKeys, "transfer-keys", o.TransferKeys, "File with the TSIG keys, and the zones that the holder of each may transfer. Without it nobody may.")
	fs.StringVar(&o.Publish, "publish", o.Publish, "File with zones of other name servers to keep in step by dynamic updates (RFC 2136), and the TSIG keys for it. It is read again when it changes.")
	fs.StringVar(&o.Resolver, "resolver", o.Resolver, "Address of a resolver, e.g. 10.0.0.2, to look up load balancers with that are known by host name only, for the apex of a zone, where no alias may stand. Empty: those in /etc/resolv.conf; none: nothing is looked up.")
	fs.StringVar(&o.CookieSecrets, "cookie-secrets", o.CookieSecrets, "File with the secrets of DNS cookies, 32 hex digits a line, the one to use first. The same for all servers of one address.")
	fs.IntVar(&o.RateLimit, "rate-limit", o.RateLimit, "Replies of one kind that a client network (/24, /56) gets in a second over UDP. 0: no limit.")
	fs.IntVar(&o.RateLimitSlip, "rate-limit-slip", o.RateLimitSlip, "Of the replies over the limit, one of so many says to come over TCP instead of being dropped. 0: none.")
	fs.StringVar(&o.Version, "version-bind", o.Version, "Answer to version.bind in class CH. Empty: it is refused.")
	fs.BoolVar(&o.Explain, "explain-names", o.Explain, "Answer TXT at _explain.<service> with the reasons for the answer that the client gets. It tells everyone which clusters there are.")
	fs.IntVar(&o.LogEvery, "log-queries", o.LogEvery, "Log one query of so many. 0: none.")
	fs.IntVar(&o.Connections, "max-connections", o.Connections, "Connections over TCP and TLS at a time.")
	fs.IntVar(&o.PerClient, "max-connections-per-client", o.PerClient, "Connections at a time from one address.")
}

// startFlags are those of drover start, where all but the federation's name are said to be of the name server.
var startFlags = []string{"listen", "zone", "name-server", "http-listen", "locations", "geoip", "dnssec-keys", "publish", "resolver"}

// AddStartFlags adds what drover start says of a name server in its process.
func (o *Options) AddStartFlags(fs *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(all)
	for _, name := range startFlags {
		flag := all.Lookup(name)
		flag.Name = "dns-" + name
		fs.AddFlag(flag)
	}
	fs.AddFlag(all.Lookup("federation-name"))
	fs.Lookup("dns-listen").Usage = "Addresses to answer DNS queries on over UDP and TCP, e.g. 127.0.0.1:5353. Empty: there is no name server."
}

// ValidateFollowing checks the flags of drover start, before there is a federation to follow.
func (o *Options) ValidateFollowing() error {
	following := *o
	following.Federation = &rest.Config{}
	if err := following.Validate(); err != nil {
		return fmt.Errorf("name server, whose flags begin with --dns- here: %w", err)
	}
	return nil
}

// Validate checks the flags.
func (o *Options) Validate() error {
	var errs []error
	if o.follows() == (o.Snapshot != "") {
		errs = append(errs, errors.New("give either a file by --snapshot, or a federation by --kubeconfig"))
	}
	if o.follows() {
		_, err := o.Zones.Zones(o.addresses())
		errs = append(errs, err)
	}
	if len(o.Listen)+len(o.ListenTLS) == 0 {
		errs = append(errs, errors.New("--listen must name an address"))
	}
	if len(o.ListenTLS) > 0 && (o.TLSCert == "" || o.TLSKey == "") {
		errs = append(errs, errors.New("--listen-tls needs --tls-cert and --tls-key"))
	}
	if len(o.ListenTLS) == 0 && (o.TLSCert != "" || o.TLSKey != "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key need --listen-tls"))
	}
	if _, err := o.resolver(); err != nil {
		errs = append(errs, fmt.Errorf("--resolver: %w", err))
	}
	for name, value := range map[string]int{
		"rate-limit": o.RateLimit, "rate-limit-slip": o.RateLimitSlip, "log-queries": o.LogEvery,
		"max-connections": o.Connections - 1, "max-connections-per-client": o.PerClient - 1,
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("--%s is too small", name))
		}
	}
	return errors.Join(errs...)
}

// follows reports whether a federation is followed, not a file.
func (o *Options) follows() bool { return o.Kubeconfig != "" || o.Federation != nil }

// resolver is the one to look names up with; nil: none are.
func (o *Options) resolver() (*flatten.Resolver, error) {
	if o.Resolver == noResolver {
		return nil, nil
	}
	return flatten.NewResolver(o.Resolver)
}

const noResolver = "none"

// addresses are all that are listened on.
func (o *Options) addresses() []string { return slices.Concat(o.Listen, o.ListenTLS) }
