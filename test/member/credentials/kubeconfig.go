// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes the administrator's kubeconfig, complete in one file, with one context named after the cluster.
func WriteKubeconfig(file, cluster, server string, secrets *Files) error {
	read := map[string][]byte{secrets.CA: nil, secrets.AdminCertificate: nil, secrets.AdminKey: nil}
	for name := range read {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
		read[name] = data
	}
	user := cluster + "-admin"
	config := clientcmdapi.NewConfig()
	config.Clusters[cluster] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: read[secrets.CA]}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{
		ClientCertificateData: read[secrets.AdminCertificate],
		ClientKeyData:         read[secrets.AdminKey],
	}
	config.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: user}
	config.CurrentContext = cluster
	encoded, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	return writeAtomically(file, encoded)
}
