// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"drover.dev/drover/pkg/cli"
)

func migrateCommand(streams cli.Streams, federation *cli.FederationOptions) *cobra.Command {
	options := cli.NewMigrateOptions(streams, federation)
	cmd := &cobra.Command{
		Use:   "migrate --from CLUSTER --to CLUSTER",
		Short: "Move workloads from one cluster to another in steps, which can be paused and undone",
		Long: `Move workloads from one cluster to another in steps. Each step moves a part of the replicas, then of the clients, and
watches for a while before the next.

First the other cluster gets all that the workloads need and one replica of each, but no clients: try it there by its name
of that cluster. A step has passed when its replicas are ready, no more pods are unready or restart than before, and your
gates hold. Otherwise it stops, or rolls back, and says why.

The controllers do this, so the command may end. Nothing is deleted in the cluster that is left until you finish.`,
		Example: `  # Everything, in steps of 5, 25, 50 and 100 per cent, two minutes each
  kubectl drover migrate --from a --to b

  # One namespace, each step approved by somebody; all comes back by itself if something fails
  kubectl drover migrate --from a --to b -n shop --approve-each --on-failure rollback --wait
  kubectl drover migrate approve a-to-b --wait

  # How far is it? And then?
  kubectl drover migrate status a-to-b
  kubectl drover migrate finish a-to-b     # or: rollback a-to-b

  # Go on only while a page is served, and errors are few
  cat > gates.yaml <<END
  - {name: page, http: {url: https://web.example.com/healthz}}
  - {name: errors, prometheus: {server: http://prometheus:9090, query: 'job:errors:ratio5m', max: "0.01"}}
  END
  kubectl drover migrate --from a --to b --gates gates.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return options.Run(cmd.Context()) },
	}
	options.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	type act = func(*cli.MigrationOptions, context.Context) error
	for _, sub := range []struct {
		use, short string
		run        act
		flags      func(*cobra.Command, *cli.MigrationOptions)
	}{
		{"status [NAME]", "Say how far a migration is, or list all", (*cli.MigrationOptions).Status, nil},
		{"pause NAME", "Go no further; what has moved stays moved", (*cli.MigrationOptions).Pause, nil},
		{"resume NAME", "Go on after a pause or a failure, or begin again after a rollback", (*cli.MigrationOptions).Resume, nil},
		{"approve NAME", "Let the next step begin", (*cli.MigrationOptions).Approve, nil},
		{"rollback NAME", "Bring all back: clients at once, replicas as the source can take them", (*cli.MigrationOptions).Rollback, nil},
		{"finish NAME", "Make it permanent: in the policies, and by emptying the cluster that is left", (*cli.MigrationOptions).Finish, func(cmd *cobra.Command, o *cli.MigrationOptions) {
			cmd.Flags().BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
		}},
	} {
		cmd.AddCommand(migrationCommand(cli.NewMigrationOptions(streams, federation), sub.use, sub.short, sub.run, sub.flags))
	}
	return cmd
}

func migrationCommand(options *cli.MigrationOptions, use, short string, run func(*cli.MigrationOptions, context.Context) error, flags func(*cobra.Command, *cli.MigrationOptions)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 0 && cmd.Name() == "status" {
				return nil
			}
			return fmt.Errorf("%s takes the name of one migration, for example: %s a-to-b\nkubectl drover migrate status lists them", cmd.CommandPath(), cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				options.Name = args[0]
			}
			return run(options, cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	if flags != nil {
		flags(cmd, options)
	}
	cmd.Flags().SortFlags = false
	return cmd
}
