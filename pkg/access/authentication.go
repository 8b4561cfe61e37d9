// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/request/websocket"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	tokenunion "k8s.io/apiserver/pkg/authentication/token/union"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"

	"drover.dev/drover/pkg/access/accounts"
)

// healthTimeout is how long the issuers of a changed file may take to answer before what was in force stays so.
const healthTimeout = time.Minute

// openPaths are what needs no credentials: whether the server lives, and what it is.
var openPaths = &apiserver.AnonymousAuthConfig{Enabled: true, Conditions: []apiserver.AnonymousAuthCondition{
	{Path: "/livez"}, {Path: "/readyz"}, {Path: "/version"}, {Path: "/version/"},
}}

// Authenticator knows people by a certificate of the federation's authority, ServiceAccounts by their tokens, and whoever has
// a token of an issuer in a file. Who shows none of these is system:anonymous on a few paths, and nobody on the others. A wrong credential is refused everywhere.
type Authenticator struct {
	// lifetime ends what fetches the keys of issuers.
	lifetime context.Context //nolint:containedctx // authenticators made at a reload outlive the call that makes them
	clientCA dynamiccertificates.CAContentProvider
	accounts authenticator.Token
	file     string
	data     []byte
	current  atomic.Pointer[identities]
}

// identities are who is known by one version of the file.
type identities struct {
	authenticator authenticator.Request
	issuers       []oidc.AuthenticatorTokenWithHealthCheck
	stop          context.CancelFunc
}

// NewAuthenticator makes an authenticator by certificates of an authority, by tokens of accounts and, if a file is named, by
// the AuthenticationConfiguration in it. Issuers are asked for their keys until the context ends.
func NewAuthenticator(lifetime context.Context, clientCA dynamiccertificates.CAContentProvider, tokens authenticator.Token, file string) (*Authenticator, error) {
	a := &Authenticator{lifetime: lifetime, clientCA: clientCA, accounts: tokens, file: file}
	config := &apiserver.AuthenticationConfiguration{}
	if file != "" {
		var err error
		if a.data, err = os.ReadFile(file); err == nil {
			config, err = decodeAuthentication(a.data)
		}
		if err != nil {
			return nil, fmt.Errorf("--authentication-config %s: %w", file, err)
		}
	}
	made, err := a.identities(config)
	if err != nil {
		return nil, fmt.Errorf("--authentication-config %s: %w", file, err)
	}
	a.current.Store(made)
	return a, nil
}

// AuthenticateRequest says who sends a request.
func (a *Authenticator) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	return a.current.Load().authenticator.AuthenticateRequest(r)
}

// Follow takes up changes of the file until the context ends.
func (a *Authenticator) Follow(ctx context.Context) {
	if a.file != "" {
		follow(ctx, a.file, a.data, a.take)
	}
}

// take puts an AuthenticationConfiguration in force, once all its issuers answer.
func (a *Authenticator) take(ctx context.Context, data []byte) error {
	config, err := decodeAuthentication(data)
	if err != nil {
		return err
	}
	next, err := a.identities(config)
	if err != nil {
		return err
	}
	var unhealthy error
	err = wait.PollUntilContextTimeout(ctx, time.Second, healthTimeout, true, func(context.Context) (bool, error) {
		unhealthy = next.health()
		return unhealthy == nil, nil
	})
	if err != nil {
		next.stop()
		return errors.Join(err, unhealthy)
	}
	a.current.Swap(next).stop()
	return nil
}

func (i *identities) health() error {
	var errs []error
	for _, issuer := range i.issuers {
		errs = append(errs, issuer.HealthCheck())
	}
	return errors.Join(errs...)
}

func decodeAuthentication(data []byte) (*apiserver.AuthenticationConfiguration, error) {
	config, err := decode[*apiserver.AuthenticationConfiguration](data)
	if err != nil {
		return nil, err
	}
	if errs := validation.ValidateAuthenticationConfiguration(authenticationcel.NewDefaultCompiler(), config, []string{accounts.Issuer}); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	return config, nil
}

// identities makes the authenticators of a configuration.
func (a *Authenticator) identities(config *apiserver.AuthenticationConfiguration) (*identities, error) {
	ctx, stop := context.WithCancel(a.lifetime)
	made := &identities{stop: stop}
	tokens := []authenticator.Token{a.accounts} // first: an issuer may have to be asked for its keys
	for _, jwt := range config.JWT {
		issuer, err := newIssuer(ctx, jwt)
		if err != nil {
			stop()
			return nil, fmt.Errorf("issuer %s: %w", jwt.Issuer.URL, err)
		}
		made.issuers = append(made.issuers, issuer)
		tokens = append(tokens, issuer)
	}
	token := tokenunion.NewFailOnError(tokens...)
	known := group.NewAuthenticatedGroupAdder(union.New(
		x509.NewDynamic(a.clientCA.VerifyOptions, x509.CommonNameUserConversion), bearertoken.New(token), websocket.NewProtocolAuthenticator(token),
	))
	open := openPaths
	if config.Anonymous != nil {
		open = config.Anonymous
	}
	made.authenticator = known
	if open.Enabled {
		made.authenticator = union.NewFailOnError(known, anonymous.NewAuthenticator(open.Conditions))
	}
	return made, nil
}

func newIssuer(ctx context.Context, jwt apiserver.JWTAuthenticator) (oidc.AuthenticatorTokenWithHealthCheck, error) {
	options := oidc.Options{JWTAuthenticator: jwt, SupportedSigningAlgs: oidc.AllValidSigningAlgorithms()}
	if jwt.Issuer.CertificateAuthority != "" {
		ca, err := dynamiccertificates.NewStaticCAContent("issuer", []byte(jwt.Issuer.CertificateAuthority))
		if err != nil {
			return nil, err
		}
		options.CAContentProvider = ca
	}
	return oidc.New(ctx, options)
}
