// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// SelectPolicy finds the policy that applies to an object: of those that select it the one with the highest priority,
// then the first by name. Nil if none does.
func SelectPolicy(object labels.Set, policies []*v1alpha1.PlacementPolicy) (*v1alpha1.PlacementPolicy, error) {
	var best *v1alpha1.PlacementPolicy
	var errs []error
	for _, p := range policies {
		selector, err := metav1.LabelSelectorAsSelector(&p.Spec.Selector)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy %s: selector: %w", p.Name, err))
			continue
		}
		if !selector.Matches(object) || !p.DeletionTimestamp.IsZero() {
			continue
		}
		if best == nil || p.Spec.Priority > best.Spec.Priority || p.Spec.Priority == best.Spec.Priority && p.Name < best.Name {
			best = p
		}
	}
	return best, errors.Join(errs...)
}

// Selects says whether a policy selects a workload with these labels. Nil selects nothing.
func Selects(policy *v1alpha1.PlacementPolicy, object labels.Set) bool {
	if policy == nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.Selector)
	return err == nil && selector.Matches(object)
}
