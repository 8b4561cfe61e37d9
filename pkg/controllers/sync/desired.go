// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/apis/federation/override"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/owed"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// item names an object in a member.
type item struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

// String is the item as people write it, e.g. "deployments default/web".
func (i item) String() string { return i.resource.Resource + " " + i.namespace + "/" + i.name }

// workload is the key of the item; false if it is of a resource that has no Placements.
func (i item) workload() (workload.Key, bool) {
	return workload.KeyIn(i.resource, &metav1.ObjectMeta{Namespace: i.namespace, Name: i.name})
}

func itemOf(key workload.Key) item {
	return item{resource: key.Kind.Resource, namespace: key.Namespace, name: key.Name}
}

// intent is what shall become of an object in a member.
type intent int

const (
	// leave it as it is: nothing is decided yet.
	leave intent = iota
	// present as the manifest says.
	present
	// absent: not in this member, if it is ours.
	absent
	// released: there, but no longer ours.
	released
)

// desired is the intent, and what it takes.
type desired struct {
	intent intent
	// manifest may lack its JSON, which create makes again.
	manifest manifest
	create   func() (manifest, error)
	source   metav1.Object
	// failed is why there is no manifest, though there should be one.
	failed Outcome
	// scaled: the member's own autoscaler says how many replicas there are. To begin with there are these.
	scaled *int32
	// adopt takes an object over that is there already and nobody's.
	adopt bool
	// foreground deletes what belongs to the object before the object.
	foreground bool
	// needs are the objects that it refers to: they come before it, and are released with it.
	needs []item
	// guards are the objects that come before it, and stay without it.
	guards []item
}

// unusedVersion is a resource version that no object has: the first of a store, which is older than its first object. An
// apply request that names it makes an object, and is refused with a conflict where there is one already.
const unusedVersion = "1"

// request is the JSON of what is desired. It has replicas to begin with if it is to start, and is refused by the member if
// it is to make an object and there is one.
func (d *desired) request(starts, makes bool) ([]byte, error) {
	m := d.manifest
	if m.json == nil {
		var err error
		if m, err = d.create(); err != nil {
			return nil, err
		}
	}
	var additions []addition
	if starts && d.scaled != nil {
		additions = append(additions, addition{int64(*d.scaled), []string{"spec", "replicas"}})
	}
	if makes {
		additions = append(additions, addition{unusedVersion, []string{"metadata", "resourceVersion"}})
	}
	return m.with(additions...)
}

// desiredIn says what shall become of an object in a cluster.
func (c *Controller) desiredIn(cluster string, it item) (desired, error) {
	switch it.resource {
	case members.Namespaces:
		if _, err := c.namespaces.Get(it.name); apierrors.IsNotFound(err) {
			return desired{intent: absent}, nil
		}
		return desired{intent: leave}, nil // made where it is needed, never changed
	case members.ConfigMaps, members.Secrets, members.ServiceAccounts:
		return c.desiredReference(cluster, it)
	}
	key, ok := it.workload()
	if !ok {
		return desired{intent: leave}, nil
	}
	return c.desiredWorkload(cluster, key)
}

func (c *Controller) desiredWorkload(cluster string, key workload.Key) (desired, error) {
	obj, err := c.workloads.Get(key)
	if err != nil {
		return desired{}, err
	}
	if obj == nil {
		c.manifests.forget(itemOf(key))
		return desired{intent: absent}, nil
	}
	want := desired{source: obj}
	want.needs = c.needsOf(obj, key.Namespace)
	if !obj.GetDeletionTimestamp().IsZero() {
		policy := propagation(obj)
		if policy == metav1.DeletePropagationOrphan {
			want.intent = released
			return want, nil
		}
		return desired{intent: absent, foreground: policy == metav1.DeletePropagationForeground}, nil
	}
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if workload.IgnoreNotFound(err) != nil {
		return desired{}, err
	}
	assigned, decided := assignment(placement, obj, cluster)
	switch {
	case !decided:
		return desired{intent: leave}, nil
	case assigned == nil:
		// Its pods go before it does: what follows it stays as long as it is there.
		return desired{intent: absent, foreground: key.Kind.Template != nil}, nil
	}
	if before, waits := workload.Template(&placement.Spec, cluster); waits && before == nil {
		return desired{intent: leave}, nil // what it is to keep, only the cluster itself knows
	}
	want.guards = c.guards(key.Kind, obj)
	want.intent, want.adopt = present, placement.Spec.Conflict == v1alpha1.ConflictAdopt
	if placement.Spec.Autoscaler != nil && key.Kind.Replicas != nil && !assigned.Idle {
		want.scaled = cmp.Or(assigned.Replicas, *key.Kind.Replicas(obj))
	}
	want.create = func() (manifest, error) { return c.manifestIn(cluster, key.Kind, obj, placement) }
	of, from := shareOf(cluster, key.Kind, obj, placement)
	want.manifest, err = c.manifests.get(itemOf(key), from, of, want.create)
	if bad := (overrideError{}); errors.As(err, &bad) {
		want.failed = Outcome{Reason: v1alpha1.ReasonOverrideFailed, Message: bad.Error() + "; the cluster keeps what it has"}
		return want, nil
	}
	return want, err
}

// overrideError is why overrides cannot be applied to an object.
type overrideError struct{ error }

// manifestIn makes the manifest of a workload for a cluster.
func (c *Controller) manifestIn(cluster string, kind *workload.Kind, obj workload.Object, placement *v1alpha1.Placement) (manifest, error) {
	local := kind.In(cluster, obj, &placement.Spec).(workload.Object)
	m, err := newManifest(kind.GroupVersionKind, local, c.identity)
	if err != nil || len(placement.Spec.Overrides) == 0 {
		return m, err
	}
	overridden, err := override.Apply(kind.GroupVersionKind, m.json, cluster, placement.Spec.Overrides)
	if err != nil {
		return manifest{}, overrideError{err}
	}
	return remark(overridden, local, c.identity)
}

// guards are what has to be in a cluster before an object is.
func (c *Controller) guards(kind *workload.Kind, obj workload.Object) (guards []item) {
	for _, key := range c.workloads.Guards(kind, obj) {
		if guard, err := c.workloads.Get(key); err == nil && guard != nil && guard.GetDeletionTimestamp().IsZero() {
			guards = append(guards, itemOf(key))
		}
	}
	return guards
}

// assignment finds what a cluster gets of a workload, nil for nothing. It is not decided while the Placement is missing,
// or of an older generation of the workload.
func assignment(placement *v1alpha1.Placement, obj metav1.Object, cluster string) (assigned *v1alpha1.ClusterAssignment, decided bool) {
	if placement == nil || placement.Spec.Workload.UID != string(obj.GetUID()) || placement.Spec.WorkloadGeneration != obj.GetGeneration() {
		return nil, false
	}
	return workload.Share(&placement.Spec, cluster), true
}

var referenceKinds = map[schema.GroupVersionResource]schema.GroupVersionKind{
	members.ConfigMaps:      corev1.SchemeGroupVersion.WithKind("ConfigMap"),
	members.Secrets:         corev1.SchemeGroupVersion.WithKind("Secret"),
	members.ServiceAccounts: corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
}

// desiredReference has what a workload refers to where the workload is, and nowhere else.
func (c *Controller) desiredReference(cluster string, it item) (desired, error) {
	obj := c.reference(it)
	if obj == nil {
		c.manifests.forget(it)
		return desired{intent: absent}, nil
	}
	if !c.neededByOthers(cluster, it, item{}) {
		return desired{intent: absent}, nil
	}
	source := obj.(metav1.Object)
	want := desired{intent: present, source: source}
	want.needs = c.needsOf(obj, it.namespace)
	var err error
	want.create = func() (manifest, error) {
		return newManifest(referenceKinds[it.resource], obj.(runtime.Object), c.identity)
	}
	want.manifest, err = c.manifests.get(it, basis{source: source}, share{}, want.create)
	return want, err
}

// neededByOthers says whether something that is in a cluster refers to the item, besides one that does not count.
func (c *Controller) neededByOthers(cluster string, it, besides item) bool {
	return slices.ContainsFunc(c.referrers(it), func(from item) bool {
		if from == besides {
			return false
		}
		key, ok := from.workload()
		if !ok {
			return c.neededByOthers(cluster, from, besides) // a ServiceAccount; it refers to Secrets, which refer to nothing
		}
		// One that is being deleted needs it until it is gone.
		if obj, err := c.workloads.Get(key); err != nil || obj == nil {
			return false
		}
		return slices.Contains(c.placedOn(key), cluster)
	})
}

// confirmAbsent asks the federation itself before anything is deleted in a member: a cache that is behind may not know
// an object yet that is there. Nothing is deleted in a cluster that leaves, or has left. What the cluster is owed is done by
// another controller, in the way that was asked for.
func (c *Controller) confirmAbsent(ctx context.Context, cluster string, it item, live metav1.Object) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	absent, err := c.isAbsent(ctx, cluster, it)
	if err != nil || !absent {
		return false, err
	}
	// After the Placement was read: one that leaves the cluster out since it leaves was written after it began to.
	joined, err := c.client.FederationV1alpha1().Clusters().Get(ctx, cluster, metav1.GetOptions{})
	if err != nil {
		return false, workload.IgnoreNotFound(err)
	}
	return joined.DeletionTimestamp.IsZero() && !owed.Lists(&joined.Status, sourceUID(live)), nil
}

func (c *Controller) isAbsent(ctx context.Context, cluster string, it item) (bool, error) {
	switch it.resource {
	case members.Namespaces:
		_, err := c.metadata.Resource(it.resource).Get(ctx, it.name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), workload.IgnoreNotFound(err)
	case members.ConfigMaps, members.Secrets, members.ServiceAccounts:
		// Gone from the federation, or from this cluster's workloads. Those were read by the same caches, and a cache
		// that was behind about them makes the object again as soon as it has caught up: no pod is restarted by that.
		return true, nil
	}
	key, _ := it.workload()
	obj, err := c.metadata.Resource(it.resource).Namespace(it.namespace).Get(ctx, it.name, metav1.GetOptions{})
	if err != nil {
		return apierrors.IsNotFound(err), workload.IgnoreNotFound(err)
	}
	if !obj.GetDeletionTimestamp().IsZero() {
		return true, nil
	}
	placement, err := c.client.FederationV1alpha1().Placements(key.Namespace).Get(ctx, key.PlacementName(), metav1.GetOptions{})
	if err != nil {
		return false, workload.IgnoreNotFound(err)
	}
	assigned, decided := assignment(placement, obj, cluster)
	return decided && assigned == nil, nil
}
