// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Command fleet runs simulated clusters until it is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/test/fleet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

type options struct {
	fleet      fleet.Options
	dir        string
	control    string
	federation string
}

// gcPercent trades memory for the CPU that a machine shares with what is measured; the environment variable GOGC
// overrides it.
const gcPercent = 200

func run(ctx context.Context, args []string, out io.Writer) error {
	o := options{fleet: fleet.NewOptions(), dir: "fleet-data", control: "127.0.0.1:0"}
	flags := pflag.NewFlagSet("fleet", pflag.ContinueOnError)
	flags.IntVar(&o.fleet.Clusters, "clusters", o.fleet.Clusters, "Number of clusters.")
	flags.IntVar(&o.fleet.Nodes, "nodes", o.fleet.Nodes, "Nodes of each cluster.")
	flags.DurationVar(&o.fleet.ReadyDelay, "ready-delay", o.fleet.ReadyDelay, "Time until replicas are ready and load balancers have addresses.")
	flags.IntVar(&o.fleet.History, "history", o.fleet.History, "Changes of each resource that a watch can go back.")
	flags.StringVar(&o.dir, "data-dir", o.dir, "Directory for the kubeconfigs, CLUSTER.kubeconfig.")
	flags.StringVar(&o.control, "control", o.control, "Address of the control endpoint. It asks nobody who they are: keep it on loopback.")
	flags.StringVar(&o.federation, "federation", o.federation, "Kubeconfig `file` of a federation that all clusters are joined to, in the fast way.")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return o.run(ctx, out)
}

// run serves until the context ends.
func (o *options) run(ctx context.Context, out io.Writer) error {
	start := time.Now()
	f, err := fleet.Start(o.fleet)
	if err != nil {
		return err
	}
	defer f.Stop()
	if err := o.writeKubeconfigs(f); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.control)
	if err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	server := &http.Server{Handler: f.Control(), ReadHeaderTimeout: time.Minute}
	defer func() { _ = server.Close() }()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(out, "fleet of %d clusters is ready (%.1fs): kubeconfigs=%s control=http://%s\n", len(f.Clusters), time.Since(start).Seconds(), o.dir, listener.Addr())
	if o.federation != "" {
		if err := o.join(ctx, f, out); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (o *options) writeKubeconfigs(f *fleet.Fleet) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	for _, c := range f.Clusters {
		if err := clientcmd.WriteToFile(c.Kubeconfig(), filepath.Join(o.dir, c.Name+".kubeconfig")); err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", c.Name, err)
		}
	}
	return nil
}

func (o *options) join(ctx context.Context, f *fleet.Fleet, out io.Writer) error {
	start := time.Now()
	config, err := clientcmd.BuildConfigFromFlags("", o.federation)
	if err != nil {
		return fmt.Errorf("--federation: %w", err)
	}
	config.QPS = -1
	if err := f.Join(ctx, config); err != nil {
		return err
	}
	fmt.Fprintf(out, "all have joined %s (%.1fs)\n", config.Host, time.Since(start).Seconds())
	return nil
}
