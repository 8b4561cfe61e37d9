// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package standalone

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// socketPathLimit is the longest path of a Unix socket (sun_path of unix(7), less its NUL).
	socketPathLimit = 107
	// etcdQuota is the most etcd stores: 8 GiB, the largest that its documentation suggests.
	etcdQuota = 8 << 30
)

// etcd is an etcd server in this process. It is reached by a Unix socket only this user can open.
type etcd struct {
	server   *embed.Etcd
	endpoint string
	logLevel zap.AtomicLevel
	// sockets is a directory to remove in the end; empty if the sockets are in the data directory.
	sockets string
}

// startEtcd starts etcd on a directory and waits until it serves.
func startEtcd(ctx context.Context, dir string) (*etcd, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd data directory: %w", err)
	}
	e := &etcd{logLevel: zap.NewAtomicLevelAt(zap.ErrorLevel)}
	sockets, err := e.socketDir(dir)
	if err != nil {
		return nil, err
	}
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "client.sock")}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "peer.sock")}
	for _, u := range []url.URL{client, peer} {
		// Left over from a process that was killed; nobody listens there, or we would not hold the lock.
		if err := os.Remove(u.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("stale etcd socket: %w", err)
		}
	}
	config := embed.NewConfig()
	config.Name = "drover"
	config.Dir = dir
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	// A peer socket's path is read from the host part of its URL, unlike a client socket's; with the path elsewhere it
	// would listen on an abstract socket, open to everyone on the machine.
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{{Scheme: "unix", Host: peer.Path}}, []url.URL{peer}
	config.InitialCluster = config.Name + "=" + peer.String()
	config.AutoCompactionMode, config.AutoCompactionRetention = embed.CompactorModePeriodic, "10m"
	config.QuotaBackendBytes = etcdQuota
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(etcdLogger(e.logLevel))
	e.endpoint = client.String()
	e.server, err = embed.StartEtcd(config)
	if err != nil {
		e.removeSockets()
		return nil, fmt.Errorf("start etcd on %s: %w", dir, err)
	}
	select {
	case <-e.server.Server.ReadyNotify():
		return e, nil
	case err := <-e.server.Err():
		e.stop()
		return nil, fmt.Errorf("etcd on %s: %w", dir, err)
	case <-time.After(time.Minute):
		e.stop()
		return nil, fmt.Errorf("etcd on %s is not ready after a minute; is the disk slow or full?", dir)
	case <-ctx.Done():
		e.stop()
		return nil, ctx.Err()
	}
}

func (e *etcd) stop() {
	e.logLevel.SetLevel(zap.FatalLevel) // it calls its own listeners being closed an error
	e.server.Close()
	e.removeSockets()
}

// socketDir is the data directory, or a short private one where the path would be too long for a socket.
func (e *etcd) socketDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if len(filepath.Join(abs, "client.sock")) <= socketPathLimit {
		return abs, nil
	}
	e.sockets, err = os.MkdirTemp("", "drover-etcd-") // mode 0700
	return e.sockets, err
}

func (e *etcd) removeSockets() {
	if e.sockets != "" {
		_ = os.RemoveAll(e.sockets) // a leftover in the temporary directory harms nobody
	}
}

// etcdLogger keeps etcd quiet but for errors, in the format of its own.
func etcdLogger(level zapcore.LevelEnabler) *zap.Logger {
	encoder := zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level))
}
