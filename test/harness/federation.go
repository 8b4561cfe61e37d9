// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/generated/clientset/versioned"
)

const federationPort = 7443

// Server is a federation's API server, in whatever process.
type Server struct {
	*Process
	DataDir string
	// Kubeconfig is the administrator's; Config, Kube and Drover use it.
	Kubeconfig string
	Config     *rest.Config
	Kube       kubernetes.Interface
	Drover     versioned.Interface

	lab     *Lab
	program program
}

// Federation is a whole control plane in one process.
type Federation struct{ Server }

var (
	federationReady = regexp.MustCompile(`^drover is ready at (\S+) `)
	apiserverListen = regexp.MustCompile(`^drover apiserver listens at (\S+);`)
)

// StartFederation runs drover start, and waits until it is ready. Further arguments are flags of it.
func (l *Lab) StartFederation(ctx context.Context, name string, args ...string) (*Federation, error) {
	f := &Federation{}
	return f, l.serve(ctx, &f.Server, "federation-"+name, "start", federationReady, args)
}

// StartAPIServer runs drover apiserver on an etcd, and waits until it listens.
func (l *Lab) StartAPIServer(ctx context.Context, name, etcd string, args ...string) (*Server, error) {
	s := &Server{}
	return s, l.serve(ctx, s, "apiserver-"+name, "apiserver", apiserverListen, append(args, "--etcd-servers", etcd))
}

// StartReplica runs another drover apiserver on the etcd of the first, with the same certificate authority.
func (l *Lab) StartReplica(ctx context.Context, name string, first *Server, etcd string, args ...string) (*Server, error) {
	dir, err := l.Directory(filepath.Join("apiserver-"+name, "data"))
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "pki"), os.DirFS(filepath.Join(first.DataDir, "pki"))); err != nil {
		return nil, fmt.Errorf("certificates for %s: %w", name, err)
	}
	return l.StartAPIServer(ctx, name, etcd, args...)
}

// StartControllers runs drover controllers against an API server. It does not wait: of several, one leads.
func (l *Lab) StartControllers(ctx context.Context, name string, server *Server) (*Process, error) {
	dir, err := l.Directory("controllers-" + name)
	if err != nil {
		return nil, err
	}
	p, _, err := l.start(ctx, program{name: "controllers-" + name, binary: "drover", args: []string{"controllers", "--kubeconfig", server.Kubeconfig}, dir: dir})
	return p, err
}

// NameServer is a name server of a federation, in a process of its own.
type NameServer struct {
	*Process
	// Address is where it answers, over UDP and TCP.
	Address string

	lab     *Lab
	program program
}

var dnsReady = regexp.MustCompile(`^drover dns is ready at dns://(\S+)`)

// StartDNS runs drover dns on an API server, and waits until it is ready. It keeps what it serves for its next start.
func (l *Lab) StartDNS(ctx context.Context, name string, server *Server, args ...string) (*NameServer, error) {
	dir, err := l.Directory("dns-" + name)
	if err != nil {
		return nil, err
	}
	args = append([]string{"dns", "--kubeconfig", server.Kubeconfig, "--last-good", filepath.Join(dir, "last.json"), "--listen", "127.0.0.1:0", "--http-listen", ""}, args...)
	s := &NameServer{lab: l, program: program{name: "dns-" + name, binary: "drover", args: args, dir: dir, ready: dnsReady}}
	return s, s.Start(ctx)
}

// Start starts the server again, at another port.
func (s *NameServer) Start(ctx context.Context) error {
	process, match, err := s.lab.start(ctx, s.program)
	if err != nil {
		return err
	}
	s.Process, s.Address = process, match[1]
	return nil
}

// serve starts a server at an address of its own, which it has again after a restart.
func (l *Lab) serve(ctx context.Context, s *Server, name, command string, ready *regexp.Regexp, args []string) error {
	dir, addresses, err := l.site(name)
	if err != nil {
		return err
	}
	s.lab, s.DataDir = l, filepath.Join(dir, "data")
	s.Kubeconfig = filepath.Join(s.DataDir, "admin.kubeconfig")
	s.program = program{
		name: name, binary: "drover", dir: dir, ready: ready,
		args: append([]string{command, "--data-dir", s.DataDir, "--bind-address", addresses.host(1), "--secure-port", strconv.Itoa(federationPort)}, args...),
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	if s.Config, err = clientcmd.BuildConfigFromFlags("", s.Kubeconfig); err != nil {
		return fmt.Errorf("kubeconfig of %s: %w", name, err)
	}
	s.Config.QPS = -1
	if s.Kube, err = kubernetes.NewForConfig(s.Config); err != nil {
		return err
	}
	s.Drover, err = versioned.NewForConfig(s.Config)
	return err
}

// Start starts the server on the data it had, at the address it had.
func (s *Server) Start(ctx context.Context) error {
	process, _, err := s.lab.start(ctx, s.program)
	if err != nil {
		return err
	}
	s.Process = process
	return nil
}

// Kubectl is kubectl for the federation's administrator.
func (s *Server) Kubectl() CLI { return s.lab.cli("kubectl", s.Kubeconfig) }

// Plugin is the kubectl plugin for the federation's administrator.
func (s *Server) Plugin() CLI { return s.lab.cli("kubectl-drover", s.Kubeconfig) }

// Join joins a member under its own name and waits until it is ready. Further arguments are flags of join.
func (s *Server) Join(ctx context.Context, m *Member, args ...string) error {
	_, err := s.Plugin().Run(ctx, append([]string{"join", m.Name, "--cluster-kubeconfig", m.Kubeconfig, "--wait", startDeadline.String()}, args...)...)
	return err
}
