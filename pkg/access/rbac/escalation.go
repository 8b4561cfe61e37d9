// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/component-helpers/auth/rbac/validation"
)

// All are the rules that allow everything.
var All = []rbacv1.PolicyRule{
	{Verbs: []string{rbacv1.VerbAll}, APIGroups: []string{rbacv1.APIGroupAll}, Resources: []string{rbacv1.ResourceAll}},
	{Verbs: []string{rbacv1.VerbAll}, NonResourceURLs: []string{rbacv1.NonResourceAll}},
}

// MayGrant returns an error, in the words of Kubernetes, if somebody would give others in a namespace what they do not hold
// there themselves; an empty namespace is everywhere.
func MayGrant(ctx context.Context, source Source, who user.Info, namespace string, rules []rbacv1.PolicyRule) error {
	held, readErr := Rules(ctx, source, who, namespace)
	covered, missing := validation.Covers(held, rules)
	if covered {
		return nil
	}
	err := fmt.Errorf("user %q (groups=%q) is attempting to grant RBAC permissions not currently held:\n%s", who.GetName(), who.GetGroups(), describe(missing))
	if readErr != nil {
		return fmt.Errorf("%w; resolution errors: %v", err, readErr) //nolint:errorlint // a role that is not found must not make the refusal a "not found"
	}
	return err
}

// describe writes rules, each a line in braces. The verbs of what is otherwise one rule are written together.
func describe(rules []rbacv1.PolicyRule) string {
	var what []string
	verbs := map[string][]string{}
	for _, r := range rules {
		key := describeWhat(r)
		if verbs[key] == nil {
			what = append(what, key)
		}
		verbs[key] = append(verbs[key], r.Verbs...)
	}
	lines := make([]string, 0, len(what))
	for _, key := range what {
		lines = append(lines, fmt.Sprintf("{%sVerbs:%q}", key, verbs[key]))
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

func describeWhat(r rbacv1.PolicyRule) string {
	var out strings.Builder
	for _, part := range []struct {
		name   string
		values []string
	}{{"APIGroups", r.APIGroups}, {"Resources", r.Resources}, {"ResourceNames", r.ResourceNames}, {"NonResourceURLs", r.NonResourceURLs}} {
		if len(part.values) > 0 {
			fmt.Fprintf(&out, "%s:%q, ", part.name, part.values)
		}
	}
	return out.String()
}
