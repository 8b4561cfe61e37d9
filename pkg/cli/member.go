// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// oldest is the oldest Kubernetes that Drover works with.
var oldest = version.MajorMinor(1, 29)

// member is the API server of the cluster that joins.
type member struct {
	*connection
	// kube speaks as the administrator.
	kube kubernetes.Interface
	// withToken makes a client that has nothing but a token.
	withToken func(token string) (kubernetes.Interface, error)
}

func (k kubeconfig) connectMember(name string, warnings io.Writer) (*member, error) {
	c, err := k.load("cluster "+name, warnings)
	if err != nil {
		return nil, err
	}
	if err := c.requireTLS(); err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, c.explain("connect", err)
	}
	return &member{connection: c, kube: kube, withToken: func(token string) (kubernetes.Interface, error) {
		config := rest.AnonymousClientConfig(c.config)
		config.BearerToken = token
		return kubernetes.NewForConfig(config)
	}}, nil
}

// check makes sure that the member answers, is recent enough, and that the administrator may do what joining does. It
// returns the version.
func (m *member) check(ctx context.Context) (string, error) {
	info, err := m.kube.Discovery().ServerVersionWithContext(ctx)
	if err != nil {
		return "", m.explain("ask for its version", err)
	}
	// A version that says nothing, of a build by hand, is taken to be a recent one.
	if v, err := version.ParseGeneric(info.GitVersion); err == nil && v.Major() > 0 && v.LessThan(oldest) {
		return "", fmt.Errorf("%s: Kubernetes %s is too old for Drover\n(%s)\nupgrade it to v%s or later", m.name, info.GitVersion, m.where(), oldest)
	}
	denied, err := ask(ctx, m.kube, needed())
	if err != nil {
		return "", m.explain("ask what you may do there", err)
	}
	if len(denied) > 0 {
		return "", fmt.Errorf("%s: no permission: user %q may not %s\n(%s)\n%s", m.name, m.userName, strings.Join(denied, "; "), m.where(), m.forbidden())
	}
	return info.GitVersion, nil
}

// needed is what joining does in the member.
func needed() []authorizationv1.ResourceAttributes {
	const rbac = "rbac.authorization.k8s.io"
	at := func(verb, group, resource string) authorizationv1.ResourceAttributes {
		resource, subresource, _ := strings.Cut(resource, "/")
		a := authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: members.AccountName}
		if resource == "namespaces" {
			a.Name = v1alpha1.SystemNamespace
		}
		if resource != "namespaces" && !strings.HasPrefix(resource, "cluster") {
			a.Namespace = v1alpha1.SystemNamespace
		}
		return a
	}
	return []authorizationv1.ResourceAttributes{
		at("create", "", "namespaces"), at("update", "", "namespaces"),
		at("create", "", "serviceaccounts"), at("patch", "", "serviceaccounts"), at("create", "", "serviceaccounts/token"),
		at("create", rbac, "roles"), at("patch", rbac, "roles"),
		at("create", rbac, "rolebindings"), at("patch", rbac, "rolebindings"),
		at("create", rbac, "clusterroles"), at("patch", rbac, "clusterroles"),
		at("create", rbac, "clusterrolebindings"), at("patch", rbac, "clusterrolebindings"),
	}
}

// ask returns which of the accesses are denied, in words: "create, patch roles.rbac.authorization.k8s.io".
func ask(ctx context.Context, client kubernetes.Interface, accesses []authorizationv1.ResourceAttributes) (denied []string, err error) {
	last := ""
	for _, access := range accesses {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &access}}
		review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		if review.Status.Allowed {
			continue
		}
		resource := resourceOf(access)
		if resource == last {
			end := len(denied) - 1
			denied[end] = strings.TrimSuffix(denied[end], " "+resource) + ", " + access.Verb + " " + resource
			continue
		}
		denied, last = append(denied, access.Verb+" "+resource), resource
	}
	return denied, nil
}

func resourceOf(a authorizationv1.ResourceAttributes) string {
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	if a.Group != "" {
		resource += "." + a.Group
	}
	return resource
}

// granted is a sample of what the role grants: one verb for each resource.
func granted() []authorizationv1.ResourceAttributes {
	var out []authorizationv1.ResourceAttributes
	add := func(namespace string) func(verb, group, resource, name string) {
		return func(verb, group, resource, name string) {
			resource, subresource, _ := strings.Cut(resource, "/")
			out = append(out, authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name,
			})
		}
	}
	for _, rule := range members.Rules() {
		sample(rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames, add(""))
	}
	for _, rule := range members.TokenRules() {
		sample(rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames, add(v1alpha1.SystemNamespace))
	}
	return out
}

func sample(verbs, groups, resources, names []string, add func(verb, group, resource, name string)) {
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	for _, group := range groups {
		for _, resource := range resources {
			add(verbs[len(verbs)-1], group, resource, name)
		}
	}
}

// verify makes sure that a token works and may do what Drover needs. The member's authorizer learns of a new role a
// moment after it was made, so it is asked until then.
func (m *member) verify(ctx context.Context, token string, poll, timeout time.Duration) error {
	client, err := m.withToken(token)
	if err != nil {
		return m.explain("connect with the new token", err)
	}
	var denied []string
	var failed error
	err = wait.PollUntilContextTimeout(ctx, poll, timeout, true, func(ctx context.Context) (bool, error) {
		denied, failed = ask(ctx, client, granted())
		return failed == nil && len(denied) == 0, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return m.explain("try the new token", ctx.Err())
	case apierrors.IsUnauthorized(failed):
		return fmt.Errorf("%s: it does not accept the token it has just made: %w\n(%s)\nis there a proxy in between, or do its API servers differ in their --service-account-* flags?", m.name, failed, m.where())
	case failed != nil:
		return m.explain("try the new token", failed)
	}
	return fmt.Errorf("%s: the new token works, but may not %s\n(%s)\nthe role for it is there: look for what else decides there, such as an authorization webhook, "+
		"or whether RBAC is off (kube-apiserver --authorization-mode)", m.name, strings.Join(denied, "; "), m.where())
}
