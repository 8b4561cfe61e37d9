// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/request/union"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/access"
	"drover.dev/drover/pkg/access/host"
	"drover.dev/drover/pkg/access/pki"
)

func (o *Options) addHostFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.Aggregated, "aggregated", o.Aggregated, "Serve behind the kube-apiserver of a host cluster, which has an APIService that leads here. Its users may do here what they may do there with federation.drover.dev. In a pod of the host nothing else is needed.")
	fs.StringVar(&o.HostKubeconfig, "host-kubeconfig", o.HostKubeconfig, "Kubeconfig for the host cluster of --aggregated; without it, the service account of the pod is used.")
}

func (o *Options) validateHost() error {
	if o.HostKubeconfig != "" && !o.Aggregated {
		return errors.New("--host-kubeconfig is for --aggregated, which is not given")
	}
	return nil
}

// applyHost lets the users of a host cluster in, by what the host says of them, beside the federation's own. It returns what
// is to admit first.
func (o *Options) applyHost(config *Config, client kubernetes.Interface, own *access.Authorizer, authority *pki.Authority) (admission.Interface, error) {
	hostConfig, err := clientcmd.BuildConfigFromFlags("", o.HostKubeconfig) // in a pod, if there is no file
	if err != nil {
		return nil, fmt.Errorf("host cluster: %w; name a kubeconfig by --host-kubeconfig", err)
	}
	h, err := host.New(hostConfig)
	if err != nil {
		return nil, err
	}
	generic := config.Generic
	if err := generic.Authentication.ApplyClientCert(h.ProxyCA(), generic.SecureServing); err != nil {
		return nil, err
	}
	namespaces, err := h.Namespaces(client, generic.SharedInformerFactory.Core().V1().Namespaces().Lister())
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(authority.CAFile())
	if err != nil {
		return nil, err
	}
	generic.Authentication.RequestHeaderConfig = h.RequestHeaders()
	generic.Authentication.Authenticator = union.New(config.Identities, h)
	authz := h.Authorizer(own)
	generic.Authorization.Authorizer, generic.RuleResolver = authz, authz
	chain := generic.BuildHandlerChainFunc
	generic.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return chain(host.OwnOpenAPI(host.Shield(handler, Codecs)), c)
	}
	generic.AddPostStartHookOrDie("drover-host", func(hook genericapiserver.PostStartHookContext) error {
		go h.Run(hook)
		go namespaces.Run(hook)
		go h.Announce(hook, ca)
		return nil
	})
	return namespaces, nil
}
