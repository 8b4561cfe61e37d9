// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/connrotation"
	"k8s.io/klog/v2"
)

// reread is how often a kubeconfig is read that is followed: what is renewed there is renewed long before it ends.
const reread = time.Minute

// Follow reads a kubeconfig, and makes a config of it with the credentials that the file has at any time, until the context
// ends: what is renewed there is used without a restart. Server and authority are those of the first reading.
func Follow(ctx context.Context, path string) (*rest.Config, error) { return follow(ctx, path, reread) }

func follow(ctx context.Context, path string, every time.Duration) (*rest.Config, error) {
	read, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the federation: %w", err)
	}
	if read.ExecProvider != nil || read.AuthProvider != nil {
		return read, nil // these renew what they give themselves
	}
	f := &followed{dialer: connrotation.NewDialer((&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext)}
	if err := f.take(read); err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	config := rest.AnonymousClientConfig(read)
	settings, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	if settings == nil {
		return read, nil // no TLS, no certificates
	}
	settings.GetClientCertificate = f.clientCertificate
	config.TLSClientConfig = rest.TLSClientConfig{}
	config.Transport = utilnet.SetTransportDefaults(&http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, DialContext: f.dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second,
	})
	config.Wrap(f.authorize)
	go wait.UntilWithContext(ctx, func(ctx context.Context) { f.reread(ctx, path) }, every)
	return config, nil
}

// followed are the credentials of a kubeconfig.
type followed struct {
	dialer *connrotation.Dialer

	mu                sync.RWMutex
	certData, keyData string
	token             string
	certificate       *tls.Certificate // empty if there is none
}

// take uses the credentials of a config. Connections that were made with others are closed.
func (f *followed) take(config *rest.Config) error {
	config = rest.CopyConfig(config)
	if err := rest.LoadTLSFiles(config); err != nil {
		return err
	}
	token, err := tokenOf(config)
	if err != nil {
		return err
	}
	certData, keyData := string(config.CertData), string(config.KeyData)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.certificate != nil && f.certData == certData && f.keyData == keyData && f.token == token {
		return nil
	}
	certificate := &tls.Certificate{}
	if certData != "" {
		pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
		if err != nil {
			return err
		}
		certificate = &pair
	}
	f.certData, f.keyData, f.token, f.certificate = certData, keyData, token, certificate
	f.dialer.CloseAll() // who a connection belongs to is said when it is made
	return nil
}

func tokenOf(config *rest.Config) (string, error) {
	if config.BearerTokenFile == "" {
		return config.BearerToken, nil
	}
	data, err := os.ReadFile(config.BearerTokenFile)
	return strings.TrimSpace(string(data)), err
}

// reread takes what the kubeconfig has by now. While it cannot be read, what was read last is used.
func (f *followed) reread(ctx context.Context, path string) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err == nil {
		err = f.take(config)
	}
	if err != nil {
		klog.FromContext(ctx).Info("The kubeconfig cannot be read; the credentials read last are used", "path", path, "error", err.Error())
	}
}

func (f *followed) clientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.certificate, nil
}

// authorize sends the token there is, if any.
func (f *followed) authorize(next http.RoundTripper) http.RoundTripper {
	return authorizing{f, next}
}

type authorizing struct {
	*followed
	next http.RoundTripper
}

// RoundTrip sends a request with the token.
func (a authorizing) RoundTrip(request *http.Request) (*http.Response, error) {
	a.mu.RLock()
	token := a.token
	a.mu.RUnlock()
	if token != "" {
		request = utilnet.CloneRequest(request)
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return a.next.RoundTrip(request)
}
