// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// etcd is reached through a Unix socket in the data directory: no port to clash with, no stranger to talk to. The name
// is relative, as the process works in the data directory and a socket's full path may be no longer than 107 bytes.
const (
	etcdClientSocket = "etcd-client.sock"
	etcdPeerSocket   = "etcd-peer.sock"
	etcdEndpoint     = "unix:" + etcdClientSocket
)

// startEtcd starts etcd on the data directory and waits until it serves.
func startEtcd(ctx context.Context, dataDir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Name = "etcd"
	config.Dir = filepath.Join(dataDir, "etcd")
	client := []url.URL{{Scheme: "unix", Path: etcdClientSocket}}
	peer := []url.URL{{Scheme: "unix", Path: etcdPeerSocket}}
	config.ListenClientUrls, config.AdvertiseClientUrls = client, client
	config.ListenPeerUrls, config.AdvertisePeerUrls = peer, peer
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "warn"
	// A killed process loses nothing without fsync, only a killed machine would; and a fake cluster may be lost with it.
	config.UnsafeNoFsync = true
	// Raft's log is only for followers, and there are none: keep it short, it is held in memory.
	config.SnapshotCount = 2000
	config.SnapshotCatchUpEntries = 100
	// Two segments are allocated ahead, 64 MB each by default; clusters as small and many as these need less.
	wal.SegmentSizeBytes = 8 << 20

	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("start etcd on %s: %w", config.Dir, err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return server, nil
	case err := <-server.Err():
		return nil, fmt.Errorf("etcd on %s: %w", config.Dir, err)
	case <-ctx.Done():
		server.Close()
		return nil, context.Cause(ctx)
	}
}
