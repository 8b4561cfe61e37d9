// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Command member runs one real Kubernetes cluster in one process: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, fake nodes whose pods become ready, and a load balancer that answers for them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"k8s.io/klog/v2"
)

func main() {
	options := NewOptions()
	options.ParseOrExit(os.Args[1:])
	if err := run(options); err != nil {
		fmt.Fprintf(os.Stderr, "member %s: %v\n", options.Name, err)
		os.Exit(1)
	}
}

// run starts the cluster and keeps it until it is told to stop.
func run(options *Options) error {
	if err := options.Complete(); err != nil {
		return err
	}
	terminal, err := redirectOutput(options.LogFile())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	klog.OsExit = func(code int) { // libraries end the process so when they cannot go on
		if ctx.Err() != nil {
			os.Exit(0) // nor need they: it is stopping
		}
		fmt.Fprintf(terminal.Stderr, "member %s: a part of the cluster gave up; the reason is at the end of %s\n", options.Name, options.LogFile())
		os.Exit(code)
	}
	limitMemory()
	if err := NewCluster(options).Run(ctx, terminal.Stdout); err != nil {
		fmt.Fprintf(terminal.Stderr, "member %s: %v\nmember %s: the log is %s\n", options.Name, err, options.Name, options.LogFile())
		os.Exit(1)
	}
	return nil
}

// limitMemory trades a little CPU for memory, as many members share one machine; the environment variable GOGC overrides it.
func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
