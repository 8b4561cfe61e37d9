// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/controllers"
	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/pkg/standalone"
)

func startCommand() *cobra.Command {
	control := controllers.NewOptions()
	control.Identity = "standalone"
	options := &standalone.Options{
		APIServer: apiserver.NewOptions(),
		Controllers: func(ctx context.Context, config *rest.Config) error {
			// There is one such process on a data directory, so it may take up at once what it left.
			for {
				err := control.Run(ctx, config)
				if !errors.Is(err, controllers.ErrLostLead) || ctx.Err() != nil {
					return err
				}
				// Nobody else is there to take over: a disk was slow. The API server has not stopped for that.
				klog.FromContext(ctx).Info("The controllers are started again", "cause", err)
			}
		},
	}
	names := dns.NewOptions()
	names.Listen = nil
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the whole control plane in one process",
		Long: `Runs etcd, the API server and the controllers in one process, with all state in --data-dir.
At the first start it makes a certificate authority and writes admin.kubeconfig there.
With --dns-listen, the name server is in the same process. drover dns has more flags for it.`,
		Example: "  drover start\n  export KUBECONFIG=$PWD/drover-data/admin.kubeconfig\n  kubectl get clusters",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := control.Validate(); err != nil {
				return err
			}
			options.Out = cmd.OutOrStdout()
			if len(names.Listen) > 0 {
				if err := names.ValidateFollowing(); err != nil {
					return err
				}
				options.DNS = func(ctx context.Context, config *rest.Config) error {
					names.Federation, names.LastGood = config, filepath.Join(options.APIServer.DataDir, "dns.json")
					return names.Run(ctx, options.Out)
				}
			}
			return options.Run(cmd.Context())
		},
	}
	options.APIServer.AddFlags(cmd.Flags())
	control.AddFlags(cmd.Flags())
	names.AddStartFlags(cmd.Flags())
	return cmd
}

func controllersCommand() *cobra.Command {
	var kubeconfig string
	options := controllers.NewOptions()
	cmd := &cobra.Command{
		Use:   "controllers",
		Short: "Run the controllers alone, against an API server that runs elsewhere",
		Long: `Runs the controllers. Of any number of such processes one leads and works, the others wait to take over.
They talk to the federation's API server, not to its etcd.`,
		Example: "  drover controllers --kubeconfig drover-data/admin.kubeconfig",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := credentials.Follow(cmd.Context(), kubeconfig)
			if err != nil {
				return err
			}
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			options.Identity = host + "_" + string(uuid.NewUUID())
			return options.Run(cmd.Context(), config)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "Path of a kubeconfig for the federation's API server; the context it names as current is used. It is read every minute: credentials that are renewed there are used from then on.")
	options.AddFlags(cmd.Flags())
	_ = cmd.MarkFlagRequired("kubeconfig") // fails only for a flag that does not exist
	return cmd
}
