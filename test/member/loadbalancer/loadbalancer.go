// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loadbalancer is what a cloud's load balancer is to a cluster: every Service of type LoadBalancer and every
// Ingress gets an address of its own, and there an HTTP server answers for it while it has ready endpoints.
package loadbalancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

// retryInterval is the time after which what failed (a port in use, a status not written) is tried again.
const retryInterval = 3 * time.Second

// Config is what the load balancer works with.
type Config struct {
	Cluster string
	Client  kubernetes.Interface
	// Range holds the addresses given out; its first and last are left out.
	Range netip.Prefix
	// HTTPPort and HTTPSPort are where Ingresses answer. Services answer on their own ports.
	HTTPPort, HTTPSPort uint16
	// Certificate issues the certificate with which an Ingress answers for a host name or IP address.
	Certificate func(hosts ...string) (*tls.Certificate, error)
}

// Controller keeps addresses, listeners and statuses as the Services, Ingresses and EndpointSlices want them.
type Controller struct {
	config    Config
	informers informers.SharedInformerFactory
	services  corelisters.ServiceLister
	ingresses networkinglisters.IngressLister
	slices    discoverylisters.EndpointSliceLister
	recorder  record.EventRecorder
	events    record.EventBroadcaster

	changed   chan struct{}
	addresses map[Owner]netip.Addr
	frontends *frontends
	reported  map[Owner]string
}

// New returns a load balancer that Run starts.
func New(config Config) *Controller {
	factory := informers.NewSharedInformerFactoryWithOptions(config.Client, 0, informers.WithTransform(dropManagedFields))
	events := record.NewBroadcaster()
	return &Controller{
		config:    config,
		informers: factory,
		services:  factory.Core().V1().Services().Lister(),
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		slices:    factory.Discovery().V1().EndpointSlices().Lister(),
		recorder:  events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "member-load-balancer"}),
		events:    events,
		changed:   make(chan struct{}, 1),
		addresses: map[Owner]netip.Addr{},
		frontends: newFrontends(config),
		reported:  map[Owner]string{},
	}
}

// dropManagedFields keeps out of memory what the load balancer never reads.
func dropManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

// Run serves until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	c.events.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: c.config.Client.CoreV1().Events("")})
	defer c.events.Shutdown()
	defer c.frontends.stop()
	notify := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.notify() },
		UpdateFunc: func(any, any) { c.notify() },
		DeleteFunc: func(any) { c.notify() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		c.informers.Core().V1().Services().Informer(),
		c.informers.Networking().V1().Ingresses().Informer(),
		c.informers.Discovery().V1().EndpointSlices().Informer(),
	} {
		if _, err := informer.AddEventHandler(notify); err != nil {
			return fmt.Errorf("watch for the load balancer: %w", err)
		}
	}
	c.informers.Start(ctx.Done())
	for kind, synced := range c.informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("watch %s for the load balancer: %w", kind, context.Cause(ctx))
		}
	}
	return c.reconcileLoop(ctx)
}

func (c *Controller) notify() {
	select {
	case c.changed <- struct{}{}:
	default: // one round that is still to come will see this change too
	}
}

func (c *Controller) reconcileLoop(ctx context.Context) error {
	retry := time.NewTimer(0) // the first round is due now
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		case <-retry.C:
		}
		if err := c.reconcile(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "load balancer: trying again", "after", retryInterval)
			retry.Reset(retryInterval)
		}
	}
}

// reconcile goes once from what the API says to addresses, from there to listeners, and then publishes the addresses.
func (c *Controller) reconcile(ctx context.Context) error {
	services, err := c.services.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	ingresses, err := c.ingresses.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list ingresses: %w", err)
	}
	slices, err := c.slices.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list endpointslices: %w", err)
	}
	var unplaced []Owner
	c.addresses, unplaced = Assign(c.config.Range, c.addresses, Claims(services, ingresses))
	ready := ReadyPods(slices)
	wanted := map[netip.AddrPort]Site{}
	for _, service := range services {
		maps.Copy(wanted, ServiceSites(service, c.addresses[ServiceOwner(service)], ready))
	}
	for _, ingress := range ingresses {
		maps.Copy(wanted, IngressSites(ingress, c.addresses[IngressOwner(ingress)], c.config.HTTPPort, c.config.HTTPSPort, ready))
	}
	problems := c.frontends.apply(wanted)
	for _, owner := range unplaced {
		problems[owner] = fmt.Errorf("no address left in %s; give the member a larger --lb-range", c.config.Range)
	}
	c.report(services, ingresses, problems)
	errs := []error{c.publish(ctx, services, ingresses)}
	for _, problem := range problems {
		errs = append(errs, problem)
	}
	return errors.Join(errs...)
}

// report tells each problem once, as an Event on the Service or Ingress that has it.
func (c *Controller) report(services []*corev1.Service, ingresses []*ingressObject, problems map[Owner]error) {
	objects := map[Owner]runtime.Object{}
	for _, service := range services {
		objects[ServiceOwner(service)] = service
	}
	for _, ingress := range ingresses {
		objects[IngressOwner(ingress)] = ingress
	}
	for owner, problem := range problems {
		object, found := objects[owner]
		if !found || c.reported[owner] == problem.Error() {
			continue
		}
		c.recorder.Event(object, corev1.EventTypeWarning, "ListenFailed", problem.Error())
		c.reported[owner] = problem.Error()
	}
	maps.DeleteFunc(c.reported, func(owner Owner, _ string) bool { return problems[owner] == nil })
}

// publish writes the addresses where they belong, and takes them away from Services that are not balanced any more.
func (c *Controller) publish(ctx context.Context, services []*corev1.Service, ingresses []*ingressObject) error {
	var errs []error
	for _, service := range services {
		if patch := addressPatch(c.addresses[ServiceOwner(service)], serviceAddresses(service), c.config.Range); patch != nil {
			_, err := c.config.Client.CoreV1().Services(service.Namespace).Patch(ctx, service.Name, mergePatch, patch, patchOptions, "status")
			errs = append(errs, describe(service, err))
		}
	}
	for _, ingress := range ingresses {
		if patch := addressPatch(c.addresses[IngressOwner(ingress)], ingressAddresses(ingress), c.config.Range); patch != nil {
			_, err := c.config.Client.NetworkingV1().Ingresses(ingress.Namespace).Patch(ctx, ingress.Name, mergePatch, patch, patchOptions, "status")
			errs = append(errs, describe(ingress, err))
		}
	}
	return errors.Join(errs...)
}

func describe(object metav1.Object, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the address of %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
}
