// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	rbacinformers "k8s.io/client-go/informers/rbac/v1"
	"k8s.io/client-go/kubernetes"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/runner"
)

// Aggregator keeps the rules of roles with an aggregationRule what those of the roles they select are. Any number of API
// servers may run one: each would write the same.
type Aggregator struct {
	client kubernetes.Interface
	roles  rbaclisters.ClusterRoleLister
	synced cache.InformerSynced
	runner *runner.Runner[string]
}

// NewAggregator makes an aggregator of what an informer sees.
func NewAggregator(client kubernetes.Interface, roles rbacinformers.ClusterRoleInformer) (*Aggregator, error) {
	a := &Aggregator{client: client, roles: roles.Lister(), synced: roles.Informer().HasSynced}
	a.runner = runner.New("clusterrole-aggregation", a.reconcile)
	changed := func(any) { a.enqueue() }
	_, err := roles.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	return a, err
}

// Run works until the context ends.
func (a *Aggregator) Run(ctx context.Context) { a.runner.RunSynced(ctx, 1, a.synced) }

// enqueue has all aggregated roles looked at: any of them may select what has changed, or have done so before.
func (a *Aggregator) enqueue() {
	roles, err := a.roles.List(labels.Everything())
	if err != nil {
		return // never: it reads a cache
	}
	for _, r := range roles {
		if r.AggregationRule != nil {
			a.runner.Enqueue(r.Name)
		}
	}
}

func (a *Aggregator) reconcile(ctx context.Context, name string) (time.Duration, error) {
	r, err := a.roles.Get(name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil || r.AggregationRule == nil {
		return 0, err
	}
	all, err := a.roles.List(labels.Everything())
	if err != nil {
		return 0, err
	}
	rules, err := aggregateRules(r, all)
	if err != nil || apiequality.Semantic.DeepEqual(r.Rules, rules) {
		return 0, err
	}
	updated := r.DeepCopy()
	updated.Rules = rules
	_, err = a.client.RbacV1().ClusterRoles().Update(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// aggregateRules are the rules of the roles that a role selects, by name, each once.
func aggregateRules(r *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) ([]rbacv1.PolicyRule, error) {
	selected := map[string]*rbacv1.ClusterRole{}
	for i := range r.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&r.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			if other.Name != r.Name && selector.Matches(labels.Set(other.Labels)) {
				selected[other.Name] = other
			}
		}
	}
	var rules []rbacv1.PolicyRule
	for _, other := range slices.SortedFunc(maps.Values(selected), func(a, b *rbacv1.ClusterRole) int { return cmp.Compare(a.Name, b.Name) }) {
		for _, rule := range other.Rules {
			if !slices.ContainsFunc(rules, func(have rbacv1.PolicyRule) bool { return apiequality.Semantic.DeepEqual(have, rule) }) {
				rules = append(rules, rule)
			}
		}
	}
	return rules, nil
}
