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
		Short: "Let a cluster leave the federation; what runs there keeps running",
		Long: `Let a cluster leave the federation.

What runs there keeps running, but Drover no longer manages it, and places its replicas on the other clusters as well.
Drover's namespace, roles and marks are removed from the cluster, its credentials from the federation. You are shown what
will happen, and asked.`,
		Example: `  # Show what will happen, ask, do it
  kubectl drover unjoin east

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
