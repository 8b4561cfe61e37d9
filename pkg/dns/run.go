// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"k8s.io/component-base/metrics"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/dnssec"
	"drover.dev/drover/pkg/dns/feed"
	"drover.dev/drover/pkg/dns/flatten"
	"drover.dev/drover/pkg/dns/location"
	"drover.dev/drover/pkg/dns/publish"
	"drover.dev/drover/pkg/dns/reload"
	"drover.dev/drover/pkg/dns/server"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/transfer"
	"drover.dev/drover/pkg/dns/zone"
)

// nameServer is what the flags make.
type nameServer struct {
	*Options
	store     *zone.Store
	finder    *location.Finder
	registry  metrics.KubeRegistry
	watchers  []*reload.Watcher
	reloads   *metrics.CounterVec
	config    server.Config
	feed      *feed.Feed         // nil: a file is served
	publisher *publish.Publisher // nil: nothing is published
	flattener *flatten.Flattener // nil: nothing is looked up
	tls       *certificate
}

// Run loads everything, opens the ports, says on out which, and answers until the context ends.
func (o *Options) Run(ctx context.Context, out io.Writer) error {
	if err := o.Validate(); err != nil {
		return err
	}
	n := &nameServer{Options: o, store: &zone.Store{}, finder: &location.Finder{}, registry: metrics.NewKubeRegistry()}
	n.reloads = metrics.NewCounterVec(&metrics.CounterOpts{
		Subsystem: "drover_dns", Name: "reloads_total", StabilityLevel: metrics.ALPHA,
		Help: "Files that were read again because they had changed, by result: success, or error if what was read before stays.",
	}, []string{"file", "result"})
	n.registry.MustRegister(n.reloads)
	n.config = server.Config{
		Store: n.store, Finder: n.finder, Cookies: server.NewCookies(),
		Metrics: server.NewMetrics(n.registry, n.store, o.StaleAfter),
		Version: o.Version, Explain: o.Explain, LogEvery: o.LogEvery,
		Connections: o.Connections, ConnectionsPerClient: o.PerClient,
	}
	if o.RateLimit > 0 {
		n.config.Limiter = server.NewLimiter(o.RateLimit, o.RateLimitSlip)
	}
	if resolver, err := o.resolver(); err != nil {
		return err
	} else if resolver != nil {
		n.flattener = flatten.New(n.store, resolver.Lookup, n.registry)
	}
	if err := n.load(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer cancel()
	if n.feed != nil {
		feeding.Go(func() { n.feed.Run(ctx) })
		if !n.picture(ctx) {
			return nil
		}
	}
	srv := server.New(n.config)
	defer srv.Close()
	opened, err := n.open(ctx, srv)
	if err != nil {
		return err
	}
	web, err := n.openHTTP(ctx)
	if err != nil {
		return err
	}
	if web != nil {
		opened = append(opened, "http://"+web.address)
	}
	fmt.Fprintf(out, "drover dns is ready at %s\n", strings.Join(opened, " "))
	return n.serve(ctx, srv, web)
}

// serve runs until the context ends.
func (n *nameServer) serve(ctx context.Context, srv *server.Server, web *web) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	for _, watcher := range n.watchers {
		running.Go(func() { watcher.Run(ctx, n.reloaded) })
	}
	if n.publisher != nil {
		running.Go(func() { n.publish(ctx) })
	}
	if n.flattener != nil {
		running.Go(func() { n.flattener.Run(ctx) })
	}
	var failed error
	if web != nil {
		running.Go(func() {
			failed = web.run(ctx)
			cancel()
		})
	}
	err := srv.Run(ctx)
	cancel()
	running.Wait()
	return errors.Join(err, failed)
}

// load reads all files for the first time. Without a snapshot there is nothing to serve; everything else that was asked
// for has to be there, too: a server that signs nothing, though it was told to, does harm.
func (n *nameServer) load(ctx context.Context) error {
	n.watch("DNSSEC keys", n.DNSSECKeys, func(w string) *reload.Watcher {
		n.config.Keys = &dnssec.Keys{}
		return reload.Paths(w, func() error { return n.config.Keys.Load(n.DNSSECKeys) }, n.DNSSECKeys)
	})
	n.watch("transfer keys", n.TransferKeys, func(w string) *reload.Watcher {
		n.config.Transfers = &transfer.Policy{}
		return reload.File(w, n.TransferKeys, n.config.Transfers.Set)
	})
	n.watch("publishing", n.Publish, func(w string) *reload.Watcher {
		n.publisher = publish.New(n.store, publish.NewMetrics(n.registry))
		return reload.File(w, n.Publish, n.publisher.Set)
	})
	n.watch("cookie secrets", n.CookieSecrets, func(w string) *reload.Watcher {
		return reload.File(w, n.CookieSecrets, n.config.Cookies.SetSecrets)
	})
	n.watch("locations", n.Networks, func(w string) *reload.Watcher { return reload.File(w, n.Networks, n.setNetworks) })
	n.watch("database of locations", n.GeoIP, func(w string) *reload.Watcher { return reload.File(w, n.GeoIP, n.setDatabase) })
	n.watch("certificate", n.TLSCert, func(w string) *reload.Watcher {
		n.tls = &certificate{}
		return reload.Paths(w, func() error { return n.tls.load(n.TLSCert, n.TLSKey) }, n.TLSCert, n.TLSKey)
	})
	var errs []error
	for _, watcher := range n.watchers {
		errs = append(errs, watcher.Load())
	}
	if n.follows() {
		return errors.Join(append(errs, n.follow(ctx))...)
	}
	snapshots := reload.Paths("snapshot", n.setSnapshot, n.Snapshot)
	n.watchers = append(n.watchers, snapshots)
	if err := snapshots.Load(); err != nil {
		errs = append(errs, n.fallBack(ctx, err))
	}
	return errors.Join(errs...)
}

// publish keeps other servers in step until the context ends. What was kept of a federation by an earlier run is not
// published: another server may have been told of a younger picture since.
func (n *nameServer) publish(ctx context.Context) {
	if n.feed != nil {
		select {
		case <-n.feed.First():
		case <-ctx.Done():
			return
		}
	}
	n.publisher.Run(ctx)
}

func (n *nameServer) reloaded(what string, err error) {
	result := "success"
	if err != nil {
		result = "error"
	}
	n.reloads.WithLabelValues(what, result).Inc()
}

func (n *nameServer) watch(what, path string, watcher func(what string) *reload.Watcher) {
	if path != "" {
		n.watchers = append(n.watchers, watcher(what))
	}
}

// fallBack serves the last snapshot that could be served, if one was kept.
func (n *nameServer) fallBack(ctx context.Context, cause error) error {
	if n.LastGood == "" {
		return cause
	}
	last, err := snapshot.Load(n.LastGood)
	if errors.Is(err, os.ErrNotExist) {
		return cause
	}
	if err != nil {
		return errors.Join(cause, fmt.Errorf("last good snapshot: %w", err))
	}
	klog.FromContext(ctx).Error(cause, "The snapshot cannot be used; the last good one is served", "path", n.LastGood, "taken", last.Time)
	return n.store.Replace(last)
}

func (n *nameServer) setSnapshot() error {
	s, err := snapshot.Load(n.Snapshot)
	if err != nil {
		return err
	}
	if err := n.store.Replace(s); err != nil {
		return err
	}
	debug.FreeOSMemory() // reading a large file takes several times what it becomes
	if n.LastGood == "" {
		return nil
	}
	if err := snapshot.Save(n.LastGood, s); err != nil {
		return fmt.Errorf("it is served, but could not be kept as the last good one: %w", err)
	}
	return nil
}

func (n *nameServer) setNetworks(data []byte) error {
	networks, err := location.ParseNetworks(data)
	if err != nil {
		return err
	}
	n.finder.SetNetworks(networks)
	return nil
}

func (n *nameServer) setDatabase(data []byte) error {
	database, err := location.ParseDatabase(data)
	if err != nil {
		return err
	}
	n.finder.SetDatabase(database)
	return nil
}

// open opens the ports, and returns their addresses as URLs.
func (n *nameServer) open(ctx context.Context, srv *server.Server) ([]string, error) {
	var opened []string
	for _, address := range n.Listen {
		at, err := srv.Listen(ctx, address)
		if err != nil {
			return nil, err
		}
		opened = append(opened, "dns://"+at)
	}
	for _, address := range n.ListenTLS {
		at, err := srv.ListenTLS(ctx, address, n.tls.config())
		if err != nil {
			return nil, err
		}
		opened = append(opened, "tls://"+at)
	}
	return opened, nil
}

// age is how old the picture is that is served.
func age(index *zone.Index) time.Duration { return time.Since(index.Time).Truncate(time.Second) }
