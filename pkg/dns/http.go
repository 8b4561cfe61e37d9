// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/component-base/metrics/legacyregistry"
)

// web serves health and metrics.
type web struct {
	address  string
	listener net.Listener
	server   *http.Server
}

// openHTTP opens the address for health and metrics; nil if there is to be none.
func (n *nameServer) openHTTP(ctx context.Context) (*web, error) {
	if n.HTTP == "" {
		return nil, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", n.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP on %s: %w", n.HTTP, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", n.ready)
	all := prometheus.Gatherers{legacyregistry.DefaultGatherer, n.registry.Gatherer()}
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{}))
	return &web{
		address:  listener.Addr().String(),
		listener: listener,
		server:   &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute},
	}, nil
}

func (w *web) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = w.server.Close() })
	defer stop()
	if err := w.server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ready says whether there is a snapshot, and how old it is. One that is stale is served, so the server is ready.
func (n *nameServer) ready(w http.ResponseWriter, _ *http.Request) {
	index := n.store.Load()
	if index == nil {
		http.Error(w, "there has never been a snapshot", http.StatusServiceUnavailable)
		return
	}
	stale := ""
	if n.StaleAfter > 0 && age(index) > n.StaleAfter {
		stale = ", stale"
	}
	fmt.Fprintf(w, "ok: snapshot %d, %d services, %d clusters, taken %s ago%s\n",
		index.Version, index.Services(), index.Clusters(), age(index), stale)
}
