// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
)

// Namespaces lets users of the host create things in namespaces of the host. One that the federation does not have is made
// there at the first use, and deleted when it is seen to be deleted at the host. One that is only missing there, as after
// the host was restored from a backup, stays.
type Namespaces struct {
	*admission.Handler
	host       kubernetes.Interface
	hostLister corelisters.NamespaceLister
	hostSynced cache.InformerSynced
	own        kubernetes.Interface
	ownLister  corelisters.NamespaceLister
	runner     *runner.Runner[string]
}

var _ admission.MutationInterface = &Namespaces{}

// Namespaces follows the host's namespaces into the federation, whose own are seen by the lister.
func (h *Host) Namespaces(own kubernetes.Interface, ownLister corelisters.NamespaceLister) (*Namespaces, error) {
	informer := h.informers.Core().V1().Namespaces()
	n := &Namespaces{
		Handler: admission.NewHandler(admission.Create), host: h.reviews, hostLister: informer.Lister(), hostSynced: informer.Informer().HasSynced,
		own: own, ownLister: ownLister,
	}
	n.runner = runner.New("host-namespace", n.reconcile)
	changed := func(obj any) {
		if ns, ok := obj.(*corev1.Namespace); ok && ns.DeletionTimestamp != nil {
			n.runner.Enqueue(ns.Name)
		}
	}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	return n, err
}

// Run follows deletions until the context ends.
func (n *Namespaces) Run(ctx context.Context) { n.runner.RunSynced(ctx, 1, n.hostSynced) }

// Admit makes sure that what a user of the host creates is in a namespace of the host, and that the federation has it.
func (n *Namespaces) Admit(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetNamespace() == "" || !IsUser(a.GetUserInfo()) {
		return nil
	}
	ns, err := n.atHost(ctx, a.GetNamespace())
	switch {
	case apierrors.IsNotFound(err):
		return err
	case err != nil:
		return apierrors.NewServiceUnavailable(fmt.Sprintf("the host cluster does not say whether it has the namespace %s: %v", a.GetNamespace(), err))
	case ns.DeletionTimestamp != nil:
		return admission.NewForbidden(a, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", ns.Name))
	}
	if _, err := n.ownLister.Get(ns.Name); err == nil {
		return nil
	}
	_, err = n.own.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: ns.Name, Annotations: map[string]string{v1alpha1.AnnotationHostNamespace: string(ns.UID)},
	}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return apierrors.NewInternalError(fmt.Errorf("make namespace %s in the federation: %w", ns.Name, err))
	}
	return nil
}

// atHost looks a namespace up at the host, which is asked itself where it has not been seen.
func (n *Namespaces) atHost(ctx context.Context, name string) (*corev1.Namespace, error) {
	if ns, err := n.hostLister.Get(name); err == nil {
		return ns, nil
	}
	return n.host.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
}

// reconcile deletes the namespace in the federation that was made for one that is being deleted at the host.
func (n *Namespaces) reconcile(ctx context.Context, name string) (time.Duration, error) {
	ns, err := n.hostLister.Get(name)
	if err != nil || ns.DeletionTimestamp == nil {
		return 0, nil //nolint:nilerr // gone meanwhile, or made anew
	}
	own, err := n.own.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err == nil && own.DeletionTimestamp == nil && own.Annotations[v1alpha1.AnnotationHostNamespace] == string(ns.UID) {
		err = n.own.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(own.UID))})
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}
