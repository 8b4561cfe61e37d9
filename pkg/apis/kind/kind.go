// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kind describes a served kind as plain values: how it is named, stored, defaulted, checked and printed.
// Tables of kinds (pkg/apis/native, pkg/apis/federation) are made of it, and pkg/registry makes a store of each row.
package kind

import (
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Kind is one row: everything the registry needs to know to serve it.
type Kind struct {
	// GroupVersionKind the kind is served as.
	schema.GroupVersionKind
	// Resource is the plural name in paths, Singular what kubectl also accepts.
	Resource, Singular string
	// ShortNames and Categories as kubectl knows them.
	ShortNames, Categories []string
	// Namespaced is false for cluster-scoped kinds.
	Namespaced bool
	// Doors are other group versions that the same objects are served as.
	Doors []Door
	// New and NewList make empty objects.
	New, NewList func() runtime.Object

	// Status returns a pointer to an object's status. Nil where the kind has no status subresource.
	Status func(runtime.Object) any
	// Spec returns a pointer to what metadata.generation counts the changes of. Nil where generation is not kept.
	Spec func(runtime.Object) any
	// Scale tells how /scale reads and writes an object. Nil where there is no scale subresource.
	Scale *Scale
	// Finalizers every new object is given that is placed.
	Finalizers []string
	// Unplaced says whether an object goes to no cluster, of a kind whose objects else do. Nil if none is.
	Unplaced func(runtime.Object) bool
	// TTL after which an object vanishes; zero keeps it.
	TTL time.Duration

	// Default fills in what a client may leave out. Nil where that is nothing, or generated code does it.
	Default func(runtime.Object)
	// ValidateName says what is wrong with a new object's name. Nil asks for a DNS subdomain.
	ValidateName func(name string) []string
	// Prepare brings a decoded object into the form it is stored in, before it is checked. Old is nil on create.
	Prepare func(obj, old runtime.Object)
	// Validate checks an object; metadata is checked already. Old is nil on create.
	Validate func(obj, old runtime.Object) field.ErrorList
	// Warnings are told to the client, and the object is accepted. Old is nil on create.
	Warnings func(obj, old runtime.Object) []string
	// Fields that can be selected by, besides metadata.name and metadata.namespace.
	Fields func(runtime.Object) fields.Set
	// Columns of kubectl get, after NAME and before AGE.
	Columns []Column
	// BareColumns leaves out NAME and AGE, and shows wide columns where they stand. Else they come last.
	BareColumns bool
	// CreatedAt shows when an object was created in place of AGE.
	CreatedAt bool
	// Title is what the column NAME shows. Nil shows the name.
	Title func(runtime.Object) string
}

// Door is a group version that objects of a kind are served as besides their own. The scheme converts between the two.
type Door struct {
	schema.GroupVersion
	// ShortNames and Categories at this door. None where kubectl would list the same objects twice.
	ShortNames, Categories []string
	// Fields are what objects can be selected by at this door: the names of the fields here, and in Kind.Fields. Nil
	// means the same names.
	Fields map[string]string
}

// GroupVersions are all that objects of the kind are served as, its own first.
func (k *Kind) GroupVersions() []schema.GroupVersion {
	out := []schema.GroupVersion{k.GroupVersion()}
	for _, door := range k.Doors {
		out = append(out, door.GroupVersion)
	}
	return out
}

// GroupVersionResource names the kind in paths and clients.
func (k *Kind) GroupVersionResource() schema.GroupVersionResource {
	return k.GroupVersion().WithResource(k.Resource)
}

// IsUnplaced says whether an object goes to no cluster, though others of its kind do.
func (k *Kind) IsUnplaced(obj runtime.Object) bool { return k.Unplaced != nil && k.Unplaced(obj) }

// SpecChanged says whether metadata.generation must go up.
func (k *Kind) SpecChanged(obj, old runtime.Object) bool {
	return k.Spec != nil && !apiequality.Semantic.DeepEqual(k.Spec(obj), k.Spec(old))
}

// Scale reads and writes the replicas of an object.
type Scale struct {
	// Replicas points to where an object holds the number of replicas asked for.
	Replicas func(runtime.Object) **int32
	// Status returns the replicas there are, and the label selector of their pods in its string form.
	Status func(runtime.Object) (replicas int32, selector string, err error)
}

// Column is one column of kubectl get.
type Column struct {
	Name        string
	Description string
	// Type is an OpenAPI type: string, integer, number, boolean.
	Type string
	// Format is "name" for the column that names the object where NAME is left out.
	Format string
	// Wide columns are shown with -o wide only.
	Wide bool
	// Value of an object's cell.
	Value func(runtime.Object) any
	// Clusters marks the column that shows where the object runs. The registry fills it from the object's Placement.
	Clusters bool
}

// Of adapts a function on a concrete type to one on runtime.Object. The registry only hands a kind its own objects.
func Of[T runtime.Object, R any](f func(T) R) func(runtime.Object) R {
	return func(obj runtime.Object) R { return f(obj.(T)) }
}

// On adapts a function that changes a concrete type to one that changes a runtime.Object.
func On[T runtime.Object](f func(T)) func(runtime.Object) {
	return func(obj runtime.Object) { f(obj.(T)) }
}

// OfBoth adapts a function on a new and an old object of a concrete type; a missing old object is T's zero value.
func OfBoth[T runtime.Object, R any](f func(obj, old T) R) func(obj, old runtime.Object) R {
	return func(obj, old runtime.Object) R {
		typed, _ := old.(T)
		return f(obj.(T), typed)
	}
}
