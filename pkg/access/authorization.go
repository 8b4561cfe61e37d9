// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	"k8s.io/apiserver/pkg/authorization/union"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	webhookutil "k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/apiserver/plugin/pkg/authorizer/webhook"
	webhookmetrics "k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/access/rbac"
)

// typeRBAC is the authorizer of the federation's own Roles, in a file.
const typeRBAC apiserver.AuthorizerType = "RBAC"

// Authorizer asks one authorizer after another. The first allows the group system:masters everything: the API server itself
// is in it, and nothing that is written in a file or in a role can shut out whoever could mend it.
type Authorizer struct {
	rbac     *rbac.Authorizer
	compiler authorizationcel.Compiler
	file     string
	data     []byte
	current  atomic.Pointer[chain]
}

type chain struct {
	authorizer authorizer.Authorizer
	rules      []authorizer.RuleResolver
}

var (
	_ authorizer.Authorizer   = &Authorizer{}
	_ authorizer.RuleResolver = &Authorizer{}
)

// NewAuthorizer makes an authorizer by roles or, if a file is named, by the AuthorizationConfiguration in it.
func NewAuthorizer(file string, roles *rbac.Authorizer) (*Authorizer, error) {
	z := &Authorizer{rbac: roles, compiler: authorizationcel.NewDefaultCompiler(), file: file}
	if file == "" {
		return z, z.use([]apiserver.AuthorizerConfiguration{{Type: typeRBAC, Name: "rbac"}})
	}
	var err error
	if z.data, err = os.ReadFile(file); err == nil {
		err = z.take(context.Background(), z.data)
	}
	if err != nil {
		return nil, fmt.Errorf("--authorization-config %s: %w", file, err)
	}
	return z, nil
}

// Follow takes up changes of the file until the context ends.
func (z *Authorizer) Follow(ctx context.Context) {
	if z.file != "" {
		follow(ctx, z.file, z.data, z.take)
	}
}

// take puts an AuthorizationConfiguration in force.
func (z *Authorizer) take(_ context.Context, data []byte) error {
	config, err := decode[*apiserver.AuthorizationConfiguration](data)
	if err != nil {
		return err
	}
	known := sets.New(string(typeRBAC), string(apiserver.TypeWebhook))
	if errs := validation.ValidateAuthorizationConfiguration(z.compiler, nil, config, known, sets.New(string(apiserver.TypeWebhook))); len(errs) > 0 {
		return errs.ToAggregate()
	}
	return z.use(config.Authorizers)
}

func (z *Authorizer) use(configs []apiserver.AuthorizerConfiguration) error {
	named := []union.NamedAuthorizer{{AuthorizerName: "drover.dev/system-masters", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)}}
	next := &chain{}
	for _, config := range configs {
		var one interface {
			authorizer.Authorizer
			authorizer.RuleResolver
		} = z.rbac
		if config.Type == apiserver.TypeWebhook {
			var err error
			if one, err = z.webhook(config.Name, config.Webhook); err != nil {
				return fmt.Errorf("authorizer %s: %w", config.Name, err)
			}
		}
		named = append(named, union.NamedAuthorizer{AuthorizerName: config.Name, Authorizer: one})
		next.rules = append(next.rules, one)
	}
	var err error
	if next.authorizer, err = union.New(named...); err != nil {
		return err
	}
	z.current.Store(next)
	return nil
}

// metrics of a webhook, and of the conditions it is asked under.
type metrics struct {
	webhookmetrics.NoopRequestMetrics
	webhookmetrics.WebhookMetrics
	authorizationcel.MatcherMetrics
}

func (z *Authorizer) webhook(name string, config *apiserver.WebhookConfiguration) (*webhook.WebhookAuthorizer, error) {
	client, err := webhookClient(config.ConnectionInfo)
	if err != nil {
		return nil, err
	}
	if config.Timeout.Duration != 0 {
		client.Timeout = config.Timeout.Duration
	}
	onError := authorizer.DecisionDeny
	if config.FailurePolicy == apiserver.FailurePolicyNoOpinion {
		onError = authorizer.DecisionNoOpinion
	}
	allowedTTL, refusedTTL := config.AuthorizedTTL.Duration, config.UnauthorizedTTL.Duration
	if !config.CacheAuthorizedRequests {
		allowedTTL = 0
	}
	if !config.CacheUnauthorizedRequests {
		refusedTTL = 0
	}
	return webhook.New(client, config.SubjectAccessReviewVersion, allowedTTL, refusedTTL, retryBackoff(), onError, config.MatchConditions, name,
		metrics{WebhookMetrics: webhookmetrics.NewWebhookMetrics(), MatcherMetrics: authorizationcel.NewMatcherMetrics()}, z.compiler)
}

func webhookClient(info apiserver.WebhookConnectionInfo) (*rest.Config, error) {
	if info.KubeConfigFile == nil {
		return rest.InClusterConfig()
	}
	return webhookutil.LoadKubeconfig(*info.KubeConfigFile, nil)
}

func retryBackoff() wait.Backoff { return *genericoptions.DefaultAuthWebhookRetryBackoff() }

// Authorize asks the authorizers that are in force.
func (z *Authorizer) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetUser() == nil {
		return authorizer.DecisionNoOpinion, "", errors.New("no user to authorize")
	}
	return z.current.Load().authorizer.Authorize(ctx, AtNativeDoor(a))
}

// ConditionsAwareAuthorize asks the authorizers that are in force.
func (z *Authorizer) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	if a.GetUser() == nil {
		return authorizer.ConditionsAwareDecisionFromParts(z.Authorize(ctx, a))
	}
	return z.current.Load().authorizer.ConditionsAwareAuthorize(ctx, AtNativeDoor(a))
}

// EvaluateConditions asks the authorizers that are in force.
func (z *Authorizer) EvaluateConditions(ctx context.Context, decision authorizer.ConditionsAwareDecision, data authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return z.current.Load().authorizer.EvaluateConditions(ctx, decision, data)
}

// RulesFor lists what somebody may do in a namespace, for kubectl auth can-i --list. It is incomplete where a webhook is
// asked, which cannot list.
func (z *Authorizer) RulesFor(ctx context.Context, who user.Info, namespace string) (resources []authorizer.ResourceRuleInfo, urls []authorizer.NonResourceRuleInfo, incomplete bool, err error) {
	if slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) {
		return authorizerfactory.NewAlwaysAllowAuthorizer().RulesFor(ctx, who, namespace)
	}
	var errs []error
	for _, resolver := range z.current.Load().rules {
		r, u, less, err := resolver.RulesFor(ctx, who, namespace)
		resources, urls = append(resources, r...), append(urls, u...)
		incomplete = incomplete || less
		if err != nil {
			errs = append(errs, err)
		}
	}
	return resources, urls, incomplete, errors.Join(errs...)
}
