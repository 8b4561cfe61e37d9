// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/standalone"
)

func startCommand() *cobra.Command {
	options := &standalone.Options{APIServer: apiserver.NewOptions(), Controllers: func(ctx context.Context, _ *rest.Config) error { <-ctx.Done(); return nil }}
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the whole control plane in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Out = cmd.OutOrStdout()
			return options.Run(cmd.Context())
		},
	}
	options.APIServer.AddFlags(cmd.Flags())
	return cmd
}

func controllersCommand() *cobra.Command { return &cobra.Command{Use: "controllers"} }
