// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/access/pki"
)

// defaultLifetime of a certificate. It cannot be revoked before.
const defaultLifetime = 30 * 24 * time.Hour

// KubeconfigOptions say for whom a kubeconfig is made, and by which authority.
type KubeconfigOptions struct {
	Streams
	credentials.Request
	DataDir, Server, Output string
}

// NewKubeconfigOptions returns the defaults.
func NewKubeconfigOptions(streams Streams) *KubeconfigOptions {
	return &KubeconfigOptions{Streams: streams, DataDir: "drover-data", Request: credentials.Request{Lifetime: defaultLifetime}}
}

// AddFlags adds the flags of the command.
func (o *KubeconfigOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.User, "user", o.User, "Name of the user: what roles are bound to.")
	// An array, not a slice: a comma is part of a name, and cannot bring in another group.
	fs.StringArrayVar(&o.Groups, "group", o.Groups, "Group the user is in. May be repeated.")
	fs.DurationVar(&o.Lifetime, "expiration", o.Lifetime, "How long the certificate is valid. It cannot be revoked before.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "`File` to write, readable by you only; by default the kubeconfig is printed.")
	fs.StringVar(&o.DataDir, "data-dir", o.DataDir, "Data `directory` of drover start or drover apiserver on this machine, with the key of the authority.")
	fs.StringVar(&o.Server, "server", o.Server, "URL the user reaches the federation by; by default that in the administrator's kubeconfig.")
}

// Run makes the kubeconfig and says what to do next.
func (o *KubeconfigOptions) Run(now time.Time) error {
	config, end, err := credentials.Issue(o.DataDir, o.Server, o.Request, now)
	if err != nil {
		return err
	}
	file := o.Output
	if file == "" {
		file = "FILE"
		if _, err := o.Out.Write(config); err != nil {
			return err
		}
	} else if err := pki.WriteFile(file, config); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	subject, name := "--user="+quote(o.User), o.User
	if len(o.Groups) > 0 {
		subject, name = "--group="+quote(o.Groups[0]), o.Groups[0]
	}
	fmt.Fprintf(o.ErrOut, "%s is valid until %s, and cannot be revoked before.\n", o.who(), end.UTC().Format(time.RFC3339))
	if strings.HasPrefix(name, "system:") {
		return nil // is bound to a role already
	}
	fmt.Fprintf(o.ErrOut, `It gives no rights by itself. As an administrator, bind a role in a namespace, for example:
  kubectl create rolebinding %s --clusterrole=edit %s --namespace=default
and see what that allows:
  kubectl --kubeconfig %s auth can-i --list
`, quote(bindingName(name)+"-edit"), subject, quote(file))
	return nil
}

func (o *KubeconfigOptions) who() string {
	if len(o.Groups) == 0 {
		return fmt.Sprintf("The certificate of user %s", o.User)
	}
	return fmt.Sprintf("The certificate of user %s in %s", o.User, strings.Join(o.Groups, ", "))
}

// bindingName makes a name for an object of that of a user.
func bindingName(name string) string {
	return strings.NewReplacer("/", "-", "%", "-").Replace(name)
}

// quote makes a word for a shell, bare if it can be.
func quote(word string) string {
	if !strings.ContainsFunc(word, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@=+,", c)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
