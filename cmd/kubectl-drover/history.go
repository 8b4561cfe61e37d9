// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func historyCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewHistoryOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "history KIND/NAME",
		Short: "Show where a workload was decided to run, who or what changed that, and when",
		Long: `Show where a workload was decided to run, who or what changed that, and when.

A decision is remembered when it sends replicas elsewhere than the one before. The last ten are; those that people made
are kept longest. What a rollout changed is shown by kubectl rollout history.`,
		Example: `  kubectl drover history deployment/web
  kubectl drover history statefulset/db -n data -o yaml`,
		Args: workloadArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Workload = args[0]
			return options.Run(cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}

func undoCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewUndoOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "undo KIND/NAME",
		Short: "Put back what was changed since a decision: the policy, or the number of replicas",
		Long: `Put back what was changed since a decision on where a workload runs.

If the policy is another one than then, it says again what it said then; for all that it selects, so you are shown what
moves, and asked. If the policy is the same, the number of replicas is put back. Replicas move as they always do: no fewer
are ready meanwhile than the policy allows. What a rollout changed is undone by kubectl rollout undo.`,
		Example: `  # The last change
  kubectl drover undo deployment/web

  # Back to a decision that history shows
  kubectl drover undo deployment/web --to-revision 3`,
		Args: workloadArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Workload = args[0]
			return options.Run(cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}

// workloadArgument takes exactly one argument, and says what is missing.
func workloadArgument(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("%s takes one workload, not %d arguments\nfor example:\n%s", cmd.CommandPath(), len(args), cmd.Example)
}
