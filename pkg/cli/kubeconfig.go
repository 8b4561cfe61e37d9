// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig says which file and context to take, and by which flags one says so.
type kubeconfig struct {
	file, context         string // empty: as kubectl does
	fileFlag, contextFlag string
	// needs is what to say to one whose credentials are not enough.
	needs string
}

// connection is a server, and the credentials for it, as a context of a kubeconfig describes them.
type connection struct {
	kubeconfig
	// name is what the server is to the person at the keyboard: "the federation", "cluster east".
	name string
	// files is where the context was found, contexts are all that were found there.
	files    string
	contexts []string
	// context, and what it refers to in the files.
	contextName, clusterName, userName string
	proxyURL                           string
	config                             *rest.Config
}

// load reads the kubeconfig the way kubectl does.
func (k kubeconfig) load(name string, warnings io.Writer) (*connection, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = k.file
	c := &connection{kubeconfig: k, name: name, files: k.file}
	if k.file == "" {
		c.files = strings.Join(rules.GetLoadingPrecedence(), ", ")
	}
	raw, err := rules.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file: %w\ngive the right one by %s", k.fileFlag, err, k.fileFlag)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("kubeconfig of %s: %w\nmake the file readable, or give another one by %s", name, err, k.fileFlag)
	case err != nil:
		return nil, fmt.Errorf("kubeconfig of %s: %s is not a kubeconfig: %w\ngive the right one by %s", name, c.files, err, k.fileFlag)
	}
	if c.contextName, err = k.choose(raw, c.files, name); err != nil {
		return nil, err
	}
	c.contexts = slices.Sorted(maps.Keys(raw.Contexts))
	chosen := raw.Contexts[c.contextName]
	c.clusterName, c.userName = chosen.Cluster, chosen.AuthInfo
	if cluster := raw.Clusters[chosen.Cluster]; cluster != nil {
		c.proxyURL = cluster.ProxyURL
	}
	c.config, err = clientcmd.NewNonInteractiveClientConfig(*raw, c.contextName, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q of %s cannot be used: %w\nrepair the file, or choose another context by %s%s", c.contextName, c.files, err, k.contextFlag, c.others())
	}
	c.config.Timeout = callTimeout
	if c.config.ExecProvider != nil {
		c.config.Timeout = time.Minute // the plugin may ask a person to log in
	}
	c.config.UserAgent = fieldManager
	c.config.QPS, c.config.Burst = 50, 100
	c.config.WarningHandler = rest.NewWarningWriter(warnings, rest.WarningWriterOptions{Deduplicate: true})
	return c, nil
}

// choose is kubectl's rule: the context asked for, or else the current one.
func (k kubeconfig) choose(raw *clientcmdapi.Config, files, name string) (string, error) {
	contexts := strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", ")
	switch {
	case contexts == "" && k.file == "":
		return "", fmt.Errorf("no kubeconfig for %s: there is none at %s\ngive one by %s or the variable KUBECONFIG; drover start writes DATA_DIR/admin.kubeconfig", name, files, k.fileFlag)
	case contexts == "":
		return "", fmt.Errorf("kubeconfig of %s: %s has no contexts\ngive another file by %s", name, files, k.fileFlag)
	case k.context == "" && raw.CurrentContext == "":
		return "", fmt.Errorf("kubeconfig of %s: %s has no current-context\nchoose one by %s; it has: %s", name, files, k.contextFlag, contexts)
	}
	chosen := k.context
	if chosen == "" {
		chosen = raw.CurrentContext
	}
	if raw.Contexts[chosen] == nil {
		return "", fmt.Errorf("kubeconfig of %s: no context %q in %s\nchoose one by %s; it has: %s", name, chosen, files, k.contextFlag, contexts)
	}
	return chosen, nil
}

// where says what the user pointed at.
func (c *connection) where() string {
	return fmt.Sprintf("%s, context %q of %s", c.config.Host, c.contextName, c.files)
}

// others lists the contexts one could have chosen instead.
func (c *connection) others() string {
	others := slices.DeleteFunc(slices.Clone(c.contexts), func(name string) bool { return name == c.contextName })
	if len(others) == 0 {
		return ""
	}
	return " (the file also has: " + strings.Join(others, ", ") + ")"
}

// flags repeats what was said to get here, for people to copy.
func (c *connection) flags() string {
	out := ""
	if c.file != "" {
		out += " --kubeconfig " + c.file
	}
	if c.context != "" {
		out += " --context " + c.context
	}
	return out
}

// kubectl starts a command that speaks to this server, for people to copy.
func (c *connection) kubectl() string {
	if c.file == "" {
		return "kubectl --context " + c.contextName
	}
	return "kubectl --kubeconfig " + c.file + " --context " + c.contextName
}

// requireTLS refuses what would talk to a member without knowing that it is the member, and loads the authorities that
// sign its certificate.
func (c *connection) requireTLS() error {
	if u, err := url.Parse(c.config.Host); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s: the server in %s is %q\nDrover speaks to clusters by TLS only: the server must be an https URL, e.g. https://10.0.0.1:6443", c.name, c.files, c.config.Host)
	}
	tls := &c.config.TLSClientConfig
	if len(tls.CAData) == 0 && tls.CAFile != "" {
		data, err := os.ReadFile(tls.CAFile)
		if err != nil {
			return fmt.Errorf("%s: certificate-authority of %q in %s: %w", c.name, c.clusterName, c.files, err)
		}
		tls.CAData, tls.CAFile = data, ""
	}
	if tls.Insecure && len(tls.CAData) == 0 {
		return fmt.Errorf("%s: %s has insecure-skip-tls-verify for %q, and no certificate authority to check the server by; "+
			"Drover always checks, or else anybody on the way could take over the cluster\n"+
			"get the cluster's CA certificate, then: %s config set-cluster %s --insecure-skip-tls-verify=false --certificate-authority=CA.crt --embed-certs",
			c.name, c.files, c.clusterName, c.kubectl(), c.clusterName)
	}
	tls.Insecure = false
	return nil
}
