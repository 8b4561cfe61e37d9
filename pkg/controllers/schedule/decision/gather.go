// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Federation is where the inputs of a decision are read from. What is not there is nil, and no error.
type Federation interface {
	Clusters() ([]*v1alpha1.Cluster, error)
	Policies(namespace string) ([]*v1alpha1.PlacementPolicy, error)
	Placement(namespace, name string) (*v1alpha1.Placement, error)
	Deployment(namespace, name string) (*appsv1.Deployment, error)
	// Reserved is, by cluster, what was placed lately, seen from one workload.
	Reserved(workload string, now time.Time) map[string]Reservation
}

// Deployment decides where a Deployment goes.
func Deployment(f Federation, d *appsv1.Deployment, now time.Time) (v1alpha1.PlacementSpec, time.Duration, error) {
	in := Inputs{Now: now}
	var err error
	if in.Clusters, err = f.Clusters(); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	placement, err := f.Placement(d.Namespace, placementName(d.Name))
	if err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	if in.Current = CurrentOf(placement, string(d.UID)); in.Current != nil {
		in.Reports = placement.Status.Clusters
	}
	if in.Policy, err = policyOf(f, d); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	if in.Neighbours, in.Cycle, err = neighbours(f, d, in.Policy); err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	w := Workload{
		Key:        strings.Join([]string{"deployment", d.Namespace, d.Name}, "/"),
		Generation: d.Generation, Replicas: ptr.Deref(d.Spec.Replicas, 1), Requests: Requests(&d.Spec.Template),
	}
	in.Reserved = f.Reserved(w.Key, in.Now)
	next, again := Divide(w, in)
	return next, again, nil
}

// CurrentOf is what a Placement says of the object with that UID; nil if it is of another one, that had the same name.
func CurrentOf(placement *v1alpha1.Placement, uid string) *v1alpha1.PlacementSpec {
	if placement == nil || placement.Spec.Workload.UID != uid {
		return nil
	}
	return &placement.Spec
}

func placementName(deployment string) string { return v1alpha1.PlacementName("Deployment", deployment) }

func policyOf(f Federation, d *appsv1.Deployment) (*v1alpha1.PlacementPolicy, error) {
	policies, err := f.Policies(d.Namespace)
	if err != nil {
		return nil, err
	}
	return SelectPolicy(labels.Set(d.Labels), policies)
}

// neighbours finds where the workloads are that a policy has a Deployment follow, or keep apart from. One that is the
// first of a circle of followers follows nobody, and the circle is returned.
func neighbours(f Federation, d *appsv1.Deployment, policy *v1alpha1.PlacementPolicy) (out []Neighbour, cycle []string, err error) {
	if policy == nil || len(policy.Spec.WorkloadAffinity) == 0 {
		return nil, nil, nil
	}
	cycle = Cycle(d.Name, func(name string) []string {
		if name == d.Name {
			return followed(policy)
		}
		other, otherErr := f.Deployment(d.Namespace, name)
		if otherErr != nil || other == nil {
			return nil
		}
		p, otherErr := policyOf(f, other)
		if otherErr != nil || p == nil {
			return nil
		}
		return followed(p)
	})
	if len(cycle) > 0 && cycle[0] == d.Name {
		return nil, cycle, nil
	}
	for _, affinity := range policy.Spec.WorkloadAffinity {
		n := Neighbour{WorkloadAffinity: affinity}
		placement, err := f.Placement(d.Namespace, placementName(affinity.Workload.Name))
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

func followed(policy *v1alpha1.PlacementPolicy) []string {
	var out []string
	for _, affinity := range policy.Spec.WorkloadAffinity {
		out = append(out, affinity.Workload.Name)
	}
	return out
}
