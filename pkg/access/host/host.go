// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package host knows the cluster whose kube-apiserver aggregates the federation's: who its users are, what they may do here,
// and which namespaces it has. Its users and the federation's own are never taken for each other, whatever their names: a
// user of the host may do what the host says, and one of the federation's what the federation's roles say.
package host

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// callTimeout bounds every call to the host but watches.
	callTimeout = 10 * time.Second
	// answerTTL is how long an answer of the host about a token or a right is believed.
	answerTTL = 10 * time.Second
	// configMapNamespace and configMapName are where every kube-apiserver says how to know its aggregator's requests.
	configMapNamespace, configMapName = "kube-system", "extension-apiserver-authentication"
)

// Host is the host cluster, asked as the account that Drover has there.
type Host struct {
	config *rest.Config
	// client has no deadline, since it watches. reviews has one.
	client, reviews kubernetes.Interface
	informers       kubeinformers.SharedInformerFactory

	proxyCA       *dynamiccertificates.ConfigMapCAController
	headers       *headerrequest.RequestHeaderAuthRequestController
	authenticator authenticator.Request
	authorizer    authorizer.Authorizer
}

// New prepares to ask a host. Nothing is asked yet: the federation does not wait for its host.
func New(config *rest.Config) (*Host, error) {
	config = rest.AddUserAgent(rest.CopyConfig(config), "drover-apiserver")
	config.QPS = -1 // what users ask is asked there; nobody is to wait for others
	h := &Host{config: config}
	var err error
	if h.client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("host cluster: %w", err)
	}
	bounded := rest.CopyConfig(config)
	bounded.Timeout = callTimeout
	if h.reviews, err = kubernetes.NewForConfig(bounded); err != nil {
		return nil, fmt.Errorf("host cluster: %w", err)
	}
	h.informers = kubeinformers.NewSharedInformerFactory(h.client, 0)
	h.proxyCA, err = dynamiccertificates.NewDynamicCAFromConfigMapController("host-proxy", configMapNamespace, configMapName, "requestheader-client-ca-file", h.client)
	if err != nil {
		return nil, err
	}
	h.headers = headerrequest.NewRequestHeaderAuthRequestController(configMapName, configMapNamespace, h.client,
		"requestheader-username-headers", "requestheader-uid-headers", "requestheader-group-headers", "requestheader-extra-headers-prefix", "requestheader-allowed-names")
	h.authenticator, _, err = authenticatorfactory.DelegatingAuthenticatorConfig{
		RequestHeaderConfig:     h.RequestHeaders(),
		TokenAccessReviewClient: h.reviews.AuthenticationV1(), TokenAccessReviewTimeout: callTimeout,
		CacheTTL: answerTTL, WebhookRetryBackoff: genericoptions.DefaultAuthWebhookRetryBackoff(),
	}.New()
	if err != nil {
		return nil, err
	}
	h.authorizer, err = authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: h.reviews.AuthorizationV1(),
		AllowCacheTTL:             answerTTL, DenyCacheTTL: answerTTL, WebhookRetryBackoff: genericoptions.DefaultAuthWebhookRetryBackoff(),
	}.New()
	return h, err
}

// ProxyCA is the authority of the certificate that the host's aggregator shows.
func (h *Host) ProxyCA() dynamiccertificates.CAContentProvider { return h.proxyCA }

// RequestHeaders are the headers in which the host's aggregator says who the user is.
func (h *Host) RequestHeaders() *authenticatorfactory.RequestHeaderConfig {
	return &authenticatorfactory.RequestHeaderConfig{
		CAContentProvider:   h.proxyCA,
		UsernameHeaders:     headerrequest.StringSliceProviderFunc(h.headers.UsernameHeaders),
		UIDHeaders:          headerrequest.StringSliceProviderFunc(h.headers.UIDHeaders),
		GroupHeaders:        headerrequest.StringSliceProviderFunc(h.headers.GroupHeaders),
		ExtraHeaderPrefixes: headerrequest.StringSliceProviderFunc(h.headers.ExtraHeaderPrefixes),
		AllowedClientNames:  headerrequest.StringSliceProviderFunc(h.headers.AllowedClientNames),
	}
}

// Run follows the host until the context ends.
func (h *Host) Run(ctx context.Context) {
	h.informers.StartWithContext(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { h.headers.Run(ctx, 1) }) // the server runs proxyCA with its other authorities
	wg.Wait()
	h.informers.Shutdown()
}
