// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// drover is the federation control plane: all of it (start), or a part (apiserver, controllers, dns).
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	"k8s.io/component-base/version"

	"drover.dev/drover/pkg/apiserver"
)

// gcPercent is how much garbage there may be for what is in use, in per cent. At Go's default, 100, a tenth of the CPU
// went into collecting it under load. The environment variable GOGC goes before it, and GOMEMLIMIT bounds both.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx := genericapiserver.SetupSignalContext()
	root := &cobra.Command{
		Use:           "drover",
		Short:         "A Kubernetes federation control plane",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version.Get().GitVersion,
	}
	logging := logsapi.NewLoggingConfiguration()
	logsapi.AddFlags(logging, root.PersistentFlags())
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		logs.InitLogs()
		return logsapi.ValidateAndApply(logging, nil)
	}
	root.AddCommand(startCommand(), apiserverCommand(), controllersCommand(), dnsCommand())
	err := root.ExecuteContext(ctx)
	logs.FlushLogs()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func apiserverCommand() *cobra.Command {
	options := apiserver.NewOptions()
	cmd := &cobra.Command{
		Use:   "apiserver",
		Short: "Run the API server alone, on an etcd that runs elsewhere",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return options.Run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	options.AddFlags(cmd.Flags())
	options.AddEtcdFlags(cmd.Flags())
	return cmd
}
