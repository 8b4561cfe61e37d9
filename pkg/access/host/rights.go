// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"drover.dev/drover/pkg/access"
)

// Authorizer asks the host about its users, and leaves all others to the federation's own authorizer.
type Authorizer struct {
	host authorizer.Authorizer
	own  federationAuthorizer
}

type federationAuthorizer interface {
	authorizer.Authorizer
	authorizer.RuleResolver
}

// Authorizer sets the host beside the federation's own authorizer.
func (h *Host) Authorizer(own federationAuthorizer) *Authorizer {
	return &Authorizer{host: h.authorizer, own: own}
}

// Authorize decides on a request.
func (z *Authorizer) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if !IsUser(a.GetUser()) {
		return z.own.Authorize(ctx, a)
	}
	if a.GetVerb() == "impersonate" {
		// Else somebody would become a user of the federation by a right of the host, and the two have names in common.
		return authorizer.DecisionDeny, "users of the host do not impersonate here: impersonate at the host", nil
	}
	return z.host.Authorize(ctx, access.AtOwnDoor(a))
}

// ConditionsAwareAuthorize is Authorize for users of the host, whose answers have no conditions.
func (z *Authorizer) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	if !IsUser(a.GetUser()) {
		return z.own.ConditionsAwareAuthorize(ctx, a)
	}
	return authorizer.ConditionsAwareDecisionFromParts(z.Authorize(ctx, a))
}

// EvaluateConditions is only asked about decisions of the federation's own.
func (z *Authorizer) EvaluateConditions(ctx context.Context, decision authorizer.ConditionsAwareDecision, data authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return z.own.EvaluateConditions(ctx, decision, data)
}

// RulesFor lists the rights of the federation's users. The host lists those of its own.
func (z *Authorizer) RulesFor(ctx context.Context, who user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	if IsUser(who) {
		return nil, nil, true, errors.New("rights of the host's users are listed by the host: kubectl auth can-i --list there")
	}
	return z.own.RulesFor(ctx, who, namespace)
}
