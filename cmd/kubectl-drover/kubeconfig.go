// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"drover.dev/drover/pkg/cli"
)

func kubeconfigCommand(streams cli.Streams) *cobra.Command {
	options := cli.NewKubeconfigOptions(streams)
	cmd := &cobra.Command{
		Use:   "kubeconfig --user NAME [--group NAME]...",
		Short: "Make a kubeconfig for somebody",
		Long: `Make a kubeconfig with a client certificate for somebody, signed by the federation's authority.

This runs on the machine of the API server, and reads the authority's key in its data directory: the key never leaves it.
The certificate only says who somebody is. What they may do, roles say that are bound to the user or to a group.`,
		Example: `  # Alice, of the group dev, for a day
  kubectl drover kubeconfig --user alice --group dev --expiration 24h -o alice.kubeconfig
  kubectl create rolebinding dev-edit --clusterrole=edit --group=dev --namespace=default

  # Another administrator
  kubectl drover kubeconfig --user bob --group system:masters -o bob.kubeconfig`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return options.Run(time.Now()) },
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "groups" {
			name = "group" // either is understood
		}
		return pflag.NormalizedName(name)
	})
	cmd.Flags().SortFlags = false
	return cmd
}
