// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/client"
)

// podCIDR numbers the pods; nothing routes it.
const podCIDR = "10.244.0.0/16"

// RunKwok plays the kubelet of every node until ctx ends.
func RunKwok(ctx context.Context, kubeconfig, cluster string, pods PodLifecycle) error {
	ctx = log.NewContext(ctx, log.NewLogger(os.Stderr, log.LevelWarn))
	stages, err := pods.Stages()
	if err != nil {
		return err
	}
	clients, err := client.NewClientset("", kubeconfig)
	if err != nil {
		return fmt.Errorf("kwok: %w", err)
	}
	conf, err := kwokConfig(clients)
	if err != nil {
		return fmt.Errorf("kwok: %w", err)
	}
	conf.LocalStages = stages
	// The holder of the nodes' leases: the same after a restart, which so need not wait for them to expire.
	conf.ID = "kwok-" + cluster
	controller, err := controllers.NewController(*conf)
	if err != nil {
		return fmt.Errorf("kwok: %w", err)
	}
	if err := controller.Start(ctx); err != nil {
		return fmt.Errorf("start kwok: %w", err)
	}
	<-ctx.Done()
	return nil
}

func kwokConfig(clients client.Clientset) (*controllers.Config, error) {
	restConfig, err := clients.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	dynamicClient, err := clients.ToDynamicClient()
	if err != nil {
		return nil, err
	}
	mapper, err := clients.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	restClient, err := rest.RESTClientFor(restConfig)
	if err != nil {
		return nil, err
	}
	typed, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return nil, err
	}
	typedKwok, err := versioned.NewForConfig(restConfig)
	if err != nil {
		return nil, err
	}
	return &controllers.Config{
		Clock:                      clock.RealClock{},
		DynamicClient:              dynamicClient,
		RESTClient:                 restClient,
		RESTMapper:                 mapper,
		ImpersonatingDynamicClient: clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:   clients.ToImpersonatingTypedClient(),
		TypedClient:                typed,
		TypedKwokClient:            typedKwok,
		ManageAllNodes:             true,
		CIDR:                       podCIDR,
		NodeLeaseDurationSeconds:   40,
		NodeLeaseParallelism:       4,
		NodePlayStageParallelism:   4,
		PodPlayStageParallelism:    16,
		PodsOnNodeSyncParallelism:  1,
	}, nil
}
