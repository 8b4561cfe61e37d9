// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"drover.dev/drover/test/member/credentials"
	"drover.dev/drover/test/member/loadbalancer"
	"drover.dev/drover/test/member/nodes"
)

// errEnded is for a part that ended without an error of its own.
var errEnded = errors.New("without an error")

const (
	startTimeout = 2 * time.Minute
	pollInterval = 50 * time.Millisecond
)

// Cluster starts the parts in order, says when all of it is ready, and stops them in the opposite order.
type Cluster struct {
	options *Options
	started time.Time

	secrets *credentials.Files
	etcd    *embed.Etcd
	server  *part
	workers []*part
	failed  chan error
}

// NewCluster returns a cluster that Run starts.
func NewCluster(options *Options) *Cluster {
	return &Cluster{options: options, started: time.Now(), failed: make(chan error, 16)}
}

// Run starts the cluster, prints one line when it is ready, and stops it when ctx ends or one of its parts does.
func (c *Cluster) Run(ctx context.Context, ready io.Writer) error {
	unlock, err := c.enterDataDir()
	if err != nil {
		return err
	}
	defer unlock()
	defer c.stop()

	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case err := <-c.failed:
			fail(err)
		case <-running.Done():
		}
	}()

	starting, done := context.WithTimeoutCause(running, startTimeout, fmt.Errorf("not ready after %s; is the machine overloaded?", startTimeout))
	defer done()
	url, err := c.start(starting)
	if err == nil {
		fmt.Fprintf(ready, "member %s ready: %s kubeconfig=%s (%.1fs)\n", c.options.Name, url, c.options.Kubeconfig(), time.Since(c.started).Seconds())
		<-running.Done()
		err = context.Cause(running)
	}
	if ctx.Err() != nil { // it was asked to stop; what fails on the way is no news
		return nil
	}
	return err
}

// enterDataDir makes the data directory the working directory and keeps other members out of it.
func (c *Cluster) enterDataDir() (unlock func(), err error) {
	dir := c.options.DataDir
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another member runs on %s; stop it or choose another --data-dir", dir)
	}
	if err := os.Chdir(dir); err != nil {
		lock.Close()
		return nil, fmt.Errorf("enter the data directory: %w", err)
	}
	return func() { lock.Close() }, nil
}

// start brings up every part and returns the API server's URL when all are ready.
func (c *Cluster) start(ctx context.Context) (url string, err error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.options.SecurePort)))
	if err != nil {
		return "", fmt.Errorf("%w; choose another --secure-port, or 0 for a free one", err)
	}
	url = "https://" + listener.Addr().String()
	if c.secrets, err = credentials.Ensure(filepath.Join(c.options.DataDir, "pki"), serviceClusterIPRange); err != nil {
		return "", err
	}
	if err := credentials.WriteKubeconfig(c.options.Kubeconfig(), c.options.Name, url, c.secrets); err != nil {
		return "", err
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.options.Kubeconfig())
	if err != nil {
		return "", fmt.Errorf("read back the kubeconfig: %w", err)
	}
	config.QPS = -1 // no limit: the one server is our own
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("make a client: %w", err)
	}

	if c.etcd, err = startEtcd(ctx, c.options.DataDir); err != nil {
		return "", err
	}
	c.server = c.launch("kube-apiserver", func(ctx context.Context) error {
		return runAPIServer(ctx, listener, c.secrets)
	})
	if err := c.waitForAPIServer(ctx, client); err != nil {
		return "", err
	}
	if err := c.startWorkers(config, client); err != nil {
		return "", err
	}
	if err := nodes.Ensure(ctx, client, c.options.Nodes); err != nil {
		return "", err
	}
	if err := nodes.WaitReady(ctx, client, c.options.Nodes); err != nil {
		return "", err
	}
	return url, waitForDefaultServiceAccount(ctx, client)
}

// startWorkers launches what lives on the API.
func (c *Cluster) startWorkers(config *rest.Config, client kubernetes.Interface) error {
	kubeconfig := c.options.Kubeconfig()
	c.workers = append(c.workers,
		c.launch("kube-controller-manager", func(ctx context.Context) error { return runControllers(ctx, kubeconfig, c.secrets) }),
		c.launch("kube-scheduler", func(ctx context.Context) error { return runScheduler(ctx, kubeconfig) }),
		c.launch("kwok", func(ctx context.Context) error {
			return nodes.RunKwok(ctx, kubeconfig, c.options.Name, c.options.Pods)
		}),
	)
	if !c.options.LoadBalancerRange.IsValid() {
		return nil
	}
	authority, err := credentials.LoadAuthority(c.secrets.CA, c.secrets.CAKey)
	if err != nil {
		return err
	}
	balancer := loadbalancer.New(loadbalancer.Config{
		Cluster:     c.options.Name,
		Client:      client,
		Range:       c.options.LoadBalancerRange,
		HTTPPort:    c.options.HTTPPort,
		HTTPSPort:   c.options.HTTPSPort,
		Certificate: authority.ServingCertificate,
	})
	c.workers = append(c.workers, c.launch("load balancer", balancer.Run))
	return nil
}

// waitForAPIServer waits for /readyz, which covers the start of etcd, informers and bootstrap objects.
func (c *Cluster) waitForAPIServer(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, "the API server's /readyz", func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func waitForDefaultServiceAccount(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, "the default service account", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func poll(ctx context.Context, what string, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if last != nil {
		err = fmt.Errorf("%w (last answer: %w)", err, last)
	}
	return fmt.Errorf("wait for %s: %w", what, err)
}

// stop ends the parts within 5 s: first those that use the API, then the API, then the store. What is not done by then
// ends with the process.
func (c *Cluster) stop() {
	stopAll(1500*time.Millisecond, c.workers...)
	if c.server != nil {
		stopAll(2*time.Second, c.server)
	}
	if c.etcd != nil {
		closed := make(chan struct{})
		go func() { c.etcd.Close(); close(closed) }()
		select {
		case <-closed:
		case <-time.After(time.Second):
		}
	}
	klog.Flush()
}

// part is one component of the cluster, running on its own context.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// launch runs one part; that it ends without having been told to is a failure of the cluster.
func (c *Cluster) launch(name string, run func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		err := run(ctx)
		if ctx.Err() == nil {
			c.failed <- fmt.Errorf("%s ended: %w", name, cmp.Or(err, errEnded))
		}
	}()
	return p
}

// stopAll tells the parts to end and waits for them, all together no longer than timeout.
func stopAll(timeout time.Duration, parts ...*part) {
	var group sync.WaitGroup
	for _, p := range parts {
		p.cancel()
		group.Go(func() { <-p.done })
	}
	all := make(chan struct{})
	go func() { group.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(timeout):
	}
}
