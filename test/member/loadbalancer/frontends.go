// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// drainPeriod is how long connections made before a listener closed still get an answer, which tells them to close.
	drainPeriod = time.Second
	// requestTimeout ends the requests that are still running after that.
	requestTimeout = 30 * time.Second
	// longestDelay is the most that ?delay= holds a request back.
	longestDelay = 20 * time.Second
)

// frontends are the open listeners.
type frontends struct {
	config Config
	open   map[netip.AddrPort]*frontend
}

func newFrontends(config Config) *frontends {
	return &frontends{config: config, open: map[netip.AddrPort]*frontend{}}
}

// apply makes the open listeners those wanted, and returns what kept an owner's from opening.
func (f *frontends) apply(wanted map[netip.AddrPort]Site) map[Owner]error {
	for address, open := range f.open {
		if site, keep := wanted[address]; !keep || site.TLS != open.tls {
			open.drain()
			delete(f.open, address)
		}
	}
	problems := map[Owner]error{}
	for address, site := range wanted {
		if open, has := f.open[address]; has {
			open.routes.Store(&site.Routes)
			continue
		}
		opened, err := listen(f.config, address, site)
		if err != nil {
			problems[site.Owner] = errors.Join(problems[site.Owner], err)
			continue
		}
		f.open[address] = opened
	}
	return problems
}

// stop closes every listener at once; the process is about to end.
func (f *frontends) stop() {
	for _, open := range f.open {
		_ = open.server.Close()
	}
}

// frontend answers on one address and port.
type frontend struct {
	cluster  string
	tls      bool
	listener net.Listener
	server   *http.Server
	routes   atomic.Pointer[[]Route]
	draining atomic.Bool
	turns    sync.Map // types.NamespacedName → *atomic.Uint64, whose turn it is among a Service's pods
}

func listen(config Config, address netip.AddrPort, site Site) (*frontend, error) {
	listener, err := net.Listen("tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("%w; it is tried again every %s", err, retryInterval)
	}
	f := &frontend{cluster: config.Cluster, tls: site.TLS, listener: listener}
	f.routes.Store(&site.Routes)
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: requestTimeout}
	if site.TLS {
		certificates := &certificateCache{issue: config.Certificate}
		f.server.TLSConfig = &tls.Config{GetCertificate: certificates.get, MinVersion: tls.VersionTLS12}
		go func() { _ = f.server.ServeTLS(listener, "", "") }() // ends when the listener closes
	} else {
		go func() { _ = f.server.Serve(listener) }() // ends when the listener closes
	}
	return f, nil
}

// drain refuses new connections from now on, and lets those that are there end well: each gets the answers it has
// asked for, with the last one telling it to close.
func (f *frontend) drain() {
	f.draining.Store(true)
	_ = f.listener.Close()
	time.AfterFunc(drainPeriod, func() {
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		if f.server.Shutdown(ctx) != nil {
			_ = f.server.Close()
		}
	})
}

// answer is what a client learns: who answered it.
type answer struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Pod       string `json:"pod"`
}

// ServeHTTP answers in the name of a ready pod. A request with ?delay=2s is answered that much later.
func (f *frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, found := Match(*f.routes.Load(), r.Host, r.URL.Path)
	if delay, err := time.ParseDuration(r.URL.Query().Get("delay")); err == nil {
		select {
		case <-time.After(min(delay, longestDelay)):
		case <-r.Context().Done():
			return
		}
	}
	if f.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	switch {
	case !found:
		http.Error(w, "no rule of this Ingress matches host "+r.Host+" and path "+r.URL.Path, http.StatusNotFound)
	case len(route.Pods) == 0:
		http.Error(w, "service "+route.Service.String()+" has no ready endpoints", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer{f.cluster, route.Service.Namespace, route.Service.Name, f.nextPod(route)})
	}
}

// nextPod takes the ready pods of a Service in turn.
func (f *frontend) nextPod(route Route) string {
	turn, _ := f.turns.LoadOrStore(route.Service, new(atomic.Uint64))
	n := turn.(*atomic.Uint64).Add(1) - 1
	return route.Pods[n%uint64(len(route.Pods))]
}

// certificateCache issues one certificate for each name that clients ask for.
type certificateCache struct {
	issue  func(hosts ...string) (*tls.Certificate, error)
	mutex  sync.Mutex
	issued map[string]*tls.Certificate
}

func (c *certificateCache) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := hello.ServerName
	if host == "" { // clients do not name IP addresses
		host, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if certificate, has := c.issued[host]; has {
		return certificate, nil
	}
	certificate, err := c.issue(host)
	if err != nil {
		return nil, err
	}
	if c.issued == nil {
		c.issued = map[string]*tls.Certificate{}
	}
	c.issued[host] = certificate
	return certificate, nil
}
