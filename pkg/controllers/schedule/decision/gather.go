// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// Federation is where the inputs of a decision are read from. What is not there is nil, and no error.
type Federation interface {
	Clusters() ([]*v1alpha1.Cluster, error)
	Policies(namespace string) ([]*v1alpha1.PlacementPolicy, error)
	Placement(namespace, name string) (*v1alpha1.Placement, error)
	Workload(key workload.Key) (workload.Object, error)
	Autoscalers(namespace string) ([]*autoscalingv2.HorizontalPodAutoscaler, error)
	Migrations() ([]*v1alpha1.Migration, error)
	// Budgets are those of a workload's pods.
	Budgets(key workload.Key, obj workload.Object) ([]Budget, error)
	// Names are those by which clients find a workload.
	Names(key workload.Key, obj workload.Object) ([]Name, error)
	// Reserved is, by cluster, what was placed lately, seen from one workload.
	Reserved(workload string, now time.Time) map[string]Reservation
}

// Place decides where a workload of a kind goes that policies place.
func Place(f Federation, kind *workload.Kind, obj workload.Object, now time.Time) (v1alpha1.PlacementSpec, time.Duration, error) {
	in, key := Inputs{Now: now, Namespace: obj.GetNamespace()}, workload.KeyFor(kind, obj)
	var err error
	if in.Clusters, err = f.Clusters(); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	placement, err := f.Placement(key.Namespace, key.PlacementName())
	if err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	if in.Current = CurrentOf(placement, string(obj.GetUID())); in.Current != nil {
		in.Reports, in.ReportsCurrent = placement.Status.Clusters, placement.Status.ObservedGeneration == placement.Generation
	}
	if in.Policy, err = policyOf(f, obj); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	if in.Neighbours, in.Cycle, err = neighbours(f, key, in.Policy); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	migrations, err := f.Migrations()
	if err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	in.Migration = SelectMigration(key.Namespace, labels.Set(obj.GetLabels()), migrations)
	w := workloadOf(key, obj, in)
	if w.Autoscaler, err = autoscalerOf(f, key, w); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	if in.NamesUnread = in.Current == nil || !Moves(in.Current); !in.NamesUnread {
		if in.Names, err = f.Names(key, obj); err != nil {
			return v1alpha1.PlacementSpec{}, 0, err
		}
	}
	if in.Budgets, err = f.Budgets(key, obj); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	in.Reserved = f.Reserved(w.Key, in.Now)
	next, again := Decide(w, in)
	next.Revision = Revision(placement, &next)
	next.History = remember(in.Current, &next, obj, in.Policy, now)
	return next, again, nil
}

// Revision counts the decisions of a Placement, of whatever object of that name they were.
func Revision(placement *v1alpha1.Placement, next *v1alpha1.PlacementSpec) int64 {
	switch {
	case placement == nil:
		return 1
	case SameClusters(placement.Spec.Clusters, next.Clusters):
		return placement.Spec.Revision
	}
	return placement.Spec.Revision + 1
}

// autoscalerOf finds what scales a workload: the first by name, if several want to. What is scaled to nothing is not
// scaled, as in any cluster.
func autoscalerOf(f Federation, key workload.Key, w Workload) (*v1alpha1.Autoscaler, error) {
	if key.Kind.Replicas == nil || key.Kind.Fixed != nil || w.Replicas == 0 {
		return nil, nil
	}
	autoscalers, err := f.Autoscalers(key.Namespace)
	if err != nil {
		return nil, err
	}
	var first *v1alpha1.Autoscaler
	for _, h := range autoscalers {
		if h.DeletionTimestamp.IsZero() && workload.Scales(h, key) && (first == nil || h.Name < first.Name) {
			first = &v1alpha1.Autoscaler{Name: h.Name, MinReplicas: ptr.Deref(h.Spec.MinReplicas, 1), MaxReplicas: h.Spec.MaxReplicas}
		}
	}
	return first, nil
}

// workloadOf is what of an object matters for where it goes.
func workloadOf(key workload.Key, obj workload.Object, in Inputs) Workload {
	kind := key.Kind
	w := Workload{Key: key.String(), Generation: obj.GetGeneration(), Origin: obj.GetAnnotations()[v1alpha1.AnnotationImportedFrom]}
	if kind.Replicas != nil {
		w.Replicas, w.Requests = ptr.Deref(*kind.Replicas(obj), 1), Requests(kind.Template(obj))
	}
	w.Whole, w.Undivided = wholeBecause(kind, obj, in.Policy)
	w.Volumes, w.Numbered = volumesNotMoved(kind, obj), kind == workload.StatefulSet
	if w.Rolling = kind.RollingOf(obj); w.Rolling != nil {
		w.Template = workload.RevisionHash(kind.Template(obj), 0)
	}
	w.Fixed = kind.IsFixed(obj)
	w.Timed, w.Everywhere = kind == workload.CronJob, kind == workload.DaemonSet
	w.Finite, w.Finished = kind.Finished != nil, kind.IsFinished(obj)
	if w.Fixed && in.Current != nil && len(in.Current.Clusters) > 0 {
		// As it was begun, whatever the policy says by now.
		switch begunWhole := in.Current.Clusters[0].Replicas == nil; {
		case !begunWhole && w.Whole != "":
			w.Whole, w.Begun = "", "divided"
		case begunWhole && w.Whole == "":
			w.Whole, w.Begun = "runs all of it, as it began to", "whole"
		}
	}
	return w
}

// wholeBecause says why each cluster runs all of an object, empty if it is divided; and, where it is to be divided, why that
// cannot be.
func wholeBecause(kind *workload.Kind, obj workload.Object, policy *v1alpha1.PlacementPolicy) (whole, undivided string) {
	const all = "runs all of it"
	division := kind.Division
	if policy != nil && policy.Spec.Division != "" {
		division = policy.Spec.Division
	}
	if division == v1alpha1.Whole {
		return all, ""
	}
	if kind.Replicas == nil {
		return all, "a " + kind.Kind + " has no number that could be divided"
	}
	if kind.Indivisible != nil {
		if why := kind.Indivisible(obj); why != "" {
			return all + ": " + why, why
		}
	}
	return "", ""
}

// CurrentOf is what a Placement says of the object with that UID; nil if it is of another one, that had the same name.
func CurrentOf(placement *v1alpha1.Placement, uid string) *v1alpha1.PlacementSpec {
	if placement == nil || placement.Spec.Workload.UID != uid {
		return nil
	}
	return &placement.Spec
}

func policyOf(f Federation, obj workload.Object) (*v1alpha1.PlacementPolicy, error) {
	policies, err := f.Policies(obj.GetNamespace())
	if err != nil {
		return nil, err
	}
	return SelectPolicy(labels.Set(obj.GetLabels()), policies)
}

// neighbours finds where the workloads are that a policy has another one follow, or keep apart from. One that is the first
// of a circle of followers follows nobody, and the circle is returned.
func neighbours(f Federation, key workload.Key, policy *v1alpha1.PlacementPolicy) (out []Neighbour, cycle []string, err error) {
	if policy == nil || len(policy.Spec.WorkloadAffinity) == 0 {
		return nil, nil, nil
	}
	policies := map[string]*v1alpha1.PlacementPolicy{key.InNamespace(): policy}
	cycle = Cycle(key.InNamespace(), func(name string) (followed []string) {
		if policies[name] == nil {
			return nil
		}
		for _, affinity := range policies[name].Spec.WorkloadAffinity {
			other := keyOf(key.Namespace, affinity.Workload)
			followed = append(followed, other.InNamespace())
			if _, known := policies[other.InNamespace()]; known {
				continue
			}
			policies[other.InNamespace()] = nil
			if obj, otherErr := f.Workload(other); otherErr == nil && obj != nil {
				policies[other.InNamespace()], _ = policyOf(f, obj)
			}
		}
		return followed
	})
	if len(cycle) > 0 && cycle[0] == key.InNamespace() {
		return nil, cycle, nil
	}
	for _, affinity := range policy.Spec.WorkloadAffinity {
		n := Neighbour{WorkloadAffinity: affinity}
		placement, err := f.Placement(key.Namespace, keyOf(key.Namespace, affinity.Workload).PlacementName())
		if err != nil {
			return nil, nil, err
		}
		if placement != nil {
			for _, a := range placement.Spec.Clusters {
				n.Clusters = append(n.Clusters, a.Name)
			}
		}
		out = append(out, n)
	}
	return out, nil, nil
}

// keyOf names the workload that a policy names; a Deployment if it does not say what it is.
func keyOf(namespace string, w v1alpha1.AffineWorkload) workload.Key {
	kind := workload.KindNamed(w.Kind)
	if kind == nil {
		kind = workload.Deployment
	}
	return workload.Key{Kind: kind, Namespace: namespace, Name: w.Name}
}
