// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"

	"drover.dev/drover/pkg/access/pki"
)

// minLifetime is the least a certificate is issued for, as in Kubernetes.
const minLifetime = 10 * time.Minute

// systemGroups are the groups with a reserved name that people and programs can be put into.
var systemGroups = []string{user.SystemPrivilegedGroup, user.MonitoringGroup, "system:drover:controllers", "system:drover:dns"}

// Request says whom a certificate is for.
type Request struct {
	User     string
	Groups   []string
	Lifetime time.Duration
}

// PKIDir is where the authority is kept in a data directory.
func PKIDir(dataDir string) string { return filepath.Join(dataDir, "pki") }

// AdminKubeconfig is the administrator's kubeconfig in a data directory.
func AdminKubeconfig(dataDir string) string { return filepath.Join(dataDir, "admin.kubeconfig") }

// Issue makes a kubeconfig with a certificate for somebody, by the authority in a data directory, and says when it ends.
// The server is empty for that of the administrator's kubeconfig there. Nothing is written.
func Issue(dataDir, server string, r Request, now time.Time) (config []byte, end time.Time, err error) {
	if err := r.validate(); err != nil {
		return nil, end, err
	}
	authority, err := pki.Load(PKIDir(dataDir))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, end, fmt.Errorf("no certificate authority in %s\nname the data directory of drover start or drover apiserver by --data-dir, on the machine where that runs", PKIDir(dataDir))
	case errors.Is(err, fs.ErrPermission):
		return nil, end, fmt.Errorf("%w\nonly who may read the authority's key can issue certificates: run this as the user that drover runs as", err)
	case err != nil:
		return nil, end, err
	}
	if end = now.Add(r.Lifetime); end.After(authority.End()) {
		return nil, end, fmt.Errorf("the authority itself ends on %s\nchoose a shorter --expiration", authority.End().UTC().Format(time.RFC3339))
	}
	admin, err := clientcmd.LoadFromFile(AdminKubeconfig(dataDir))
	if err != nil && (server == "" || slices.Contains(r.Groups, user.SystemPrivilegedGroup)) {
		return nil, end, fmt.Errorf("kubeconfig of the administrator: %w\nstart drover once: it writes the file", err)
	}
	if slices.Contains(r.Groups, user.SystemPrivilegedGroup) && !isMaster(authority, admin, now) {
		return nil, end, fmt.Errorf("%s holds no valid certificate of %s\nonly an administrator can make another one", AdminKubeconfig(dataDir), user.SystemPrivilegedGroup)
	}
	if server == "" {
		if server = serverOf(admin); server == "" {
			return nil, end, fmt.Errorf("%s names no server\nsay where the federation is reached by --server", AdminKubeconfig(dataDir))
		}
	}
	ca, err := os.ReadFile(authority.CAFile())
	if err != nil {
		return nil, end, err
	}
	crt, key, err := authority.Sign(pki.Request{User: r.User, Groups: r.Groups}, now, r.Lifetime)
	if err != nil {
		return nil, end, err
	}
	config, err = kubeconfig(server, ca, crt, key, r.User)
	return config, end, err
}

func (r *Request) validate() error {
	switch {
	case r.User == "":
		return errors.New("--user is missing: the name that roles are bound to")
	case strings.HasPrefix(r.User, "system:"):
		return fmt.Errorf("--user %s: names that begin with system: belong to the federation and its ServiceAccounts\nchoose another name", r.User)
	case r.Lifetime < minLifetime:
		return fmt.Errorf("--expiration %s: must be at least %s", r.Lifetime, minLifetime)
	}
	for _, group := range r.Groups {
		if strings.HasPrefix(group, "system:") && !slices.Contains(systemGroups, group) {
			return fmt.Errorf("--group %s: of the groups that begin with system: there are %s to join", group, strings.Join(systemGroups, ", "))
		}
	}
	for _, name := range append([]string{r.User}, r.Groups...) {
		if name == "" || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return fmt.Errorf("%q is no name: it must be text without control characters", name)
		}
	}
	return nil
}

// isMaster says whether the current user of a kubeconfig is an administrator.
func isMaster(authority *pki.Authority, config *clientcmdapi.Config, now time.Time) bool {
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.AuthInfos[current.AuthInfo] == nil {
		return false
	}
	certs, err := cert.ParseCertsPEM(config.AuthInfos[current.AuthInfo].ClientCertificateData)
	return err == nil && authority.Issued(certs[0]) && now.Before(certs[0].NotAfter) && slices.Contains(certs[0].Subject.Organization, user.SystemPrivilegedGroup)
}

func serverOf(config *clientcmdapi.Config) string {
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.Clusters[current.Cluster] == nil {
		return ""
	}
	return config.Clusters[current.Cluster].Server
}
