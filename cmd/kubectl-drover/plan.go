// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func planCommand(streams cli.Streams) *cobra.Command {
	options := cli.NewPlanOptions(streams)
	cmd := &cobra.Command{
		Use:   "plan --request FILE",
		Short: "Print how many replicas each cluster would get, and why",
		Long: `Print how many replicas each cluster would get, and why, for a placement request in JSON. No server is needed.

A request names the replicas, and of each cluster its weight and, as far as there are any, its bounds: min, max, capacity
(replicas it can hold), priority (the highest is filled first), and current (replicas it has). With "rebalance" the
weights are met exactly; without it what runs stays where it runs. The key breaks ties. An array of requests is answered
by an array.`,
		Example: `  echo '{"replicas":30,"key":"default/web","rebalance":true,
         "clusters":[{"name":"east","weight":1},{"name":"west","weight":2},{"name":"eu","weight":3}]}' |
    kubectl drover plan --request -`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return options.Run() },
	}
	options.AddFlags(cmd.Flags())
	return cmd
}
