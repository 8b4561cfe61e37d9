// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package access decides who may do what: client certificates say who somebody is, a table of grants says what the
// groups they are in may do.
package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/union"
)

// grants are what the members of a group may do.
var grants = map[string][]rbacv1.PolicyRule{
	// Whoever has a valid certificate may find out what is served, and what they may do with it.
	user.AllAuthenticated: {
		{Verbs: []string{"get"}, NonResourceURLs: []string{
			"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/version/", "/livez", "/livez/*", "/readyz", "/readyz/*", "/healthz",
		}},
		{Verbs: []string{"create"}, APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}},
		{Verbs: []string{"create"}, APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"selfsubjectreviews"}},
		{Verbs: []string{"list"}, APIGroups: []string{"apiextensions.k8s.io"}, Resources: []string{"customresourcedefinitions"}},
	},
}

// NewAuthorizer allows the group system:masters everything, and others what their groups are granted.
func NewAuthorizer() (authorizer.Authorizer, authorizer.RuleResolver, error) {
	granted := groupAuthorizer{}
	authz, err := union.New(
		union.NamedAuthorizer{AuthorizerName: "masters", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)},
		union.NamedAuthorizer{AuthorizerName: "grants", Authorizer: granted},
	)
	if err != nil {
		return nil, nil, fmt.Errorf("authorizer: %w", err)
	}
	return authz, granted, nil
}

// groupAuthorizer allows what the table of grants says.
type groupAuthorizer struct{}

func (g groupAuthorizer) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetUser() == nil {
		return authorizer.DecisionNoOpinion, "", nil
	}
	for _, group := range a.GetUser().GetGroups() {
		if slices.ContainsFunc(grants[group], func(rule rbacv1.PolicyRule) bool { return allows(rule, a) }) {
			return authorizer.DecisionAllow, "granted to group " + group, nil
		}
	}
	return authorizer.DecisionNoOpinion, "", nil
}

func (g groupAuthorizer) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(g.Authorize(ctx, a))
}

func (g groupAuthorizer) EvaluateConditions(context.Context, authorizer.ConditionsAwareDecision, authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", authorizer.ErrorConditionEvaluationNotSupported
}

// RulesFor lists what a user may do, for kubectl auth can-i --list.
func (g groupAuthorizer) RulesFor(ctx context.Context, u user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	if slices.Contains(u.GetGroups(), user.SystemPrivilegedGroup) {
		return authorizerfactory.NewAlwaysAllowAuthorizer().RulesFor(ctx, u, namespace)
	}
	var resources []authorizer.ResourceRuleInfo
	var urls []authorizer.NonResourceRuleInfo
	for _, group := range u.GetGroups() {
		for _, rule := range grants[group] {
			if len(rule.NonResourceURLs) > 0 {
				urls = append(urls, &authorizer.DefaultNonResourceRuleInfo{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
				continue
			}
			resources = append(resources, &authorizer.DefaultResourceRuleInfo{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources})
		}
	}
	return resources, urls, false, nil
}

func allows(rule rbacv1.PolicyRule, a authorizer.Attributes) bool {
	if !slices.Contains(rule.Verbs, a.GetVerb()) {
		return false
	}
	if a.IsResourceRequest() {
		return a.GetSubresource() == "" && slices.Contains(rule.APIGroups, a.GetAPIGroup()) && slices.Contains(rule.Resources, a.GetResource())
	}
	return slices.ContainsFunc(rule.NonResourceURLs, func(url string) bool {
		prefix, wildcard := strings.CutSuffix(url, "*")
		return url == a.GetPath() || wildcard && strings.HasPrefix(a.GetPath(), prefix)
	})
}
