// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func importCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewImportOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "import --cluster NAME --cluster-kubeconfig FILE",
		Short: "Take over what runs in a joined cluster, where it is",
		Long: `Take over what runs in a joined cluster: its namespaces, workloads, Services, Ingresses, and what goes with them, are created
in the federation, and become Drover's in the cluster as they are. No pod is restarted.

It is read with your rights in the cluster, not with Drover's. What the cluster makes by itself stays, and so does what Drover
does not take; you are shown what and why, and asked. If something of the same name is in the federation, nothing changes.

In each namespace a policy, imported-from-NAME, keeps what is there in that cluster. It is overruled by any policy of yours.
From then on, deploy to the federation: what is deployed to the cluster is put back. The command may be interrupted, and
repeated.`,
		Example: `  # What would be taken over, and what not?
  kubectl drover import --cluster a --cluster-kubeconfig a.kubeconfig --dry-run

  # One namespace; then all of it to another cluster
  kubectl drover import --cluster a --cluster-kubeconfig a.kubeconfig -n shop
  kubectl drover migrate --from a --to b -n shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return options.Run(cmd.Context()) },
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}
