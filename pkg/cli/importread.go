// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// read reads what there is in the cluster, and sorts it.
func (i *importing) read(ctx context.Context) error {
	if err := i.readNamespaces(ctx); err != nil {
		return err
	}
	found := map[string][]object{}
	for _, resource := range imported {
		objects, err := i.list(ctx, i.there, resource, metav1.ListOptions{})
		if err != nil {
			return i.member.explain("list "+resource.Resource, err)
		}
		for _, o := range objects {
			found[o.GetNamespace()] = append(found[o.GetNamespace()], o)
		}
	}
	for _, ns := range i.namespaces {
		in := sift(found[ns.GetName()], i.identity)
		i.found.taken = append(i.found.taken, in.taken...)
		i.found.managed = append(i.found.managed, in.managed...)
		i.found.left = append(i.found.left, in.left...)
	}
	return i.readOthers(ctx)
}

// readNamespaces finds those that are looked at.
func (i *importing) readNamespaces(ctx context.Context) error {
	list, err := i.there.Resource(members.Namespaces).List(ctx, metav1.ListOptions{})
	if err != nil {
		return i.member.explain("list namespaces", err)
	}
	var names []string
	for n := range list.Items {
		ns := &list.Items[n]
		if isSystem(ns.GetName()) {
			continue
		}
		names = append(names, ns.GetName())
		if len(i.Namespaces) == 0 || slices.Contains(i.Namespaces, ns.GetName()) {
			i.namespaces = append(i.namespaces, object{members.Namespaces, ns})
		}
	}
	for _, name := range i.Namespaces {
		switch {
		case isSystem(name):
			return fmt.Errorf("namespace %s belongs to the cluster itself: leave it out", name)
		case !slices.Contains(names, name):
			return fmt.Errorf("cluster %s has no namespace %q\nit has: %s", i.Cluster, name, orNone(names))
		}
	}
	return nil
}

// scopes are the namespaces to ask for: one request for all, if none is named.
func (i *importing) scopes() []string {
	if len(i.Namespaces) == 0 {
		return []string{metav1.NamespaceAll}
	}
	return i.Namespaces
}

func (i *importing) isLookedAt(namespace string) bool {
	return slices.ContainsFunc(i.namespaces, func(ns object) bool { return ns.GetName() == namespace })
}

// list is what a server has of a resource in the namespaces that are looked at, page by page.
func (i *importing) list(ctx context.Context, from dynamic.Interface, resource schema.GroupVersionResource, options metav1.ListOptions) (out []object, err error) {
	for _, namespace := range i.scopes() {
		pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return from.Resource(resource).Namespace(namespace).List(ctx, options)
		})
		err := pages.EachListItem(ctx, options, func(item runtime.Object) error {
			if o := (object{resource, item.(*unstructured.Unstructured)}); i.isLookedAt(o.GetNamespace()) {
				out = append(out, o)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// whyNever is why objects of a resource are never taken.
var whyNever = map[schema.GroupResource]string{
	members.Jobs.GroupResource():                                   "a Job runs to its end where it began",
	members.Pods.GroupResource():                                   "a pod of no workload: Drover places workloads",
	{Resource: "persistentvolumeclaims"}:                           "volumes stay in their cluster",
	{Group: "rbac.authorization.k8s.io", Resource: "roles"}:        rightsStay,
	{Group: "rbac.authorization.k8s.io", Resource: "rolebindings"}: rightsStay,
}

const (
	rightsStay = "gives rights in this cluster, and would give them in the federation: create it in the other clusters yourself"
	notTaken   = "of a kind that Drover does not take"
)

// isRecord says whether objects of a resource only tell of others, and are made anew wherever those are.
func isRecord(resource schema.GroupResource) bool {
	return slices.Contains([]string{"events", "endpoints", "endpointslices", "leases", "controllerrevisions", "podtemplates"}, resource.Resource) ||
		strings.HasSuffix(resource.Group, "metrics.k8s.io")
}

// readOthers finds what is in the namespaces and never taken, so that nobody counts on it.
func (i *importing) readOthers(ctx context.Context) error {
	// Where a part of the API does not answer, the rest is known all the same.
	lists, err := i.member.kube.Discovery().ServerPreferredNamespacedResources()
	if len(lists) == 0 && err != nil {
		return i.member.explain("ask what it serves", err)
	}
	if err != nil {
		i.line("Some kinds are not looked at: %v", err)
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue // no API server has such a name
		}
		for _, r := range list.APIResources {
			resource := gv.WithResource(r.Name)
			if !slices.Contains(r.Verbs, "list") || isRecord(resource.GroupResource()) || isImported(resource.GroupResource()) {
				continue
			}
			if err := i.readOther(ctx, resource, r.Kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func isImported(resource schema.GroupResource) bool {
	return slices.ContainsFunc(imported, func(r schema.GroupVersionResource) bool { return r.GroupResource() == resource })
}

// readOther notes the objects of a resource that is never taken.
func (i *importing) readOther(ctx context.Context, resource schema.GroupVersionResource, kind string) error {
	why, known := whyNever[resource.GroupResource()]
	if !known {
		why = notTaken
	}
	for _, namespace := range i.scopes() {
		pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return i.others.Resource(resource).Namespace(namespace).List(ctx, options)
		})
		err := pages.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
			o := item.(*metav1.PartialObjectMetadata)
			if !i.isLookedAt(o.Namespace) {
				return nil
			}
			left := remaining{o.Namespace, kind, o.Name, reason{text: why}}
			if len(o.OwnerReferences) > 0 {
				left.reason = madeBy(o.OwnerReferences[0])
			}
			i.found.left = append(i.found.left, left)
			return nil
		})
		switch {
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
			i.line("Not looked at: %s: %v", resource.GroupResource(), err)
			return nil
		case err != nil:
			return i.member.explain("list "+resource.GroupResource().String(), err)
		}
	}
	return nil
}

// compare finds what of it the federation has already: from an import before, or from somebody else.
func (i *importing) compare(ctx context.Context) error {
	here := map[string]object{}
	for _, resource := range imported {
		objects, err := i.list(ctx, i.here, resource, metav1.ListOptions{})
		if err != nil {
			return i.federation.explain("list "+resource.Resource, err)
		}
		for _, o := range objects {
			here[o.key()] = o
		}
	}
	for _, o := range i.found.taken {
		switch is, found := here[o.key()]; {
		case !found:
			i.missing = append(i.missing, o)
		case is.GetAnnotations()[v1alpha1.AnnotationImportedFrom] == i.Cluster:
			i.begun = append(i.begun, o)
		default:
			i.foreign = append(i.foreign, o)
		}
	}
	return nil
}
