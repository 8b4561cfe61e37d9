// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"drover.dev/drover/test/member/nodes"
)

// Options is what the command line says about the cluster.
type Options struct {
	Name       string
	DataDir    string
	SecurePort int

	Nodes      nodes.Spec
	nodeCPU    string
	nodeMemory string
	Pods       nodes.PodLifecycle

	LoadBalancerRange netip.Prefix
	loadBalancerRange string
	HTTPPort          uint16
	HTTPSPort         uint16

	flags *pflag.FlagSet
}

// NewOptions returns the defaults, bound to their flags.
func NewOptions() *Options {
	o := &Options{flags: pflag.NewFlagSet("member", pflag.ExitOnError)}
	fs := o.flags
	fs.SortFlags = false
	fs.StringVar(&o.Name, "name", "", "name of the cluster, also of its context in the kubeconfig (required)")
	fs.StringVar(&o.DataDir, "data-dir", "", "directory of everything the cluster keeps: etcd, keys, kubeconfig, member.log (required)")
	fs.IntVar(&o.SecurePort, "secure-port", 0, "port of the API server on 127.0.0.1; 0 takes a free one")
	fs.IntVar(&o.Nodes.Count, "nodes", 3, "number of fake nodes")
	fs.StringVar(&o.nodeCPU, "node-cpu", "32", "allocatable CPU of each node")
	fs.StringVar(&o.nodeMemory, "node-memory", "128Gi", "allocatable memory of each node")
	fs.IntVar(&o.Nodes.PodsPerNode, "node-pods", 110, "most pods on each node")
	fs.StringVar(&o.Nodes.Region, "region", "", "label topology.kubernetes.io/region of the nodes")
	fs.StringVar(&o.Nodes.Zone, "zone", "", "label topology.kubernetes.io/zone of the nodes")
	fs.DurationVar(&o.Pods.ReadyDelay, "ready-delay", time.Second, "time from a pod's scheduling to its readiness")
	fs.Float64Var(&o.Pods.FailRatio, "fail-ratio", 0, "share of the pods, 0 to 1, that crash-loop and never become ready")
	fs.StringVar(&o.loadBalancerRange, "lb-range", "", "loopback CIDR for the addresses of Services and Ingresses, such as 127.10.0.0/24; empty means no load balancer")
	fs.Uint16Var(&o.HTTPPort, "http-port", 80, "port where Ingresses answer HTTP")
	fs.Uint16Var(&o.HTTPSPort, "https-port", 443, "port where Ingresses answer HTTPS")
	return o
}

// ParseOrExit reads the command line; on a wrong flag or --help it prints the usage and exits.
func (o *Options) ParseOrExit(args []string) {
	o.flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "member runs one real Kubernetes cluster in one process, with fake nodes.\n\nUsage:\n  member --name NAME --data-dir DIR [flags]\n\n%s", o.flags.FlagUsages())
	}
	_ = o.flags.Parse(args) // pflag.ExitOnError
}

// Complete checks the options and derives what follows from them.
func (o *Options) Complete() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("member needs Linux, where all of 127.0.0.0/8 is loopback; this is %s", runtime.GOOS)
	}
	if args := o.flags.Args(); len(args) > 0 {
		return fmt.Errorf("unexpected argument %q; everything is a flag, see --help", args[0])
	}
	if problems := validation.IsDNS1123Label(o.Name); len(problems) > 0 {
		return fmt.Errorf("--name %q: %s", o.Name, problems[0])
	}
	if o.DataDir == "" {
		return errors.New("--data-dir is required; name a directory that member may create")
	}
	if o.SecurePort < 0 || o.SecurePort > 65535 {
		return fmt.Errorf("--secure-port %d: must be between 0 and 65535", o.SecurePort)
	}
	if o.Pods.FailRatio < 0 || o.Pods.FailRatio > 1 {
		return fmt.Errorf("--fail-ratio %v: must be between 0 and 1", o.Pods.FailRatio)
	}
	if o.Pods.ReadyDelay < 0 {
		return fmt.Errorf("--ready-delay %s: must not be negative", o.Pods.ReadyDelay)
	}
	if o.Nodes.Count < 1 || o.Nodes.PodsPerNode < 1 {
		return errors.New("--nodes and --node-pods must be at least 1")
	}
	if o.HTTPPort == o.HTTPSPort {
		return fmt.Errorf("--http-port and --https-port are both %d; they must differ", o.HTTPPort)
	}
	if err := o.completeQuantities(); err != nil {
		return err
	}
	if err := o.completeLoadBalancerRange(); err != nil {
		return err
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return fmt.Errorf("--data-dir %q: %w", o.DataDir, err)
	}
	o.DataDir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create --data-dir: %w", err)
	}
	return nil
}

func (o *Options) completeQuantities() (err error) {
	o.Nodes.Cluster = o.Name
	if o.Nodes.CPU, err = resource.ParseQuantity(o.nodeCPU); err != nil {
		return fmt.Errorf("--node-cpu %q: %w", o.nodeCPU, err)
	}
	if o.Nodes.Memory, err = resource.ParseQuantity(o.nodeMemory); err != nil {
		return fmt.Errorf("--node-memory %q: %w", o.nodeMemory, err)
	}
	return nil
}

func (o *Options) completeLoadBalancerRange() error {
	if o.loadBalancerRange == "" {
		return nil
	}
	prefix, err := netip.ParsePrefix(o.loadBalancerRange)
	if err != nil {
		return fmt.Errorf("--lb-range: %w", err)
	}
	if !prefix.Addr().Is4() || !prefix.Addr().IsLoopback() || prefix.Bits() < 8 || prefix.Bits() > 30 {
		return fmt.Errorf("--lb-range %s: must be a part of 127.0.0.0/8 with room for addresses, such as 127.10.0.0/24", prefix)
	}
	o.LoadBalancerRange = prefix.Masked()
	return nil
}

// Kubeconfig is where the administrator's kubeconfig is written.
func (o *Options) Kubeconfig() string { return filepath.Join(o.DataDir, "kubeconfig") }

// LogFile is where every part of the cluster logs.
func (o *Options) LogFile() string { return filepath.Join(o.DataDir, "member.log") }
