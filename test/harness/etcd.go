// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// StartEtcd runs an etcd in this process, and returns the URL it serves clients at.
func (l *Lab) StartEtcd(ctx context.Context, name string) (string, error) {
	dir, addresses, err := l.site("etcd-" + name)
	if err != nil {
		return "", err
	}
	client := url.URL{Scheme: "http", Host: addresses.host(1) + ":2379"}
	peer := url.URL{Scheme: "http", Host: addresses.host(1) + ":2380"}
	config := embed.NewConfig()
	config.Dir = dir
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.Name + "=" + peer.String()
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	server, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("etcd %s: %w", name, err)
	}
	l.onClose(server.Close)
	select {
	case <-server.Server.ReadyNotify():
		return client.String(), nil
	case err := <-server.Err():
		return "", fmt.Errorf("etcd %s: %w", name, err)
	case <-ctx.Done():
		return "", fmt.Errorf("etcd %s is not ready: %w", name, ctx.Err())
	}
}
