// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package standalone runs the whole control plane in one process: etcd, the API server, the controllers, and the name
// server if it is asked for.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apiserver"
)

// shutdownGrace is how long the controllers, and then the API server, may take to stop: together less than the 10
// seconds after which supervisors commonly kill.
const shutdownGrace = 4500 * time.Millisecond

// Options are the flags of drover start.
type Options struct {
	APIServer *apiserver.Options
	// Controllers runs the controllers against the API server until the context ends.
	Controllers func(context.Context, *rest.Config) error
	// DNS runs the name server on the API server until the context ends; nil: there is none.
	DNS func(context.Context, *rest.Config) error
	// Out is where the line that says it is ready goes.
	Out io.Writer
}

// Run starts everything, says when it is ready, and runs until the context ends or a part fails.
func (o *Options) Run(ctx context.Context) error {
	start := time.Now()
	if err := os.MkdirAll(o.APIServer.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	unlock, err := lock(filepath.Join(o.APIServer.DataDir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if o.APIServer.Etcd.EncryptionProviderConfigFilepath == "" {
		o.APIServer.Etcd.EncryptionProviderConfigFilepath = filepath.Join(o.APIServer.DataDir, "encryption.yaml")
		if err := ensureEncryptionConfig(o.APIServer.Etcd.EncryptionProviderConfigFilepath); err != nil {
			return err
		}
	}
	etcd, err := startEtcd(ctx, filepath.Join(o.APIServer.DataDir, "etcd"))
	if err != nil {
		return err
	}
	defer etcd.stop() // last: the others need it until they have stopped
	o.APIServer.Etcd.StorageConfig.Transport.ServerList = []string{etcd.endpoint}
	if err := o.APIServer.Validate(); err != nil {
		return err
	}
	config, err := o.APIServer.Config()
	if err != nil {
		return err
	}
	server, err := config.Complete().New()
	if err != nil {
		return err
	}
	if err := o.APIServer.WriteAdminKubeconfig(); err != nil {
		return err
	}

	// The API server outlives the controllers, so that they can say good-bye: release leases, finish writes.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served := make(chan error, 1)
	go func() { served <- server.Run(serving) }()
	if err := waitReady(ctx, server.LoopbackClientConfig, served); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "drover is ready at %s (%.1fs); to use it: export KUBECONFIG=%s\n",
		o.APIServer.URL(), time.Since(start).Seconds(), o.APIServer.AdminKubeconfig())

	controlling, stopControlling := context.WithCancel(ctx)
	defer stopControlling()
	controlled := make(chan error, 1)
	go func() { controlled <- o.control(controlling, server.LoopbackClientConfig) }()

	select {
	case err = <-served:
		stopControlling()
		return errors.Join(err, await(controlled, "controllers"))
	case err = <-controlled:
	case <-ctx.Done():
		err = await(controlled, "controllers")
	}
	stopServing()
	return errors.Join(err, await(served, "API server"))
}

// control runs what uses the API server: the controllers and, if there is to be one, the name server. If one fails, the
// other is stopped.
func (o *Options) control(ctx context.Context, config *rest.Config) error {
	if o.DNS == nil {
		return o.Controllers(ctx, config)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		defer cancel()
		err := o.DNS(ctx, config)
		if err != nil {
			err = fmt.Errorf("name server: %w", err)
		}
		answered <- err
	}()
	err := o.Controllers(ctx, config)
	cancel()
	return errors.Join(err, <-answered)
}

func await(done <-chan error, what string) error {
	select {
	case err := <-done:
		return err
	case <-time.After(shutdownGrace):
		return fmt.Errorf("%s did not stop in time; nothing acknowledged is lost", what)
	}
}

// waitReady waits until the API server says it is.
func waitReady(ctx context.Context, config *rest.Config, served <-chan error) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-served:
			return fmt.Errorf("API server stopped before it was ready: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// lock makes sure that one process at a time uses a data directory. The lock goes with the process, however it ends.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s is in use by another drover; stop it, or choose another --data-dir", filepath.Dir(path))
	}
	return func() { file.Close() }, nil
}
