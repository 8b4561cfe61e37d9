// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func dnsCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewDNSOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "dns NAME [--from ADDRESS]",
		Short: "Say which cluster a client is answered for a Service or Ingress, and why",
		Long: `Say which cluster the name server answers a client for a Service or Ingress, who else might have been, and who not, and
why. It is decided here as the name server does, from the objects in the federation.

What only a name server that runs all the time knows is left out: it lets a cluster wait for half a minute that comes back
after a failure. Its own word is at _explain.NAME, with --explain-names.`,
		Example: `  # What is a client of whom nothing is known answered?
  kubectl drover dns web

  # And this one, for the Ingress?
  kubectl drover dns ingress/shop -n store --from 203.0.113.7 --locations locations.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one Service or Ingress, for example: kubectl drover dns web")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Name = args[0]
			return options.Explain(cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	cmd.AddCommand(dnsExportCommand(streams, federation))
	return cmd
}

func dnsExportCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewDNSOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print what a name server would serve of the federation",
		Long: `Print what a name server would serve of the federation: as a snapshot, which drover dns --snapshot serves without a
federation, or as zone files for other name servers. Those tell no clients apart, so they get what a client of whom nothing
is known is answered.`,
		Example: `  kubectl drover dns export > snapshot.yaml
  kubectl drover dns export -o zone --zone drover.test --name-server ns1.drover.test=192.0.2.1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return options.Export(cmd.Context()) },
	}
	options.AddExportFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	return cmd
}
