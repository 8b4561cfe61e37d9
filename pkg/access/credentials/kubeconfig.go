// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package credentials is how people get a certificate of the federation's authority, and the kubeconfig it is in.
package credentials

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"drover.dev/drover/pkg/access/pki"
)

// ContextName is the context of the kubeconfig files Drover writes.
const ContextName = "federation"

// WriteKubeconfig writes a kubeconfig for the API server at a URL, with the certificates in it, readable by its owner.
func WriteKubeconfig(path, server, caFile string, client pki.Pair, userName string) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	crt, err := os.ReadFile(client.CertFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(client.KeyFile)
	if err != nil {
		return err
	}
	data, err := kubeconfig(server, ca, crt, key, userName)
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	return pki.WriteFile(path, data)
}

// kubeconfig is the text of a kubeconfig with the certificates in it, all PEM.
func kubeconfig(server string, ca, crt, key []byte, userName string) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[ContextName] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[userName] = &clientcmdapi.AuthInfo{ClientCertificateData: crt, ClientKeyData: key}
	config.Contexts[ContextName] = &clientcmdapi.Context{Cluster: ContextName, AuthInfo: userName, Namespace: "default"}
	config.CurrentContext = ContextName
	return clientcmd.Write(*config)
}
