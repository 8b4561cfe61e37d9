// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// kubectl-drover is the kubectl plugin for those who operate a federation: kubectl drover join, unjoin ….
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // what kubeconfigs may log in by

	"drover.dev/drover/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr, Terminal: term.IsTerminal(int(os.Stdin.Fd())), TerminalOut: term.IsTerminal(int(os.Stdout.Fd()))}
	if err := rootCommand(streams).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func rootCommand(streams cli.Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-drover",
		Short: "Operate a Drover federation",
		Long: `Operate a Drover federation: which clusters are in it, and who may use it.

The federation is the server of your kubeconfig's current context, or of --context.
Applications need none of this: plain kubectl does.`,
		Example: `  kubectl drover join east --cluster-kubeconfig east.kubeconfig
  kubectl get clusters
  kubectl drover status
  kubectl drover drain east
  kubectl drover unjoin east
  kubectl drover kubeconfig --user alice --group dev -o alice.kubeconfig`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl drover"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true // kubectl asks plugins for completions in another way
	federation := &cli.FederationOptions{}
	federation.AddFlags(root.PersistentFlags())
	root.AddCommand(
		joinCommand(streams, federation), unjoinCommand(streams, federation), planCommand(streams, federation),
		statusCommand(streams, federation), cordonCommand(streams, federation), uncordonCommand(streams, federation), drainCommand(streams, federation),
		historyCommand(streams, federation), undoCommand(streams, federation),
		importCommand(streams, federation), migrateCommand(streams, federation),
		dnsCommand(streams, federation), kubeconfigCommand(streams), versionCommand(streams),
	)
	return root
}

func versionCommand(streams cli.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this plugin",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { cli.PrintVersion(streams) },
	}
}

// nameArgument takes exactly one argument, and says what is missing.
func nameArgument(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("%s takes one cluster's name, not %d arguments\nfor example:\n%s", cmd.CommandPath(), len(args), cmd.Example)
}
