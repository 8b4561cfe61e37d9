// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"drover.dev/drover/test/harness"
)

// What kubectl says to a federation is what it says to any cluster: the same scripts are spoken to both.
func TestConversations(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	east := shared.members["east"]
	t.Run("federation", func(t *testing.T) { converse(t, "everywhere", "federation", shared.Kubeconfig, shared.Kube) })
	t.Run("cluster", func(t *testing.T) { converse(t, "everywhere", "cluster", east.Kubeconfig, east.Client) })
}

// What kubectl says of what only a federation has.
func TestFederationConversations(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	converse(t, "federation", "federation", shared.Kubeconfig, shared.Kube)
}

// converse runs the scripts of a directory, each in a namespace of its own, and in a shell whose kubectl is an
// administrator's. The partner is a condition in them: [federation] or [cluster].
func converse(t *testing.T, dir, partner, kubeconfig string, client kubernetes.Interface) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("conversations", dir),
		Setup: func(env *testscript.Env) error {
			return prepareConversation(env, partner, kubeconfig, client)
		},
		Condition: func(name string) (bool, error) {
			if name != "federation" && name != "cluster" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return name == partner, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"eventually": eventually},
	})
}

// prepareConversation makes a namespace, and a shell in which kubectl is in it. The variables are NS, its name, and, as
// contexts of kubectl, the names of the members of the federation.
func prepareConversation(env *testscript.Env, partner, kubeconfig string, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ns, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "conversation-" + partner + "-"}}, createOptions)
	if err != nil {
		return err
	}
	env.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = client.CoreV1().Namespaces().Delete(ctx, ns.Name, deleteOptions) // the script may have
	})
	config, err := conversationKubeconfig(kubeconfig, ns.Name)
	if err != nil {
		return err
	}
	env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, ".kubeconfig"))
	env.Setenv("KUBECACHEDIR", filepath.Join(env.WorkDir, ".kube-cache"))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("NS", ns.Name)
	if err := clientcmd.WriteToFile(*config, env.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	kubectl, err := harness.Binary("kubectl")
	if err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	return os.Symlink(kubectl, filepath.Join(bin, "kubectl"))
}

// conversationKubeconfig is a kubeconfig with its context in a namespace, and with contexts for the members beside it.
func conversationKubeconfig(path, namespace string) (*api.Config, error) {
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	for name, m := range shared.members {
		member, err := clientcmd.LoadFromFile(m.Kubeconfig)
		if err != nil {
			return nil, err
		}
		current := member.Contexts[member.CurrentContext]
		config.Clusters["member-"+name], config.AuthInfos["member-"+name] = member.Clusters[current.Cluster], member.AuthInfos[current.AuthInfo]
		config.Contexts[name] = &api.Context{Cluster: "member-" + name, AuthInfo: "member-" + name}
	}
	for _, c := range config.Contexts {
		c.Namespace = namespace
	}
	return config, nil
}

// eventually PATTERN COMMAND… runs a command until it succeeds and prints what the pattern matches, or, with a ! before
// it, until it fails or does not print that.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		if (err == nil && pattern.MatchString(out)) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %s, %s: %v\n%s%s", patience, strings.Join(args[1:], " "), err, out, ts.ReadFile("stderr"))
		}
		<-tick.C
	}
}
