// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func cordonCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewCordonOptions(streams, federation)
	return &cobra.Command{
		Use:     "cordon NAME",
		Short:   "Keep new replicas off a cluster; what runs there stays",
		Example: `  kubectl drover cordon east`,
		Args:    nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Name = args[0]
			return options.Cordon(cmd.Context())
		},
	}
}

func uncordonCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewCordonOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "uncordon NAME",
		Short: "Have a cluster take new replicas again, after cordon or drain",
		Long: `Have a cluster take new replicas again, after cordon or drain.

What was moved off comes back as the policies say: with rebalance: {mode: Automatic} by itself, and else when a workload or
its policy changes. With --rebalance it comes back now, whatever the policies say, and as safely as it went: replicas are made
before others are taken, and clients follow them.`,
		Example: `  kubectl drover uncordon east

  # Bring the workloads back
  kubectl drover uncordon east --rebalance`,
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Name = args[0]
			return options.Uncordon(cmd.Context())
		},
	}
	options.AddUncordonFlags(cmd.Flags())
	return cmd
}

func drainCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewDrainOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "drain NAME",
		Short: "Move everything off a cluster: elsewhere first, then here",
		Long: `Move everything off a cluster. No replica and no request is missing meanwhile. Jobs that have begun run to their
end here first, or end at once with --end-jobs; a CronJob is suspended here until those that it made have ended.

You are shown what moves where, and what cannot, and asked. Replicas are made elsewhere first, as the policies' move says.
Clients are led there, and what is left here goes last. Namespaces go one after the other, --parallel of them at once.
PodDisruptionBudgets are kept over all clusters.

The drain is a taint of the cluster: it goes on by itself when this command is interrupted, and the same command waits for
it again. kubectl drover uncordon ends it.

It fails if something is left: after --timeout, or when the rest has nowhere to go.`,
		Example: `  # Show what would move where
  kubectl drover drain east --dry-run

  # Show it, ask, do it
  kubectl drover drain east

  # One namespace after the other
  kubectl drover drain east --parallel 1

  # In a script
  kubectl drover drain east --yes --timeout 30m`,
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

func statusCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewStatusOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the fleet at a glance: clusters, moves under way, what needs you",
		Example: `  kubectl drover status
  kubectl drover status --watch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return options.Run(cmd.Context()) },
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}
