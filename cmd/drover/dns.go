// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/pkg/dns/dnssec"
)

func dnsCommand() *cobra.Command {
	options := dns.NewOptions()
	cmd := &cobra.Command{
		Use:   "dns",
		Short: "Run the name server alone, on a federation or a snapshot file",
		Long: `Answers DNS queries for the services of a federation, each client with the cluster that suits it best.
With --kubeconfig it follows a federation, and serves what it saw last while that cannot be reached. With --last-good it
does so from its start on. With --snapshot it serves a file and needs no control plane: the file is read again when it
changes; one that cannot be used changes nothing.`,
		Example: "  drover dns --kubeconfig drover-data/admin.kubeconfig --last-good dns.json --listen 127.0.0.1:5353\n  drover dns --snapshot zone.yaml --listen 127.0.0.1:5353\n  dig @127.0.0.1 -p 5353 web.default.federation.svc.drover.test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return options.Run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	options.AddFlags(cmd.Flags())
	cmd.AddCommand(keygenCommand(), exportCommand())
	return cmd
}

func keygenCommand() *cobra.Command {
	var zone, out string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key to sign a zone with, and print the DS record for its parent",
		Long: `Makes an ECDSA P-256 key for a zone, writes it to a directory as BIND's tools do, and prints the DS record.
Give the directory to drover dns --dnssec-keys, and the DS record to whoever runs the parent zone, in this order.`,
		Example: "  drover dns keygen --zone drover.test --out keys",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, ds, err := dnssec.Generate(zone, out)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s.key and %s.private\n", path, path)
			fmt.Fprintln(cmd.OutOrStdout(), ds)
			return nil
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "", "Name of the zone, e.g. drover.test.")
	cmd.Flags().StringVar(&out, "out", ".", "Directory to write the key to.")
	_ = cmd.MarkFlagRequired("zone") // fails only for a flag that does not exist
	return cmd
}

func exportCommand() *cobra.Command {
	var snapshot, zone string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print a zone of a snapshot as a zone file",
		Long: `Prints the records of a zone, for a name server that reads zone files. Such a server tells no clients apart, so
these are the records for a client of whom nothing is known.`,
		Example: "  drover dns export --snapshot zone.yaml --zone drover.test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return dns.Export(cmd.OutOrStdout(), snapshot, zone)
		},
	}
	cmd.Flags().StringVar(&snapshot, "snapshot", "", "File with the snapshot, in YAML or JSON.")
	cmd.Flags().StringVar(&zone, "zone", "", "Name of the zone, e.g. drover.test.")
	for _, name := range []string{"snapshot", "zone"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}
