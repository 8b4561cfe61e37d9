// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"drover.dev/drover/test/member/credentials"
)

// serviceClusterIPRange is virtual: nothing routes it, it only numbers Services.
const serviceClusterIPRange = "10.96.0.0/16"

// runAPIServer serves the Kubernetes API on the listener until ctx ends.
func runAPIServer(ctx context.Context, listener net.Listener, secrets *credentials.Files) error {
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	o := options.NewServerRunOptions()
	if err := parseFlags(o.Flags(), apiServerArgs(listener, secrets)); err != nil {
		return fmt.Errorf("kube-apiserver flags: %w", err)
	}
	o.SecureServing.Listener = listener
	if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("kube-apiserver feature gates: %w", err)
	}
	completed, err := o.Complete(ctx)
	if err != nil {
		return fmt.Errorf("kube-apiserver options: %w", err)
	}
	if problems := completed.Validate(); len(problems) > 0 {
		return fmt.Errorf("kube-apiserver options: %w", utilerrors.NewAggregate(problems))
	}
	return app.Run(ctx, completed)
}

func apiServerArgs(listener net.Listener, secrets *credentials.Files) []string {
	const issuer = "https://kubernetes.default.svc.cluster.local"
	port := listener.Addr().(*net.TCPAddr).Port
	return []string{
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--etcd-servers=" + etcdEndpoint,
		"--service-cluster-ip-range=" + serviceClusterIPRange,
		"--endpoint-reconciler-type=none",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--profiling=false",
		"--client-ca-file=" + secrets.CA,
		"--tls-cert-file=" + secrets.ServerCertificate,
		"--tls-private-key-file=" + secrets.ServerKey,
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + secrets.ServiceAccountKey,
		"--service-account-signing-key-file=" + secrets.ServiceAccountKey,
		// Aggregation: an extension API server trusts who the front proxy says the user is.
		"--requestheader-client-ca-file=" + secrets.FrontProxyCA,
		"--requestheader-allowed-names=" + credentials.FrontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + secrets.FrontProxyCertificate,
		"--proxy-client-key-file=" + secrets.FrontProxyKey,
	}
}

// parseFlags sets a component's options the way its own command line would.
func parseFlags(named cliflag.NamedFlagSets, args []string) error {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range named.FlagSets {
		fs.AddFlagSet(set)
	}
	return fs.Parse(args)
}
