// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/access"
	"drover.dev/drover/pkg/access/accounts"
	"drover.dev/drover/pkg/access/bootstrap"
	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/access/rbac"
)

func (o *Options) addAccessFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.AuthenticationConfig, "authentication-config", o.AuthenticationConfig, "File with an AuthenticationConfiguration (apiserver.config.k8s.io/v1): the OpenID Connect issuers whose tokens are accepted, and what is open to everybody. Changes are taken up. Certificates of the authority in --data-dir are accepted with or without it.")
	fs.StringVar(&o.AuthorizationConfig, "authorization-config", o.AuthorizationConfig, "File with an AuthorizationConfiguration (apiserver.config.k8s.io/v1): which authorizers are asked, of the types RBAC and Webhook. Changes are taken up. Without it the roles in the federation decide.")
	o.Audit.AddFlags(fs)
}

func (o *Options) validateAccess() []error {
	errs := o.Audit.Validate()
	if o.Audit.PolicyFile == "" && (o.Audit.LogOptions.Path != "" || o.Audit.WebhookOptions.ConfigFile != "") {
		errs = append(errs, errors.New("nothing would be audited: say what to log by --audit-policy-file"))
	}
	return errs
}

// applyAccess says who is known, who may do what, and what is written down of it.
func (o *Options) applyAccess(config *Config, client kubernetes.Interface, authority *pki.Authority) (*access.Authorizer, error) {
	generic := config.Generic
	if err := o.Audit.ApplyTo(&generic.Config); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	clientCA, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", authority.CAFile())
	if err != nil {
		return nil, err
	}
	if err := generic.Authentication.ApplyClientCert(clientCA, generic.SecureServing); err != nil {
		return nil, err
	}
	key, err := authority.SigningKey("serviceaccounts")
	if err != nil {
		return nil, err
	}
	config.Tokens = accounts.New(key, serviceAccounts(generic.SharedInformerFactory.Core().V1().ServiceAccounts(), client))
	authn, err := access.NewAuthenticator(wait.ContextForChannel(generic.DrainedNotify()), clientCA, config.Tokens, o.AuthenticationConfig)
	if err != nil {
		return nil, err
	}
	roles := generic.SharedInformerFactory.Rbac().V1()
	authz, err := access.NewAuthorizer(o.AuthorizationConfig, rbac.New(rbac.FromInformers(roles)))
	if err != nil {
		return nil, err
	}
	aggregator, err := bootstrap.NewAggregator(client, roles.ClusterRoles())
	if err != nil {
		return nil, err
	}
	config.Identities, generic.Authentication.Authenticator = authn, authn
	generic.Authorization.Authorizer, generic.RuleResolver = authz, authz
	generic.AddPostStartHookOrDie("drover-access", func(hook genericapiserver.PostStartHookContext) error {
		for _, run := range []func(context.Context){authn.Follow, authz.Follow, aggregator.Run} {
			go run(hook)
		}
		return nil
	})
	generic.AddPostStartHookOrDie("drover-roles", unlessStopped(func(hook genericapiserver.PostStartHookContext) error {
		return bootstrap.Ensure(hook, client)
	}))
	return authz, nil
}

// serviceAccounts reads accounts from an informer or, where it has not seen the one that is asked for, from the server.
func serviceAccounts(informer coreinformers.ServiceAccountInformer, client kubernetes.Interface) accounts.Getter {
	informer.Informer() // asking for it is what has its factory run it
	return func(ctx context.Context, namespace, name, uid string) (*corev1.ServiceAccount, error) {
		if sa, err := informer.Lister().ServiceAccounts(namespace).Get(name); err == nil && string(sa.UID) == uid {
			return sa, nil
		}
		return client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	}
}
