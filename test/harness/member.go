// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// MemberOptions say what a member cluster is like.
type MemberOptions struct {
	Name string
	// Nodes is 2 if it is 0.
	Nodes        int
	Region, Zone string
	// ReadyDelay is the time from a pod's scheduling to its readiness.
	ReadyDelay time.Duration
	// Args are further flags of the program.
	Args []string
}

// Member is a real Kubernetes cluster in one process.
type Member struct {
	*Process
	Name       string
	Kubeconfig string
	// HTTPPort is where Ingresses answer.
	HTTPPort int
	// Config and Client have the rights of cluster-admin.
	Config *rest.Config
	Client kubernetes.Interface

	lab  *Lab
	args []string
	dir  string
	port string // 0 at the first start; the same one ever after, as a cluster's address does not change
}

var memberReady = regexp.MustCompile(`^member \S+ ready: (\S+) kubeconfig=(\S+)`)

// StartMember starts a cluster and waits until it is ready.
func (l *Lab) StartMember(ctx context.Context, o MemberOptions) (*Member, error) {
	dir, addresses, err := l.site("member-" + o.Name)
	if err != nil {
		return nil, err
	}
	http, https, err := addresses.ingressPorts()
	if err != nil {
		return nil, err
	}
	m := &Member{Name: o.Name, HTTPPort: http, lab: l, dir: dir, port: "0"}
	m.args = append([]string{
		"--name", o.Name, "--data-dir", dir, "--nodes", strconv.Itoa(max(o.Nodes, 2)), "--region", o.Region, "--zone", o.Zone,
		"--ready-delay", o.ReadyDelay.String(), "--lb-range", addresses.String(),
		"--http-port", strconv.Itoa(http), "--https-port", strconv.Itoa(https),
	}, o.Args...)
	if err := m.Start(ctx); err != nil {
		return nil, err
	}
	if m.Config, err = clientcmd.BuildConfigFromFlags("", m.Kubeconfig); err != nil {
		return nil, fmt.Errorf("kubeconfig of member %s: %w", o.Name, err)
	}
	m.Config.QPS = -1
	m.Client, err = kubernetes.NewForConfig(m.Config)
	return m, err
}

// Start starts the cluster on the data it had, at the address it had.
func (m *Member) Start(ctx context.Context) error {
	process, match, err := m.lab.start(ctx, program{
		name: "member-" + m.Name, binary: "member", args: append(m.args, "--secure-port", m.port), dir: m.dir, ready: memberReady,
		log: filepath.Join(m.dir, "member.log"),
	})
	if err != nil {
		return err
	}
	server, err := url.Parse(match[1])
	if err != nil {
		return fmt.Errorf("ready line of member %s: %w", m.Name, err)
	}
	m.Process, m.port, m.Kubeconfig = process, server.Port(), match[2]
	return nil
}

// Kubectl is kubectl for the cluster's administrator.
func (m *Member) Kubectl() CLI { return m.lab.cli("kubectl", m.Kubeconfig) }
