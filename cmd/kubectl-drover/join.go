// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func joinCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewJoinOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "join NAME --cluster-kubeconfig FILE",
		Short: "Join a Kubernetes cluster to the federation",
		Long: `Join a Kubernetes cluster to the federation, under a name of your choice.

You need a kubeconfig with the rights of cluster-admin in the cluster. Drover does not keep it. In the cluster, join makes
a namespace drover-system, and in it a ServiceAccount that may do what Drover does and no more; the federation gets a
short-lived token of that account, and Drover renews it.

What runs in the cluster stays as it is. Everything is checked before anything is changed, and after an interruption the
same command goes on.`,
		Example: `  # The cluster of a kubeconfig's current context; region and zone are read from its nodes
  kubectl drover join east --cluster-kubeconfig east.kubeconfig

  # A context in your own kubeconfig; the federation is another one there
  kubectl drover join east --cluster-context gke-east --context federation

  # Say where it is, and label it for policies to select
  kubectl drover join east --cluster-kubeconfig east.kubeconfig --region us-east1 --zone us-east1-b \
    --latitude 33.8 --longitude -84.4 --labels env=prod,tier=gold

  # You reach it by a tunnel, Drover reaches it directly
  kubectl drover join east --cluster-kubeconfig east.kubeconfig --server https://10.0.0.1:6443

  # New credentials for a cluster that has joined
  kubectl drover join east --cluster-kubeconfig east.kubeconfig --renew`,
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Name = args[0]
			return options.Run(cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}
