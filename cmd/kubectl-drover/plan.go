// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func planCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewPlanOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "plan -f FILE | --request FILE",
		Short: "Show how many replicas each cluster would get, and why",
		Long: `Show how many replicas of a workload each cluster would get, beside what it has now, and why. Nothing is changed.

With -f the federation is asked. Policies in the files stand for those of the same name, so that a change of a policy can
be tried out before it is made.

With --request no server is needed: the file holds the replicas, and of each cluster its weight and, as far as there are
any, its bounds: min, max, capacity (replicas it can hold), priority (the highest is filled first), and current (replicas
it has). With "rebalance" the weights are met exactly; without it what runs stays where it runs. The key breaks ties. An
array of requests is answered by an array.`,
		Example: `  # What would this Deployment get?
  kubectl drover plan -f deployment.yaml

  # And what if the policy were this one?
  kubectl drover plan -f deployment.yaml -f policy.yaml

  # Without a server
  echo '{"replicas":30,"key":"default/web","rebalance":true,
         "clusters":[{"name":"east","weight":1},{"name":"west","weight":2},{"name":"eu","weight":3}]}' |
    kubectl drover plan --request -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return options.Run(cmd.Context()) },
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}
