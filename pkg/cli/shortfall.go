// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// mostShown is how many workloads a plan shows one by one.
const mostShown = 10

// departure is what becomes of one workload when a cluster leaves.
type departure struct {
	placement *v1alpha1.Placement
	// then is what would be decided without the cluster.
	then v1alpha1.PlacementSpec
	// demanded is the fewest replicas that the workload's policy demands in that cluster.
	demanded int32
}

// name of the workload, e.g. "deployment default/web".
func (d departure) name() string {
	return strings.ToLower(d.placement.Spec.Workload.Kind) + " " + d.placement.Namespace + "/" + d.placement.Spec.Workload.Name
}

// text is what the clusters have of the workload now and then, e.g. "deployment default/web: north 2 → 4".
func (d departure) text() string {
	var changes []string
	for _, a := range d.then.Clusters {
		then, now := cmp.Or(a.Target, a.Replicas), int32(0)
		if was := assignmentOf(d.placement.Spec.Clusters, a.Name); was != nil {
			now = ptr.Deref(was.Replicas, 0)
		}
		switch {
		case then == nil:
			changes = append(changes, a.Name+" all of it")
		case *then != now:
			changes = append(changes, fmt.Sprintf("%s %d → %d", a.Name, now, *then))
		}
	}
	if d.then.Unplaced > 0 {
		changes = append(changes, fmt.Sprintf("%d nowhere", d.then.Unplaced))
	}
	if len(changes) == 0 {
		changes = []string{"nothing changes elsewhere"}
	}
	return d.name() + ": " + strings.Join(changes, ", ")
}

func assignmentOf(clusters []v1alpha1.ClusterAssignment, name string) *v1alpha1.ClusterAssignment {
	for i := range clusters {
		if clusters[i].Name == name {
			return &clusters[i]
		}
	}
	return nil
}

// shortfall is what the workload would have less of than is demanded of it; empty if that is no worse than it is already.
func (d departure) shortfall() string {
	is := d.placement.Spec
	switch {
	case d.then.Problem != "" && (d.then.Problem != is.Problem || d.then.Unplaced > is.Unplaced):
		return fmt.Sprintf("%s: %s: %s", d.name(), d.then.Problem, d.then.ProblemMessage)
	case d.demanded > 0:
		return fmt.Sprintf("%s: policy %s demands %s there", d.name(), is.Policy, count(int64(d.demanded), "replica"))
	}
	return ""
}

// departures asks the federation where the workloads of a cluster would be placed without it.
func (f *federation) departures(ctx context.Context, cluster string, placements []v1alpha1.Placement) ([]departure, error) {
	var out []departure
	for i := range placements {
		p := &placements[i]
		if !isPlacedKind(p.Spec.Workload.Kind) || assignmentOf(p.Spec.Clusters, cluster) == nil {
			continue
		}
		d := departure{placement: p}
		raw, err := json.Marshal(metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: p.Spec.Workload.APIVersion, Kind: p.Spec.Workload.Kind},
			ObjectMeta: metav1.ObjectMeta{Name: p.Spec.Workload.Name},
		})
		if err != nil {
			return nil, err
		}
		review := &v1alpha1.PlacementReview{ObjectMeta: metav1.ObjectMeta{Name: p.Name}, Spec: v1alpha1.PlacementReviewSpec{Workload: v1alpha1.JSON{Raw: raw}, Without: []string{cluster}}}
		answer, err := f.drover.FederationV1alpha1().PlacementReviews(p.Namespace).Create(ctx, review, metav1.CreateOptions{})
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.HasStatusCause(err, metav1.CauseTypeFieldValueNotFound) {
			continue // on its way out, or gone
		}
		if err != nil {
			return nil, f.explain("review where "+d.name()+" would be placed", err)
		}
		d.then = answer.Status.Placement
		if d.demanded, err = f.demanded(ctx, p, cluster); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// demanded is the fewest replicas that a workload's policy demands in a cluster that it names.
func (f *federation) demanded(ctx context.Context, p *v1alpha1.Placement, cluster string) (int32, error) {
	if p.Spec.Policy == "" {
		return 0, nil
	}
	policies, err := f.drover.FederationV1alpha1().PlacementPolicies(p.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + p.Spec.Policy})
	if err != nil {
		return 0, f.explain("get placementpolicy "+p.Spec.Policy, err)
	}
	for i := range policies.Items {
		for _, weight := range policies.Items[i].Spec.Clusters {
			if weight.Name == cluster && policies.Items[i].Name == p.Spec.Policy {
				return weight.MinReplicas, nil
			}
		}
	}
	return 0, nil
}

func isPlacedKind(kind string) bool {
	for _, gvk := range v1alpha1.PlacedKinds {
		if gvk.Kind == kind {
			return true
		}
	}
	return false
}

// shortfalls are those of all departures, in one text; empty if there is none.
func shortfalls(departures []departure) string {
	var lines []string
	for _, d := range departures {
		if s := d.shortfall(); s != "" {
			lines = append(lines, "  "+s)
		}
	}
	if more := len(lines) - mostShown; more > 0 {
		lines = append(lines[:mostShown], fmt.Sprintf("  and %d more", more))
	}
	return strings.Join(lines, "\n")
}
