// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rbac authorizes by Roles and their bindings, as Kubernetes does: whoever is bound to a role may do what its rules
// say, nobody is forbidden anything, and what no rule allows is not allowed.
package rbac

import (
	"context"
	"errors"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Authorizer allows what the rules in a source allow, and has no opinion on anything else.
type Authorizer struct {
	source Source
}

var (
	_ authorizer.Authorizer   = &Authorizer{}
	_ authorizer.RuleResolver = &Authorizer{}
)

// New makes an authorizer by the roles and bindings in a source.
func New(source Source) *Authorizer { return &Authorizer{source: source} }

// Authorize looks for a rule that allows a request. A role that cannot be read allows nothing, and is named in the reason.
func (z *Authorizer) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetUser() == nil {
		return authorizer.DecisionNoOpinion, "", nil
	}
	var errs []error
	for g, err := range grants(ctx, z.source, a.GetUser(), a.GetNamespace()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if Allows(g.rule, a) {
			return authorizer.DecisionAllow, "RBAC: allowed by " + g.String(), nil
		}
	}
	if len(errs) > 0 {
		return authorizer.DecisionNoOpinion, fmt.Sprintf("RBAC: %v", errors.Join(errs...)), nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// ConditionsAwareAuthorize is Authorize: roles have no conditions.
func (z *Authorizer) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(z.Authorize(ctx, a))
}

// EvaluateConditions denies: there are no conditions to evaluate.
func (z *Authorizer) EvaluateConditions(context.Context, authorizer.ConditionsAwareDecision, authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", authorizer.ErrorConditionEvaluationNotSupported
}

// RulesFor lists what somebody may do in a namespace, for kubectl auth can-i --list.
func (z *Authorizer) RulesFor(ctx context.Context, who user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	rules, err := Rules(ctx, z.source, who, namespace)
	var resources []authorizer.ResourceRuleInfo
	var urls []authorizer.NonResourceRuleInfo
	for _, r := range rules {
		if len(r.Resources) > 0 {
			resources = append(resources, &authorizer.DefaultResourceRuleInfo{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
		}
		if len(r.NonResourceURLs) > 0 {
			urls = append(urls, &authorizer.DefaultNonResourceRuleInfo{Verbs: r.Verbs, NonResourceURLs: r.NonResourceURLs})
		}
	}
	return resources, urls, false, err
}

// Rules are all the rules that apply to somebody in a namespace; in none if it is empty. With an error, they are those that
// could be read.
func Rules(ctx context.Context, source Source, who user.Info, namespace string) ([]rbacv1.PolicyRule, error) {
	var rules []rbacv1.PolicyRule
	var errs []error
	for g, err := range grants(ctx, source, who, namespace) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rules = append(rules, *g.rule)
	}
	return rules, errors.Join(errs...)
}
