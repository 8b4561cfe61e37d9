// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/dns/feed"
)

// fleet is the federation at a glance.
type fleet struct {
	Clusters  []fleetCluster `json:"clusters"`
	Workloads int            `json:"workloads"`
	Replicas  int32          `json:"replicas"`
	Available int32          `json:"available"`
	// Moves are under way.
	Moves []fleetNote `json:"moves"`
	// Attention is what does not get well by itself.
	Attention []fleetNote `json:"attention"`
}

// fleetCluster is a cluster at a glance.
type fleetCluster struct {
	Name string `json:"name"`
	// Ready is True, False or Unknown; Reason says why, if not True.
	Ready  metav1.ConditionStatus `json:"ready"`
	Reason string                 `json:"reason,omitempty"`
	// Takes is which new work it takes: all, none since it is cordoned, or not what does not tolerate its taints.
	Takes     string `json:"takes"`
	Replicas  int32  `json:"replicas"`
	Available int32  `json:"available"`
	// LoadPercent is how much of its processors or memory is requested, of the scarcer; nil if it is not known.
	LoadPercent *int32 `json:"loadPercent,omitempty"`
	Nodes       string `json:"nodes"`
	Version     string `json:"version"`
	Region      string `json:"region"`
}

// fleetNote says something of an object.
type fleetNote struct {
	// Of it, "cluster east", "default/deployment web".
	Of string `json:"of"`
	// Where a workload is, "east=4>0 west=4>8"; empty for what is not one.
	Where   string `json:"where,omitempty"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// fleetOf sums up what there is.
func fleetOf(clusters []v1alpha1.Cluster, placements []v1alpha1.Placement) fleet {
	f := fleet{Moves: []fleetNote{}, Attention: []fleetNote{}}
	has := map[string]*fleetCluster{}
	for i := range clusters {
		f.Clusters = append(f.Clusters, glanceAt(&clusters[i]))
		f.Attention = append(f.Attention, troubleOf(&clusters[i])...)
	}
	slices.SortFunc(f.Clusters, func(a, b fleetCluster) int { return cmp.Compare(a.Name, b.Name) })
	for i := range f.Clusters {
		has[f.Clusters[i].Name] = &f.Clusters[i]
	}
	for i := range placements {
		f.add(&placements[i], has)
	}
	for _, notes := range [][]fleetNote{f.Moves, f.Attention} {
		slices.SortStableFunc(notes, func(a, b fleetNote) int { return cmp.Compare(a.Of, b.Of) })
	}
	return f
}

func glanceAt(c *v1alpha1.Cluster) fleetCluster {
	g := fleetCluster{
		Name: c.Name, Ready: metav1.ConditionUnknown, Takes: "all", Nodes: ownkinds.FormatNodes(c), Version: c.Status.KubernetesVersion,
		Region: c.Status.Location.Region, LoadPercent: feed.Cluster(c).LoadPercent,
	}
	if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		if g.Ready = ready.Status; ready.Status != metav1.ConditionTrue {
			g.Reason = ready.Reason
		}
	}
	var taints []string
	for _, t := range c.Spec.Taints {
		taints = append(taints, t.Key+":"+string(t.Effect))
	}
	switch {
	case c.DeletionTimestamp != nil:
		g.Takes = "none: leaves"
	case slices.ContainsFunc(c.Spec.Taints, decision.IsDrain):
		g.Takes = "none: drained"
	case c.Spec.Unschedulable:
		g.Takes = "none: cordoned"
	case len(taints) > 0:
		g.Takes = "tainted " + strings.Join(taints, ",")
	}
	return g
}

// add counts a workload in, and notes if it moves, or does not get well.
func (f *fleet) add(p *v1alpha1.Placement, clusters map[string]*fleetCluster) {
	of := p.Namespace + "/" + strings.ToLower(p.Spec.Workload.Kind) + " " + p.Spec.Workload.Name
	if p.Spec.Replicas != nil {
		f.Workloads++
		f.Replicas += *p.Spec.Replicas
	}
	for _, a := range p.Spec.Clusters {
		if c := clusters[a.Name]; c != nil {
			c.Replicas += ptr.Deref(a.Replicas, 0)
		}
	}
	for _, s := range p.Status.Clusters {
		if c := clusters[s.Name]; c != nil && p.Spec.Replicas != nil {
			c.Available += s.AvailableReplicas
			f.Available += s.AvailableReplicas
		}
	}
	moving := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionProgressing)
	if moving != nil && moving.Status == metav1.ConditionTrue && p.Spec.Replicas != nil {
		f.Moves = append(f.Moves, fleetNote{of, ownkinds.FormatClusters(p), moving.Reason, moving.Message})
	}
	f.Attention = append(f.Attention, needsOf(p, of)...)
}

// troubleOf is what of a cluster does not get well by itself.
func troubleOf(c *v1alpha1.Cluster) (notes []fleetNote) {
	for _, trouble := range []struct {
		condition string
		status    metav1.ConditionStatus
	}{
		{v1alpha1.ConditionReady, metav1.ConditionFalse}, {v1alpha1.ConditionFleetDegraded, metav1.ConditionTrue}, {v1alpha1.ConditionLeaving, metav1.ConditionFalse},
	} {
		is := meta.FindStatusCondition(c.Status.Conditions, trouble.condition)
		if is != nil && is.Status == trouble.status && is.Reason != v1alpha1.ReasonConnecting {
			notes = append(notes, fleetNote{Of: "cluster " + c.Name, Reason: is.Reason, Message: is.Message})
		}
	}
	return notes
}

// needsOf is what of a workload does not get well by itself. What only waits for a cluster is said of the cluster.
func needsOf(p *v1alpha1.Placement, of string) (notes []fleetNote) {
	passing := []string{v1alpha1.ReasonNoBackends, v1alpha1.ReasonFleetDegraded, v1alpha1.ReasonSyncing, v1alpha1.ReasonNotConnected}
	for _, condition := range []string{v1alpha1.ConditionScheduled, v1alpha1.ConditionSynced} {
		is := meta.FindStatusCondition(p.Status.Conditions, condition)
		if is != nil && is.Status == metav1.ConditionFalse && !slices.Contains(passing, is.Reason) {
			notes = append(notes, fleetNote{Of: of, Where: ownkinds.FormatClusters(p), Reason: is.Reason, Message: is.Message})
		}
	}
	moving := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionProgressing)
	if moving != nil && moving.Status == metav1.ConditionTrue && moving.Reason == v1alpha1.ReasonTrafficStays {
		notes = append(notes, fleetNote{Of: of, Where: ownkinds.FormatClusters(p), Reason: moving.Reason, Message: moving.Message})
	}
	return notes
}
