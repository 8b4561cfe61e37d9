// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// Kind is one row of the table of kinds that have Placements: all that the controllers know of a kind.
type Kind struct {
	schema.GroupVersionKind
	// Resource is where its objects are found, in the federation and in a member.
	Resource schema.GroupVersionResource

	// Division is how an object is placed where its policy does not say. Empty for a kind that no policy places: its
	// objects follow others.
	Division v1alpha1.Division
	// Unplaced says whether an object goes to no cluster, though others of its kind do: to the controllers it is not
	// there. Nil if none is.
	Unplaced func(runtime.Object) bool
	// Replicas points to what is divided. Nil where a cluster runs all of an object or nothing.
	Replicas func(runtime.Object) **int32
	// Indivisible is why an object cannot be divided, though others of its kind can; empty if it can. Nil if all can.
	Indivisible func(runtime.Object) string
	// Fixed says whether a cluster's share cannot be changed once the cluster has it. Nil if it always can.
	Fixed func(runtime.Object) bool
	// Finished says whether an object has run to its end. Nil where there is none.
	Finished func(runtime.Object) bool
	// Expires is when a finished object is to be deleted; false if it is not. Nil where none is.
	Expires func(runtime.Object) (time.Time, bool)
	// Template of its pods. Nil where it makes none.
	Template func(runtime.Object) *corev1.PodTemplateSpec
	// Rolls is how its pods are replaced when the template changes; nil if an object's are not by themselves. Nil where none
	// are.
	Rolls func(runtime.Object) *Rolling

	// Behind says whether another object, of that kind, is behind one of this kind, which then goes where the other is.
	// Nil for a kind that policies place.
	Behind func(obj runtime.Object, kind *Kind, other runtime.Object) bool
	// Wants are terms of which all that is behind an object has one. Nil where Behind has to be asked of all.
	Wants func(runtime.Object) []string
	// Guards says that an object is in a cluster before the pods are that are behind it.
	Guards bool
	// Bound is a number in an object that holds for what is behind it in all clusters together, and is divided; nil if there is
	// none. Nil where none is.
	Bound func(runtime.Object) *int32
	// Everywhere says whether an object has nothing behind it by intent, and goes to every cluster. Nil if none does.
	Everywhere func(runtime.Object) bool

	// Suspend changes an object of which a cluster runs all, or nothing, into one of which it runs nothing. Nil where
	// Replicas does that, or nothing can.
	Suspend func(runtime.Object)
	// Localize changes an object that is the cluster's own copy, with the cluster's share in it, into what the cluster is
	// to hold. Nil where there is nothing to change.
	Localize func(obj runtime.Object, placement *v1alpha1.PlacementSpec, cluster string)
	// Local says whether Localize changes an object. Nil if it may always.
	Local func(runtime.Object) bool
	// Observed is the generation of an object in a member that the member's controllers have acted on. Nil where they do
	// not say.
	Observed func(runtime.Object) int64
	// Report reads the status of an object in a member. Nil where there is none: such members cache metadata only.
	Report func(live runtime.Object, into *v1alpha1.ClusterPlacementStatus)
	// Serves says whether clients are served by a cluster. Nil for what has no clients.
	Serves func(*v1alpha1.ClusterPlacementStatus) bool
	// Ready says whether a cluster is done with bringing up an object, or with running it. Nil where its replicas tell,
	// or it is enough to be there.
	Ready func(*v1alpha1.ClusterPlacementStatus) bool
	// Ended says whether a cluster has run an object to its end. Nil where there is none.
	Ended func(*v1alpha1.ClusterPlacementStatus) bool
	// Sum makes one status of those that the clusters report, and sets it in the object. Nil where there is none.
	Sum func(runtime.Object, Reports)
	// UpdateStatus writes the status of an object of the federation. Nil as Sum.
	UpdateStatus func(context.Context, kubernetes.Interface, runtime.Object) error
}

// Kinds is the table. One kind more is one row more, in a file of its own.
var Kinds = []*Kind{
	Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob,
	Service, Ingress, HorizontalPodAutoscaler, PodDisruptionBudget, NetworkPolicy, ResourceQuota, LimitRange,
}

// kindsByType finds the row of an object.
var kindsByType = func() map[reflect.Type]*Kind {
	out := map[reflect.Type]*Kind{}
	for _, k := range Kinds {
		obj, err := scheme.Scheme.New(k.GroupVersionKind)
		if err != nil {
			panic(err) // no kind of Kubernetes
		}
		out[reflect.TypeOf(obj)] = k
	}
	return out
}()

// KindOf is the kind of an object of the federation; nil if it has no Placements.
func KindOf(obj any) *Kind { return kindsByType[reflect.TypeOf(obj)] }

// KindNamed is the kind of that name that policies place; nil if there is none.
func KindNamed(name string) *Kind {
	return find(func(k *Kind) bool { return k.Kind == name && k.Placed() })
}

// KindFor is the kind of that name; nil if it has no Placements.
func KindFor(gvk schema.GroupVersionKind) *Kind {
	return find(func(k *Kind) bool { return k.GroupVersionKind == gvk })
}

// KindOfResource is the kind of a resource; nil if it has no Placements.
func KindOfResource(resource schema.GroupVersionResource) *Kind {
	return find(func(k *Kind) bool { return k.Resource == resource })
}

func find(matches func(*Kind) bool) *Kind {
	if i := slices.IndexFunc(Kinds, matches); i >= 0 {
		return Kinds[i]
	}
	return nil
}

// Placed says whether policies place objects of the kind. Others follow.
func (k *Kind) Placed() bool { return k.Division != "" }

// RollingOf is how the pods of an object are replaced when its template changes; nil if they are not.
func (k *Kind) RollingOf(obj runtime.Object) *Rolling {
	if k.Rolls == nil {
		return nil
	}
	return k.Rolls(obj)
}

// IsFixed says whether a cluster's share of an object cannot be changed once the cluster has it.
func (k *Kind) IsFixed(obj runtime.Object) bool { return k.Fixed != nil && k.Fixed(obj) }

// IsFinished says whether an object has run to its end.
func (k *Kind) IsFinished(obj runtime.Object) bool { return k.Finished != nil && k.Finished(obj) }

// IsLocal says whether clusters hold an object differently even with the same share of it.
func (k *Kind) IsLocal(obj runtime.Object) bool {
	return k.Localize != nil && (k.Local == nil || k.Local(obj))
}

// isUnplaced says whether an object goes to no cluster, though others of its kind do.
func (k *Kind) isUnplaced(obj runtime.Object) bool { return k.Unplaced != nil && k.Unplaced(obj) }

// leads says whether others may follow objects of the kind: what makes pods, and Services.
func (k *Kind) leads() bool { return k.Template != nil || k.Resource == members.Services }

// In makes of an object of the federation the one that a cluster is to hold: its share of it, as it is written there.
func (k *Kind) In(cluster string, obj runtime.Object, placement *v1alpha1.PlacementSpec) runtime.Object {
	obj = obj.DeepCopyObject()
	switch share := Share(placement, cluster); {
	case share != nil && share.Idle && k.Suspend != nil:
		k.Suspend(obj)
	case k.Replicas == nil || share == nil:
	case share.Idle:
		*k.Replicas(obj) = ptr.To[int32](0)
	case placement.Autoscaler != nil:
		*k.Replicas(obj) = nil // the cluster's own autoscaler says
	case share.Replicas != nil:
		*k.Replicas(obj) = ptr.To(*share.Replicas)
	}
	k.setTemplate(obj, placement, cluster)
	if k.Localize != nil {
		k.Localize(obj, placement, cluster)
	}
	return obj
}

// Share is what a cluster is assigned; nil for nothing, also where nothing is decided.
func Share(placement *v1alpha1.PlacementSpec, cluster string) *v1alpha1.ClusterAssignment {
	if placement == nil {
		return nil
	}
	for i := range placement.Clusters {
		if placement.Clusters[i].Name == cluster {
			return &placement.Clusters[i]
		}
	}
	return nil
}

// ReportOf is what a cluster reports by the object it has, which may be nil.
func (k *Kind) ReportOf(cluster string, live metav1.Object) v1alpha1.ClusterPlacementStatus {
	report := v1alpha1.ClusterPlacementStatus{Name: cluster}
	if live == nil {
		return report
	}
	report.ObservedGeneration, report.TemplateHash = SourceGeneration(live), live.GetAnnotations()[v1alpha1.AnnotationTemplateHash]
	if obj, ok := live.(runtime.Object); ok && k.Report != nil {
		k.Report(obj, &report)
		if k.Observed != nil && k.Observed(obj) < live.GetGeneration() {
			report.ObservedGeneration = 0
		}
	}
	return report
}

// AvailableIn says whether a cluster's part of an object that is not counted in replicas is available.
func (k *Kind) AvailableIn(obj runtime.Object, in *v1alpha1.ClusterPlacementStatus) bool {
	switch {
	case k.Serves != nil:
		return k.Serves(in)
	case k.Ready != nil:
		return k.Ready(in)
	case k.Replicas != nil:
		return in.AvailableReplicas >= ptr.Deref(*k.Replicas(obj), 1)
	default:
		return in.ObservedGeneration > 0
	}
}

// SourceGeneration is the generation of the federated object that an object in a member was made from; 0 if that is not
// known.
func SourceGeneration(live metav1.Object) int64 {
	n, err := strconv.ParseInt(live.GetAnnotations()[v1alpha1.AnnotationSourceGeneration], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// statusWriter is the part of a typed client that writes statuses.
type statusWriter[T any] interface {
	UpdateStatus(ctx context.Context, obj T, options metav1.UpdateOptions) (T, error)
}

func statusBy[T Object](client func(kube kubernetes.Interface, namespace string) statusWriter[T]) func(context.Context, kubernetes.Interface, runtime.Object) error {
	return func(ctx context.Context, kube kubernetes.Interface, obj runtime.Object) error {
		typed := obj.(T)
		_, err := client(kube, typed.GetNamespace()).UpdateStatus(ctx, typed, metav1.UpdateOptions{})
		return err
	}
}

// reportBy adapts a function on a concrete type.
func reportBy[T runtime.Object](read func(T, *v1alpha1.ClusterPlacementStatus)) func(runtime.Object, *v1alpha1.ClusterPlacementStatus) {
	return func(obj runtime.Object, into *v1alpha1.ClusterPlacementStatus) { read(obj.(T), into) }
}

// sumBy adapts a function on a concrete type.
func sumBy[T runtime.Object](sum func(T, Reports)) func(runtime.Object, Reports) {
	return func(obj runtime.Object, reports Reports) { sum(obj.(T), reports) }
}

// keep has a report hold the status of an object as it is.
func keep(into *v1alpha1.ClusterPlacementStatus, status any) {
	if raw, err := json.Marshal(status); err == nil { // a status of Kubernetes always can be
		into.WorkloadStatus = &v1alpha1.JSON{Raw: raw}
	}
}

// kept is the status that a report holds; zero if it holds none.
func kept[T any](report *v1alpha1.ClusterPlacementStatus) (status T) {
	if report.WorkloadStatus != nil {
		_ = json.Unmarshal(report.WorkloadStatus.Raw, &status) // what is none says nothing
	}
	return status
}
