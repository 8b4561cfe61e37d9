// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers runs all controllers in one process, as the leader of any number of such processes.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/autoscale"
	"drover.dev/drover/pkg/controllers/burst"
	"drover.dev/drover/pkg/controllers/cluster"
	"drover.dev/drover/pkg/controllers/drain"
	"drover.dev/drover/pkg/controllers/history"
	"drover.dev/drover/pkg/controllers/migration"
	"drover.dev/drover/pkg/controllers/namespace"
	"drover.dev/drover/pkg/controllers/owed"
	"drover.dev/drover/pkg/controllers/policy"
	"drover.dev/drover/pkg/controllers/schedule"
	"drover.dev/drover/pkg/controllers/status"
	droversync "drover.dev/drover/pkg/controllers/sync"
	"drover.dev/drover/pkg/controllers/traffic"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	"drover.dev/drover/pkg/members"
)

const (
	leaseName     = "drover-controllers"
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// callTimeout bounds every single call to the federation's API server; watches are not bound by it.
	callTimeout = 30 * time.Second
)

// Options are the flags of the controllers.
type Options struct {
	// Identity tells this process from others; one that starts again under its old identity leads at once.
	Identity string
	// DegradedPercent of the clusters lost at once are taken for a failure of Drover's own, 1 to 100.
	DegradedPercent int
}

// NewOptions returns the defaults.
func NewOptions() *Options { return &Options{DegradedPercent: cluster.DefaultDegradedPercent} }

// AddFlags adds the flags.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.IntVar(&o.DegradedPercent, "fleet-degraded-percent", o.DegradedPercent,
		"If this share of the clusters, and at least two, are lost within five minutes, nothing is moved away from them: the failure is more likely the control plane's own. 100 is all of them.")
}

// Validate checks the flags.
func (o *Options) Validate() error {
	if o.DegradedPercent < 1 || o.DegradedPercent > 100 {
		return fmt.Errorf("--fleet-degraded-percent is %d: use 1 to 100", o.DegradedPercent)
	}
	return nil
}

// Run waits to become the leader, and then runs the controllers until the context ends, or the lead is lost, which is
// an error.
func (o *Options) Run(ctx context.Context, config *rest.Config) error {
	if err := o.Validate(); err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = "drover-controllers"
	config.DisableCompression = true // the API server is near, and compresses each event of a watch by itself
	config.Wrap(deadline(callTimeout))
	c, err := newClients(config)
	if err != nil {
		return err
	}
	elector, lead, err := c.newElector(o.Identity)
	if err != nil {
		return err
	}
	// The lease is held until the work has stopped, not only until it was asked to.
	electing, stopElecting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopElecting()
	over := make(chan struct{})
	go func() {
		defer close(over)
		elector.Run(electing)
	}()
	select {
	case <-ctx.Done():
		stopElecting()
		<-over
		return nil
	case <-over:
		return ErrLostLead
	case leading := <-lead:
		working, stopWorking := context.WithCancel(ctx)
		defer stopWorking()
		defer context.AfterFunc(leading, stopWorking)()
		err := o.run(working, c)
		lost := leading.Err() != nil
		stopElecting()
		<-over
		if lost {
			return errors.Join(err, ErrLostLead)
		}
		return err
	}
}

// ErrLostLead is returned when another process leads now, or the API server did not answer for long.
var ErrLostLead = errors.New("lost the lead of the controllers: another process took over, or the API server did not answer in time")

// newElector makes an elector, and a channel that gives a context once it leads, which ends when it does so no more.
func (c *clients) newElector(identity string) (*leaderelection.LeaderElector, <-chan context.Context, error) {
	lead := make(chan context.Context, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: v1alpha1.SystemNamespace, Name: leaseName},
			Client:     c.kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		Name: leaseName, ReleaseOnCancel: true,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) { lead <- leading },
			OnStoppedLeading: func() {},
		},
	})
	return elector, lead, err
}

type clients struct {
	own      versioned.Interface
	kube     kubernetes.Interface
	metadata metadata.Interface
}

func newClients(config *rest.Config) (*clients, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("federation client: %w", err)
	}
	native := rest.CopyConfig(config)
	native.ContentType = "application/vnd.kubernetes.protobuf"
	native.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	c := &clients{}
	if c.kube, err = kubernetes.NewForConfigAndClient(native, client); err != nil {
		return nil, err
	}
	if c.own, err = versioned.NewForConfigAndClient(config, client); err != nil {
		return nil, err
	}
	c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), client)
	return c, err
}

// run makes the controllers and runs them until the context ends.
func (o *Options) run(ctx context.Context, c *clients) error {
	logger := klog.FromContext(ctx)
	identity, err := c.federationIdentity(ctx)
	if err != nil {
		return err
	}
	decided := &burst.Burst{}
	events, stopEvents, err := c.eventRecorder(ctx, decided)
	if err != nil {
		return err
	}
	defer stopEvents()
	own := externalversions.NewSharedInformerFactoryWithOptions(c.own, 0, externalversions.WithTransform(trim))
	native := kubeinformers.NewSharedInformerFactory(c.kube, 0)
	set := members.NewSet(ctx)
	defer set.DisconnectAll()
	outcomes := droversync.NewOutcomes()

	clusters, err := cluster.New(c.own, c.kube, own, native, set, events, identity, o.DegradedPercent)
	if err != nil {
		return fmt.Errorf("cluster controller: %w", err)
	}
	scheduler, err := schedule.New(c.own, own, native, events)
	if err != nil {
		return fmt.Errorf("schedule controller: %w", err)
	}
	owing, err := owed.New(c.own, own, set, identity)
	if err != nil {
		return fmt.Errorf("owed controller: %w", err)
	}
	syncer, err := droversync.New(c.own, c.metadata, own, native, set, outcomes, owing, events, identity)
	if err != nil {
		return fmt.Errorf("sync controller: %w", err)
	}
	reporter, err := status.New(c.own, c.kube, own, native, set, outcomes, decided, identity)
	if err != nil {
		return fmt.Errorf("status controller: %w", err)
	}
	namespaces, err := namespace.New(c.kube, c.metadata, native)
	if err != nil {
		return fmt.Errorf("namespace controller: %w", err)
	}
	policies, err := policy.New(c.own, own, native)
	if err != nil {
		return fmt.Errorf("policy controller: %w", err)
	}
	traffics, err := traffic.New(c.own, own, native)
	if err != nil {
		return fmt.Errorf("traffic controller: %w", err)
	}
	autoscaler, err := autoscale.New(c.kube, own, native)
	if err != nil {
		return fmt.Errorf("autoscale controller: %w", err)
	}
	historian, err := history.New(c.kube, c.metadata, native)
	if err != nil {
		return fmt.Errorf("history controller: %w", err)
	}
	drains, err := drain.New(c.own, own)
	if err != nil {
		return fmt.Errorf("drain controller: %w", err)
	}
	migrations, err := migration.New(c.own, own, native, set, events)
	if err != nil {
		return fmt.Errorf("migration controller: %w", err)
	}
	own.StartWithContext(ctx)
	native.StartWithContext(ctx)
	logger.Info("Controllers run", "federation", identity)
	var wg sync.WaitGroup
	for _, controller := range []interface{ Run(context.Context) }{clusters, scheduler, owing, syncer, reporter, namespaces, policies, traffics, autoscaler, drains, migrations, historian} {
		wg.Go(func() { controller.Run(ctx) })
	}
	wg.Wait()
	own.Shutdown()
	native.Shutdown()
	return nil
}

// trim leaves out what is large and that no controller reads: who owns which field of what they write themselves. A write
// without it changes nothing about it.
func trim(obj any) (any, error) {
	switch o := obj.(type) {
	case *v1alpha1.Placement:
		o.SetManagedFields(nil)
	case *v1alpha1.Cluster:
		o.SetManagedFields(nil)
	}
	return obj, nil
}

// federationIdentity is the UID of the system namespace: it is made once, with the federation, and never again.
func (c *clients) federationIdentity(ctx context.Context) (string, error) {
	var identity string
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		ns, err := c.kube.CoreV1().Namespaces().Get(ctx, v1alpha1.SystemNamespace, metav1.GetOptions{})
		if err != nil {
			klog.FromContext(ctx).Info("The federation's identity cannot be read yet", "error", err)
			return false, nil
		}
		identity = string(ns.UID)
		return true, nil
	})
	return identity, err
}
