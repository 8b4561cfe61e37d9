// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/feed"
	"drover.dev/drover/pkg/dns/snapshot"
)

// follow has a federation followed, from what was kept of it on.
func (n *nameServer) follow(ctx context.Context) error {
	zones, err := n.Zones.Zones(n.addresses())
	if err != nil {
		return err
	}
	config := n.Federation
	if config == nil {
		if config, err = clientcmd.BuildConfigFromFlags("", n.Kubeconfig); err != nil {
			return fmt.Errorf("--kubeconfig: %w", err)
		}
	}
	n.recall(ctx, zones)
	var keep func(*snapshot.Snapshot) error
	if n.LastGood != "" {
		keep = func(s *snapshot.Snapshot) error { return snapshot.Save(n.LastGood, s) }
	}
	n.feed, err = feed.New(config, n.store, zones, keep)
	return err
}

// recall serves what was kept of the federation by an earlier run, if it can be used: it may be long until the
// federation can be reached.
func (n *nameServer) recall(ctx context.Context, zones []snapshot.Zone) {
	if n.LastGood == "" {
		return
	}
	last, err := snapshot.Load(n.LastGood)
	if err == nil {
		last.Zones = zones
		err = n.store.Replace(last)
	}
	switch logger := klog.FromContext(ctx); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		logger.Error(err, "What was kept of the federation cannot be used", "path", n.LastGood)
	default:
		logger.Info("What was kept of the federation is served until it has been read", "path", n.LastGood, "taken", last.Time)
	}
}

// picture waits until there is something to serve; false if the context ended before.
func (n *nameServer) picture(ctx context.Context) bool {
	if n.store.Load() != nil {
		return true
	}
	select {
	case <-n.feed.First():
		return true
	case <-ctx.Done():
		return false
	}
}
