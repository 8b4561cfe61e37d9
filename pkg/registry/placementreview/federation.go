// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placementreview

import (
	"context"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// federation is the federation as it is stored, with some policies as they would be.
type federation struct {
	ctx      context.Context
	stores   Stores
	policies []*v1alpha1.PlacementPolicy
}

// NewFederation reads the federation as it is stored, but for the policies given.
func NewFederation(ctx context.Context, stores Stores, policies ...*v1alpha1.PlacementPolicy) decision.Federation {
	return federation{ctx: ctx, stores: stores, policies: policies}
}

func (f federation) Clusters() ([]*v1alpha1.Cluster, error) {
	list, err := f.stores.Clusters.List(f.ctx, &metainternalversion.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return pointers(list.(*v1alpha1.ClusterList).Items), nil
}

// without is a federation with some of its clusters left out.
type without struct {
	decision.Federation
	names []string
}

func (w without) Clusters() ([]*v1alpha1.Cluster, error) {
	clusters, err := w.Federation.Clusters()
	return slices.DeleteFunc(clusters, func(c *v1alpha1.Cluster) bool { return slices.Contains(w.names, c.Name) }), err
}

func (f federation) Policies(namespace string) ([]*v1alpha1.PlacementPolicy, error) {
	list, err := f.stores.Policies.List(request.WithNamespace(f.ctx, namespace), &metainternalversion.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	byName := map[string]*v1alpha1.PlacementPolicy{}
	for _, p := range pointers(list.(*v1alpha1.PlacementPolicyList).Items) {
		byName[p.Name] = p
	}
	for _, p := range f.policies {
		changed := p.DeepCopy()
		changed.Generation = 1
		if stored := byName[p.Name]; stored != nil {
			changed.Generation = stored.Generation // as it would be once it is written
			if !apiequality.Semantic.DeepEqual(changed.Spec, stored.Spec) {
				changed.Generation++
			}
		}
		byName[p.Name] = changed
	}
	var out []*v1alpha1.PlacementPolicy
	for _, p := range byName {
		out = append(out, p)
	}
	return out, nil
}

func (f federation) Placement(namespace, name string) (*v1alpha1.Placement, error) {
	return get[*v1alpha1.Placement](f.ctx, f.stores.Placements, namespace, name)
}

func (f federation) Workload(key workload.Key) (workload.Object, error) {
	return get[workload.Object](f.ctx, f.stores.Workloads[key.Kind], key.Namespace, key.Name)
}

func (f federation) Autoscalers(namespace string) ([]*autoscalingv2.HorizontalPodAutoscaler, error) {
	list, err := f.stores.Autoscalers.List(request.WithNamespace(f.ctx, namespace), &metainternalversion.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return pointers(list.(*autoscalingv2.HorizontalPodAutoscalerList).Items), nil
}

func (f federation) Migrations() ([]*v1alpha1.Migration, error) {
	list, err := f.stores.Migrations.List(f.ctx, &metainternalversion.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return pointers(list.(*v1alpha1.MigrationList).Items), nil
}

// Budgets are not looked for: they, too, delay a move only.
func (f federation) Budgets(workload.Key, workload.Object) ([]decision.Budget, error) {
	return nil, nil
}

// Names are not looked for: they delay a move, and change nothing of where it leads.
func (f federation) Names(workload.Key, workload.Object) ([]decision.Name, error) { return nil, nil }

// Reserved is not known here: what was placed a moment ago may be counted twice.
func (f federation) Reserved(string, time.Time) map[string]decision.Reservation { return nil }

func get[T any](ctx context.Context, from rest.Getter, namespace, name string) (found T, err error) {
	obj, err := from.Get(request.WithNamespace(ctx, namespace), name, &metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	return obj.(T), nil
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
