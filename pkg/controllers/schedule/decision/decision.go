// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package decision is pure: it says where a workload goes, and why, as a function of the workload, its policy and the
// clusters. Clocks, caches and clients are its callers'.
package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// Workload is what of a workload matters for where its replicas go.
type Workload struct {
	// Key names it, "deployment/default/web". Ties between clusters are broken by it.
	Key string
	// Generation of its spec.
	Generation int64
	// Replicas asked for: what is divided.
	Replicas int32
	// Requests of one replica.
	Requests corev1.ResourceList
	// Autoscaler that scales it; nil if none does.
	Autoscaler *v1alpha1.Autoscaler
	// Origin is the cluster that it was imported from, and ran in before anything was decided; empty if there is none.
	Origin string
	// Whole is why each cluster runs all of it, in words; empty if it is divided.
	Whole string
	// Undivided is why it is whole though it is to be divided; empty if it is not.
	Undivided string
	// Begun is what it is, divided or whole, since it was begun so and is to be the other by now; empty if it is not.
	Begun string
	// Fixed says that what a cluster was given stays its share.
	Fixed bool
	// Finite says that it runs to an end, Finished that it has.
	Finite   bool
	Finished bool
	// Timed says that it runs by the clock: in two clusters it would run twice.
	Timed bool
	// Template is the hash of its pod template; empty where a change of it replaces no pods.
	Template string
	// Rolling is how pods are replaced when that changes; nil where they are not.
	Rolling *workload.Rolling
	// Everywhere says that it runs on every node: it cannot be there and idle.
	Everywhere bool
	// Numbered says that its pods have names that are counted in each cluster.
	Numbered bool
	// Volumes is what is not done about volumes of it that outlive its pods; empty if it has none.
	Volumes string
}

// Inputs is what else a decision depends on.
type Inputs struct {
	// Namespace of the workload.
	Namespace string
	// Policy that applies; nil if none does.
	Policy *v1alpha1.PlacementPolicy
	// Clusters that are joined.
	Clusters []*v1alpha1.Cluster
	// Current is the decision that is in force; nil if there is none.
	Current *v1alpha1.PlacementSpec
	// Reports are what clusters said last of the workload.
	Reports []v1alpha1.ClusterPlacementStatus
	// ReportsCurrent says that they are of the decision in force.
	ReportsCurrent bool
	// Names are those by which clients find the workload.
	Names []Name
	// NamesUnread says that they have not been looked for: they are when a workload moves.
	NamesUnread bool
	// Budgets are those of the workload's pods.
	Budgets []Budget
	// Reserved is, by cluster, what was placed there lately.
	Reserved map[string]Reservation
	// Neighbours are the workloads that the policy has this one follow, or keep apart from.
	Neighbours []Neighbour
	// Migration in force that moves the workload; nil if none does.
	Migration *v1alpha1.Migration
	// Cycle are the names of workloads that follow each other round to this one, which therefore follows nobody.
	Cycle []string
	Now   time.Time
}

// Decide says where a workload goes, and what is not done of what is asked for. The decision holds until something changes,
// or for the returned time if that is positive.
func Decide(w Workload, in Inputs) (v1alpha1.PlacementSpec, time.Duration) {
	next, again := decide(w, in)
	next.Omissions = omissions(w, in, &next)
	return next, again
}

func decide(w Workload, in Inputs) (v1alpha1.PlacementSpec, time.Duration) {
	switch {
	case w.Finished && in.Current != nil:
		return stay(w, in), 0
	case w.Fixed && w.Whole == "":
		return settle(w, in)
	}
	base := in
	base.Current = withoutMigration(in.Current, in.Migration)
	distribute := Divide
	if w.Whole != "" {
		distribute = whole
	}
	next, again := distribute(w, base)
	if !w.Finite { // what has begun is not moved; what is created after the migration goes to the target
		redirect(&next, w, in)
	}
	switch {
	case w.Autoscaler == nil && w.Whole == "":
		takeStep(&next, w, in)
	case !w.Fixed:
		handOver(&next, w, in)
	}
	takeTurns(&next, w, in)
	if len(workload.Waiting(&next)) > 0 {
		again = sooner(again, moveRecheck)
	}
	if Moves(&next) {
		again = sooner(sooner(again, moveRecheck), untilWithdrawn(&next, in.Now))
	}
	return next, again
}

// begin is a decision with nothing decided yet.
func begin(w Workload, in Inputs) v1alpha1.PlacementSpec {
	next := v1alpha1.PlacementSpec{WorkloadGeneration: w.Generation, Autoscaler: w.Autoscaler, Conflict: v1alpha1.ConflictFail}
	if w.Whole == "" {
		next.Replicas = &w.Replicas
	}
	if in.Policy != nil {
		next.Policy, next.PolicyGeneration, next.Conflict = in.Policy.Name, in.Policy.Generation, in.Policy.Spec.Conflict
	}
	next.Overrides = overridesByName(in.Policy, in.Clusters)
	return next
}

// Divide says where a workload's replicas go.
func Divide(w Workload, in Inputs) (v1alpha1.PlacementSpec, time.Duration) {
	next := begin(w, in)
	c := selectCandidates(w, in)
	pace := paceOf(in, &next)
	asked := w.Replicas
	if w.Autoscaler != nil {
		asked = w.Autoscaler.MaxReplicas
	}
	result, err := placement.Plan(placement.Request{
		Key: w.Key, Replicas: int64(asked), Clusters: c.candidates, Spread: spreadOf(in.Policy),
		Rebalance: pace.rebalance, Moves: pace.moves,
	})
	switch {
	case err != nil:
		next.Problem, next.ProblemMessage = v1alpha1.ReasonInvalid, err.Error()
		keepCurrent(&next, in.Current, in.Clusters)
	case result.Outcome == placement.OutcomeNoClusters:
		noClusters(&next, c, in)
	default:
		assign(&next, result, c, asked, c.running)
		next.Problem, next.ProblemMessage = problem(result, asked)
		c.again = sooner(c.again, pace.record(&next, result, in.Now))
		if w.Autoscaler != nil {
			divideBounds(&next, w, c.candidates)
		}
		if len(in.Reserved) > 0 && atCapacity(result) {
			c.again = sooner(c.again, ReservationLife)
		}
	}
	next.Limits = c.limits
	conclude(&next, c, in)
	return next, c.again
}

// noClusters leaves what runs where it runs, since no cluster may take anything.
func noClusters(next *v1alpha1.PlacementSpec, c candidates, in Inputs) {
	next.Problem = string(placement.OutcomeNoClusters)
	next.ProblemMessage = "no cluster may take the workload: " + summarize(c.excluded, len(in.Clusters))
	keepCurrent(next, in.Current, in.Clusters)
}

// conclude adds what else is to be said of a decision.
func conclude(next *v1alpha1.PlacementSpec, c candidates, in Inputs) {
	if next.Problem == "" && c.broken {
		next.Problem = v1alpha1.ReasonFleetDegraded
		next.ProblemMessage = "half or more of the clusters are lost at once, more likely to Drover than to their users: nothing is moved away from them; to move it all the same, taint or unjoin those that are really gone"
	}
	if next.Problem == "" && len(in.Cycle) > 0 {
		next.Problem = v1alpha1.ReasonAffinityCycle
		next.ProblemMessage = fmt.Sprintf("the workloads follow each other in a circle (%s), so %s follows nobody: take one workloadAffinity out",
			strings.Join(append(in.Cycle, in.Cycle[0]), " → "), in.Cycle[0])
	}
	next.Excluded = append(next.Excluded, c.excluded...)
	next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return isPlaced(next, e.Name) })
	slices.SortFunc(next.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) })
}

func spreadOf(policy *v1alpha1.PlacementPolicy) []placement.Spread {
	if policy == nil {
		return nil
	}
	var out []placement.Spread
	for _, s := range policy.Spec.Spread {
		out = append(out, placement.Spread{Topology: s.Topology, MinDomains: int64(s.MinDomains)})
	}
	return out
}

// overridesByName are the policy's overrides with their clusters named. Those that apply to no cluster are left out.
func overridesByName(policy *v1alpha1.PlacementPolicy, clusters []*v1alpha1.Cluster) []v1alpha1.Override {
	if policy == nil {
		return nil
	}
	var out []v1alpha1.Override
	for _, o := range policy.Spec.Overrides {
		if o.ClusterSelector != nil {
			selector, err := metav1.LabelSelectorAsSelector(o.ClusterSelector)
			if err != nil {
				continue // refused when the policy is written
			}
			names := slices.Clone(o.Clusters)
			for _, c := range clusters {
				if selector.Matches(labels.Set(c.Labels)) {
					names = append(names, c.Name)
				}
			}
			if len(names) == 0 {
				continue
			}
			slices.Sort(names)
			o.Clusters, o.ClusterSelector = slices.Compact(names), nil
		}
		out = append(out, o)
	}
	return out
}

// assign writes the plan into the decision. A workload scaled to nothing stays where it ran, with no replicas, so that
// its addresses there stay as well.
func assign(next *v1alpha1.PlacementSpec, result placement.Result, c candidates, desired int32, ran map[string]int64) {
	next.Unplaced = int32(result.Unplaced)
	for _, a := range result.Assignments {
		code, reason := c.explain(a)
		_, stays := ran[a.Name]
		if a.Replicas == 0 && (desired > 0 || !stays || a.Code == placement.ReasonDrained) {
			next.Excluded = append(next.Excluded, v1alpha1.ClusterExclusion{Name: a.Name, Code: code, Reason: reason})
			continue
		}
		next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: a.Name, Replicas: ptr.To(int32(a.Replicas)), Code: code, Reason: reason})
	}
}

// keepCurrent leaves what runs where it runs, as far as those clusters are still joined.
func keepCurrent(next, current *v1alpha1.PlacementSpec, clusters []*v1alpha1.Cluster) {
	var placed int32
	if current != nil {
		for _, a := range current.Clusters {
			if slices.ContainsFunc(clusters, func(c *v1alpha1.Cluster) bool { return c.Name == a.Name && c.DeletionTimestamp.IsZero() }) {
				a.Target, a.Traffic = nil, nil
				next.Clusters = append(next.Clusters, a)
				placed += ptr.Deref(a.Replicas, 0)
			}
		}
	}
	next.Unplaced = max(0, ptr.Deref(next.Replicas, 0)-placed)
}

func isPlaced(spec *v1alpha1.PlacementSpec, cluster string) bool {
	return workload.Share(spec, cluster) != nil
}

func problem(result placement.Result, desired int32) (code, message string) {
	switch result.Outcome {
	case placement.OutcomeUnplaced:
		return string(result.Outcome), fmt.Sprintf("%d of %d replicas fit on no cluster: raise maxReplicas, or add clusters or nodes", result.Unplaced, desired)
	case placement.OutcomeAllWeightsZero:
		return string(result.Outcome), "every cluster that may be used has weight 0; what runs is left where it runs: give a cluster a weight"
	case placement.OutcomeMinimumsInfeasible:
		if desired > 0 {
			return string(result.Outcome), fmt.Sprintf("the minimums of the clusters, and what the spread needs, add up to more than %d replicas: lower minReplicas, or scale up", desired)
		}
	case placement.OutcomeSpreadUnsatisfiable:
		for _, s := range result.Spread {
			if s.Eligible < s.MinDomains || s.Domains < min(s.MinDomains, int64(desired)) {
				return string(result.Outcome), fmt.Sprintf("replicas are in %d of the %d domains of %s that the policy asks for, of which %d may hold replicas: lower minDomains, or let more clusters take the workload",
					s.Domains, s.MinDomains, s.Topology, s.Eligible)
			}
		}
	}
	return "", ""
}

func summarize(excluded []v1alpha1.ClusterExclusion, clusters int) string {
	if clusters == 0 {
		return "none is joined; join one with kubectl drover join"
	}
	var out []string
	for i, e := range excluded {
		if i == 3 && len(excluded) > 4 {
			out = append(out, fmt.Sprintf("and %d more", len(excluded)-i))
			break
		}
		out = append(out, e.Name+": "+e.Reason)
	}
	return strings.Join(out, "; ")
}

// replicasByCluster are the replicas that were decided on, whether or not they are assigned already; what is not divided
// counts as one.
func replicasByCluster(current *v1alpha1.PlacementSpec) map[string]int64 {
	out := map[string]int64{}
	if current != nil {
		for _, a := range current.Clusters {
			out[a.Name] = int64(ptr.Deref(cmp.Or(a.Target, a.MaxReplicas, a.Replicas), 1))
		}
	}
	return out
}
