// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// foresight is a federation as it was read, with one cluster as it would be.
type foresight struct {
	clusters    []*v1alpha1.Cluster
	policies    []v1alpha1.PlacementPolicy
	placements  map[string]*v1alpha1.Placement
	workloads   map[workload.Key]workload.Object
	autoscalers []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
	migrations  []*v1alpha1.Migration
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
	budgets, err := f.kube.PolicyV1().PodDisruptionBudgets(everywhere).List(ctx, options)
	if err != nil {
		return nil, f.explain("list poddisruptionbudgets", err)
	}
	s.budgets = budgets.Items
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

// Budgets are those that select the pods of a workload.
func (s *foresight) Budgets(key workload.Key, obj workload.Object) (out []decision.Budget, err error) {
	for i := range s.budgets {
		b := &s.budgets[i]
		if b.Namespace != key.Namespace || !workload.PodDisruptionBudget.Behind(b, key.Kind, obj) {
			continue
		}
		behind := 0
		for other, o := range s.workloads {
			placed := s.placements[other.Namespace+"/"+other.PlacementName()] != nil
			if placed && other.Namespace == b.Namespace && workload.PodDisruptionBudget.Behind(b, other.Kind, o) {
				behind++
			}
		}
		out = append(out, decision.Budget{PodDisruptionBudget: b, Shared: behind > 1})
	}
	return out, nil
}

// policyOf is the policy of a name; nil if there is none.
func (s *foresight) policyOf(namespace, name string) *v1alpha1.PlacementPolicy {
	for i := range s.policies {
		if s.policies[i].Namespace == namespace && s.policies[i].Name == name {
			return &s.policies[i]
		}
	}
	return nil
}

func (s *foresight) Migrations() ([]*v1alpha1.Migration, error) { return s.migrations, nil }

func (s *foresight) Names(workload.Key, workload.Object) ([]decision.Name, error) { return nil, nil }

func (s *foresight) Reserved(string, time.Time) map[string]decision.Reservation { return nil }
