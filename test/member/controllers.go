// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"

	"drover.dev/drover/test/member/credentials"
)

// enabledControllers are those that a cluster of fake nodes has work for: no volumes, no certificates. There are no metrics
// to scale by, but the autoscaler keeps workloads within its bounds without.
var enabledControllers = []string{
	names.ClusterRoleAggregationController,
	names.CronJobController,
	names.DaemonSetController,
	names.DeploymentController,
	names.DisruptionController,
	names.EndpointSliceController,
	names.EndpointsController,
	names.GarbageCollectorController,
	names.HorizontalPodAutoscalerController,
	names.JobController,
	names.NamespaceController,
	names.NodeLifecycleController,
	names.PodGarbageCollectorController,
	names.ReplicaSetController,
	names.ResourceQuotaController,
	names.RootCACertificatePublisherController,
	names.ServiceAccountController,
	names.ServiceAccountTokenController,
	names.StatefulSetController,
	names.TTLAfterFinishedController,
	names.TaintEvictionController,
}

// runControllers runs the kube-controller-manager until ctx ends.
func runControllers(ctx context.Context, kubeconfig string, secrets *credentials.Files) error {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("kube-controller-manager options: %w", err)
	}
	all, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	err = parseFlags(o.Flags(all, disabled, aliases), []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + strings.Join(enabledControllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
		"--horizontal-pod-autoscaler-sync-period=1s",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--root-ca-file=" + secrets.CA,
		"--service-account-private-key-file=" + secrets.ServiceAccountKey,
		// The nodes share this process: when it was stopped or starved, they were not, so they are not declared lost.
		"--node-monitor-grace-period=24h",
	})
	if err != nil {
		return fmt.Errorf("kube-controller-manager flags: %w", err)
	}
	config, err := o.Config(ctx, all, disabled, aliases)
	if err != nil {
		return fmt.Errorf("kube-controller-manager options: %w", err)
	}
	return app.Run(ctx, config.Complete())
}
