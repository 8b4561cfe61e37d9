// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workload is the table of the kinds that have a Placement, and finds their objects and what belongs to them.
package workload

import (
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Key names a workload.
type Key struct {
	Kind            *Kind
	Namespace, Name string
}

// String is the key as people write it, e.g. "deployment/default/web".
func (k Key) String() string {
	return strings.ToLower(k.Kind.Kind) + "/" + k.Namespace + "/" + k.Name
}

// InNamespace is the key as people write it who know the namespace, e.g. "deployment/web".
func (k Key) InNamespace() string { return strings.ToLower(k.Kind.Kind) + "/" + k.Name }

// PlacementName is the name of the workload's Placement.
func (k Key) PlacementName() string { return v1alpha1.PlacementName(k.Kind.Kind, k.Name) }

// Reference is how a Placement names the workload, which has that UID.
func (k Key) Reference(uid string) v1alpha1.WorkloadReference {
	return v1alpha1.WorkloadReference{APIVersion: k.Kind.GroupVersion().String(), Kind: k.Kind.Kind, Name: k.Name, UID: uid}
}

// KeyFor names an object of a kind that has Placements.
func KeyFor(kind *Kind, obj metav1.Object) Key {
	return Key{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// KeyOf names the workload that a Placement is of; false if it is of a kind unknown here.
func KeyOf(p *v1alpha1.Placement) (Key, bool) {
	kind := KindFor(schema.FromAPIVersionAndKind(p.Spec.Workload.APIVersion, p.Spec.Workload.Kind))
	return Key{Kind: kind, Namespace: p.Namespace, Name: p.Spec.Workload.Name}, kind != nil
}

// KeyIn names the workload of a resource in a member; false if that resource has no Placements.
func KeyIn(resource schema.GroupVersionResource, obj metav1.Object) (Key, bool) {
	kind := KindOfResource(resource)
	return KeyFor(kind, obj), kind != nil
}

// Object is what every workload is.
type Object interface {
	runtime.Object
	metav1.Object
}

// finalizers are those that Drover removes: its own, and those that Kubernetes' garbage collector removes of objects that
// have dependents in their own cluster.
var finalizers = []string{v1alpha1.FinalizerSync, metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents}

// WithoutFinalizers are the finalizers that are left when Drover lets an object go.
func WithoutFinalizers(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(f string) bool { return slices.Contains(finalizers, f) })
}

// IgnoreNotFound is nil for an error that says that something is not there.
func IgnoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
