// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// runScheduler runs the kube-scheduler until ctx ends.
func runScheduler(ctx context.Context, kubeconfig string) error {
	o := options.NewOptions()
	err := parseFlags(*o.Flags, []string{
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	})
	if err != nil {
		return fmt.Errorf("kube-scheduler flags: %w", err)
	}
	if o.InformerName, err = cache.NewInformerName("kube-scheduler"); err != nil {
		return fmt.Errorf("kube-scheduler options: %w", err)
	}
	config, scheduler, err := app.Setup(ctx, o)
	if err != nil {
		return fmt.Errorf("kube-scheduler options: %w", err)
	}
	return app.Run(ctx, config, scheduler)
}
