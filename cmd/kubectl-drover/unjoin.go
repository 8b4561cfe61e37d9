// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func unjoinCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewUnjoinOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "unjoin NAME",
		Short: "Let a cluster leave the federation, with or without what runs there",
		Long: `Let a cluster leave the federation.

--mode says what becomes of what Drover runs there:
  leave   It keeps running, but Drover no longer manages it, and places its replicas on the other clusters as well.
  move    It moves to the other clusters first, new replicas before old ones go. Then it is deleted there.
  delete  It is deleted there, and placed on the other clusters.

Drover's namespace, roles and marks are removed from the cluster, its credentials from the federation. Namespaces stay. You
are shown what will happen, and asked. If workloads would get below what their policies demand, nothing happens.

After an interruption, run the same command again.`,
		Example: `  # Show what will happen, ask, do it
  kubectl drover unjoin east

  # Move everything to the other clusters first
  kubectl drover unjoin east --mode=move --timeout 30m

  # In a script
  kubectl drover unjoin east --yes --timeout 5m

  # The cluster no longer exists
  kubectl drover unjoin east --force`,
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
