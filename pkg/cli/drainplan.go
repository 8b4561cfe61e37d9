// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// drainPlan is where the workloads of a cluster go when it is drained.
type drainPlan []drainedWorkload

// drainedWorkload is one of them.
type drainedWorkload struct {
	namespace, name string // deployment/web
	here            string // replicas, or all
	to              string // "eu +2, west +2"
	stays           string // why it cannot go; empty if it can
}

// foresight is a federation as it was read, with one cluster as it would be.
type foresight struct {
	clusters    []*v1alpha1.Cluster
	policies    []v1alpha1.PlacementPolicy
	placements  map[string]*v1alpha1.Placement
	workloads   map[workload.Key]workload.Object
	autoscalers []autoscalingv2.HorizontalPodAutoscaler
	migrations  []*v1alpha1.Migration
}

// drainPlan decides as the controllers do, with the cluster as it will be.
func (f *federation) drainPlan(ctx context.Context, cluster string) (drainPlan, error) {
	s, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	for i, c := range s.clusters {
		if c.Name == cluster {
			s.clusters[i] = c.DeepCopy()
			s.clusters[i].Spec.Taints = append(s.clusters[i].Spec.Taints, v1alpha1.Taint{Key: v1alpha1.TaintDrain, Effect: v1alpha1.TaintNoExecute})
		}
	}
	var plan drainPlan
	for key, obj := range s.workloads {
		p := s.placements[key.Namespace+"/"+key.PlacementName()]
		if p == nil || !isOn(p, cluster) {
			continue
		}
		next, _, err := decision.Place(s, key.Kind, obj, time.Now())
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", key, err)
		}
		plan = append(plan, planned(key, cluster, &p.Spec, &next))
	}
	slices.SortFunc(plan, func(a, b drainedWorkload) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return plan, nil
}

// planned is what becomes of a workload.
func planned(key workload.Key, cluster string, now, then *v1alpha1.PlacementSpec) drainedWorkload {
	w := drainedWorkload{namespace: key.Namespace, name: key.InNamespace()}
	var to []string
	for _, c := range decision.Changes(now, then) {
		has, gets := ownkinds.FormatChange(&c)
		switch {
		case c.Cluster == cluster:
			if w.here = has; c.Then > 0 || c.ThenWhole {
				w.stays = cmp.Or(then.ProblemMessage, c.Reason)
			}
		case c.ThenWhole && !c.NowWhole, !c.ThenWhole && c.Then > c.Now:
			more := gets
			if !c.ThenWhole {
				more = fmt.Sprintf("+%d", c.Then-c.Now)
			}
			to = append(to, c.Cluster+" "+more)
		}
	}
	w.to = strings.Join(to, ", ")
	if w.stays == "" && then.Unplaced > now.Unplaced {
		w.to = strings.TrimPrefix(w.to+fmt.Sprintf(", and %d find no cluster", then.Unplaced), ", ")
	}
	return w
}

// text says it to the one who decides.
func (p drainPlan) text(cluster string) string {
	var out strings.Builder
	var stays []drainedWorkload
	table := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	if len(p) == 0 {
		fmt.Fprintf(&out, "Nothing that policies place is on %s.\n", cluster)
	} else {
		fmt.Fprintf(&out, "%s runs %s:\n", cluster, count(int64(len(p)), "workload"))
		fmt.Fprintln(table, "NAMESPACE\tWORKLOAD\tHERE\tGOES TO")
	}
	for _, w := range p {
		to := cmp.Or(w.to, "runs on the others already")
		if w.stays != "" {
			to = "stays"
			stays = append(stays, w)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", w.namespace, w.name, w.here, to)
	}
	_ = table.Flush() // to memory
	for _, w := range stays {
		fmt.Fprintf(&out, "%s in %s stays: %s\n", w.name, w.namespace, w.stays)
	}
	fmt.Fprintf(&out, "Replicas are made elsewhere first, and clients led there. Nothing new comes to %s until: kubectl drover uncordon %s\n", cluster, cluster)
	return out.String()
}

// read reads what decisions depend on.
func (f *federation) read(ctx context.Context) (*foresight, error) {
	s := &foresight{placements: map[string]*v1alpha1.Placement{}, workloads: map[workload.Key]workload.Object{}}
	ours, everywhere, options := f.drover.FederationV1alpha1(), metav1.NamespaceAll, metav1.ListOptions{}
	clusters, err := ours.Clusters().List(ctx, options)
	if err != nil {
		return nil, f.explain("list clusters", err)
	}
	for i := range clusters.Items {
		s.clusters = append(s.clusters, &clusters.Items[i])
	}
	policies, err := ours.PlacementPolicies(everywhere).List(ctx, options)
	if err != nil {
		return nil, f.explain("list placementpolicies", err)
	}
	s.policies = policies.Items
	placements, err := ours.Placements(everywhere).List(ctx, options)
	if err != nil {
		return nil, f.explain("list placements", err)
	}
	for i := range placements.Items {
		s.placements[placements.Items[i].Namespace+"/"+placements.Items[i].Name] = &placements.Items[i]
	}
	autoscalers, err := f.kube.AutoscalingV2().HorizontalPodAutoscalers(everywhere).List(ctx, options)
	if err != nil {
		return nil, f.explain("list horizontalpodautoscalers", err)
	}
	s.autoscalers = autoscalers.Items
	migrations, err := ours.Migrations().List(ctx, options)
	if err != nil {
		return nil, f.explain("list migrations", err)
	}
	for i := range migrations.Items {
		s.migrations = append(s.migrations, &migrations.Items[i])
	}
	apps, batch := f.kube.AppsV1(), f.kube.BatchV1()
	for _, list := range []struct {
		kind *workload.Kind
		list func() (runtime.Object, error)
	}{
		{workload.Deployment, func() (runtime.Object, error) { return apps.Deployments(everywhere).List(ctx, options) }},
		{workload.ReplicaSet, func() (runtime.Object, error) { return apps.ReplicaSets(everywhere).List(ctx, options) }},
		{workload.StatefulSet, func() (runtime.Object, error) { return apps.StatefulSets(everywhere).List(ctx, options) }},
		{workload.DaemonSet, func() (runtime.Object, error) { return apps.DaemonSets(everywhere).List(ctx, options) }},
		{workload.Job, func() (runtime.Object, error) { return batch.Jobs(everywhere).List(ctx, options) }},
		{workload.CronJob, func() (runtime.Object, error) { return batch.CronJobs(everywhere).List(ctx, options) }},
	} {
		all, err := list.list()
		if err != nil {
			return nil, f.explain("list "+list.kind.Resource.Resource, err)
		}
		if err := meta.EachListItem(all, func(item runtime.Object) error {
			obj := item.(workload.Object)
			s.workloads[workload.KeyFor(list.kind, obj)] = obj
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// A foresight is what decision.Place reads.

func (s *foresight) Clusters() ([]*v1alpha1.Cluster, error) { return s.clusters, nil }

func (s *foresight) Policies(namespace string) (out []*v1alpha1.PlacementPolicy, err error) {
	for i := range s.policies {
		if s.policies[i].Namespace == namespace {
			out = append(out, &s.policies[i])
		}
	}
	return out, nil
}

func (s *foresight) Placement(namespace, name string) (*v1alpha1.Placement, error) {
	return s.placements[namespace+"/"+name], nil
}

func (s *foresight) Workload(key workload.Key) (workload.Object, error) { return s.workloads[key], nil }

func (s *foresight) Autoscalers(namespace string) (out []*autoscalingv2.HorizontalPodAutoscaler, err error) {
	for i := range s.autoscalers {
		if s.autoscalers[i].Namespace == namespace {
			out = append(out, &s.autoscalers[i])
		}
	}
	return out, nil
}

func (s *foresight) Migrations() ([]*v1alpha1.Migration, error) { return s.migrations, nil }

func (s *foresight) Names(workload.Key, workload.Object) ([]decision.Name, error) { return nil, nil }

func (s *foresight) Reserved(string, time.Time) map[string]decision.Reservation { return nil }
