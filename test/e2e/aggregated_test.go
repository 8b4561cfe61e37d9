// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// hosted is a federation that a host cluster aggregates, installed there as the manifests say.
type hosted struct {
	*testing.T
	host       *harness.Member
	federation *harness.Federation
}

// install installs a federation behind a cluster, as the guide says. The member has nobody who runs its pods: one that runs
// outside of it is what the pod would be.
func install(t *testing.T) *hosted {
	t.Helper()
	host, err := lab.StartMember(t.Context(), harness.MemberOptions{Name: "host", Region: "h"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Kill)
	h := &hosted{T: t, host: host}
	follow(t, "../../docs/tasks/install-behind-a-cluster.md", linked(t, "artifacts", "../../artifacts"), host.Kubeconfig, func(command string) string {
		if strings.HasPrefix(command, "kubectl wait apiservice") {
			h.runPod()
		}
		if inPod, ok := strings.CutPrefix(command, "kubectl exec -n drover deployment/drover -- /"); ok {
			return strings.Replace(inPod, podData, h.federation.DataDir, 1)
		}
		return command
	})
	h.kubectl("delete", "namespace", "shop", "--timeout", patience.String())
	h.eventuallyWithoutShop()
	return h
}

// eventuallyWithoutShop waits until the federation has no namespace shop, as the host has none.
func (h *hosted) eventuallyWithoutShop() {
	h.Helper()
	harness.Eventually(h, patience, func() error {
		if _, err := h.federation.Kube.CoreV1().Namespaces().Get(h.Context(), "shop", getOptions); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the federation has the namespace still: %w", err)
		}
		return nil
	})
}

const (
	podData       = "/var/lib/drover"
	podEncryption = "/etc/drover/encryption"
)

// runPod runs what the pod of the Deployment would: by its ServiceAccount, with its arguments and what it mounts. Then it does
// what the guide says of a federation outside the host: no pod of it, and a Service that leads there. The volume stays: the
// member has nobody to let it go.
func (h *hosted) runPod() {
	h.Helper()
	h.kubectl("auth", "can-i", "create", "subjectaccessreviews.authorization.k8s.io", "--as", "system:serviceaccount:drover:drover")
	token := strings.TrimSpace(h.kubectl("create", "token", "drover", "-n", "drover", "--duration", "2h"))
	args := []string{"--host-kubeconfig", h.kubeconfig("drover", &clientcmdapi.AuthInfo{Token: token})}
	pod, err := h.host.Client.AppsV1().Deployments("drover").Get(h.Context(), "drover", getOptions)
	if err != nil {
		h.Fatal(err)
	}
	for _, arg := range pod.Spec.Template.Spec.Containers[0].Args {
		switch flag, _, _ := strings.Cut(arg, "="); flag {
		case "start", "--data-dir", "--bind-address": // the lab says where
		case "--encryption-provider-config":
			args = append(args, strings.Replace(arg, podEncryption, h.mounted("drover-encryption"), 1))
		default:
			args = append(args, arg)
		}
	}
	if h.federation, err = lab.StartFederation(h.Context(), "aggregated", args...); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(h.federation.Kill)
	harness.ReportOnFailure(h.T, h.host.Process, h.federation.Process)
	server, err := url.Parse(h.federation.Config.Host)
	if err != nil {
		h.Fatal(err)
	}
	h.kubectl("delete", "-n", "drover", "deployment/drover", "service/drover", "--timeout", patience.String())
	manifest, err := os.ReadFile("../../artifacts/examples/host-service.yaml")
	if err != nil {
		h.Fatal(err)
	}
	h.apply(strings.ReplaceAll(string(manifest), "drover.example.com", server.Hostname()))
}

// mounted writes what is in a Secret of the namespace drover to files, as a pod that mounts it finds it.
func (h *hosted) mounted(secret string) (dir string) {
	h.Helper()
	s, err := h.host.Client.CoreV1().Secrets("drover").Get(h.Context(), secret, getOptions)
	if err != nil {
		h.Fatal(err)
	}
	dir = h.TempDir()
	for name, data := range s.Data {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			h.Fatal(err)
		}
	}
	return dir
}

// kubeconfig writes one for the host.
func (h *hosted) kubeconfig(name string, who *clientcmdapi.AuthInfo) string {
	h.Helper()
	config, err := clientcmd.LoadFromFile(h.host.Kubeconfig)
	if err != nil {
		h.Fatal(err)
	}
	for key := range config.AuthInfos {
		config.AuthInfos[key] = who
	}
	path := filepath.Join(h.TempDir(), name)
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		h.Fatal(err)
	}
	return path
}

// kubectl is what the host's administrator types, there. It has to succeed.
func (h *hosted) kubectl(args ...string) string {
	h.Helper()
	out, err := h.host.Kubectl().Run(h.Context(), args...)
	if err != nil {
		h.Fatal(err)
	}
	return out
}

func (h *hosted) apply(manifest string, args ...string) {
	h.Helper()
	if _, err := h.host.Kubectl().RunWithInput(h.Context(), manifest, append([]string{"apply", "-f", "-"}, args...)...); err != nil {
		h.Fatal(err)
	}
}

// kubectlFails types what has to fail, and returns what kubectl says.
func (h *hosted) kubectlFails(args ...string) string {
	h.Helper()
	out, err := h.host.Kubectl().Run(h.Context(), args...)
	var failed *harness.CommandError
	if !errors.As(err, &failed) {
		h.Fatalf("kubectl %s: got %v and\n%s\nwant it to fail", strings.Join(args, " "), err, out)
	}
	return failed.Stderr
}

func (h *hosted) wants(got string, want ...string) {
	h.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			h.Errorf("got\n%s\nwant %q in it", got, w)
		}
	}
}

const federatedDeployment = `
apiVersion: federation.drover.dev/v1alpha1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
`

// A host cluster shows the federation's objects beside its own: what is created there is in the federation, who may do what
// with it is up to the host, and the host's namespaces are good for it.
func TestAggregated(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.kubectl("create", "namespace", "shop")

	t.Run("verbs", func(t *testing.T) { h.on(t).verbs() })
	t.Run("rights", func(t *testing.T) { h.on(t).rights() })
	t.Run("two kinds of users", func(t *testing.T) { h.on(t).users() })
	t.Run("garbage collection", func(t *testing.T) { h.on(t).garbage() })
	t.Run("namespaces", func(t *testing.T) { h.on(t).namespaces() })
	t.Run("without the host", func(t *testing.T) { h.on(t).withoutHost() })
}

func (h *hosted) on(t *testing.T) *hosted {
	on := *h
	on.T = t
	return &on
}

func (h *hosted) verbs() {
	const deployments = "deployments.federation.drover.dev"
	watched := h.watch("get", deployments, "-n", "shop", "--watch", "-o", "name")
	h.apply(federatedDeployment)
	h.await(watched, "deployment.federation.drover.dev/web")
	h.wants(h.kubectl("get", deployments, "-n", "shop"), "web", "0/3", "CLUSTERS")
	if own := h.kubectl("get", "deployments", "-n", "shop"); strings.Contains(own, "web") {
		h.Errorf("deployments are the host's own no more:\n%s", own)
	}
	h.apply(federatedDeployment, "--server-side", "--force-conflicts", "--field-manager", "shop")
	conflicting := strings.ReplaceAll(federatedDeployment, "replicas: 3", "replicas: 4")
	_, err := h.host.Kubectl().RunWithInput(h.Context(), conflicting, "apply", "--server-side", "--field-manager", "other", "-f", "-")
	if err == nil || !strings.Contains(err.Error(), ".spec.replicas") {
		h.Errorf("applied over what another owns: %v", err)
	}
	h.kubectl("scale", deployments, "web", "-n", "shop", "--replicas", "5")
	h.kubectl("patch", deployments, "web", "-n", "shop", "--type=merge", "-p", `{"metadata":{"labels":{"team":"blue"}}}`)
	harness.Eventually(h, patience, func() error { // the host fetches schemas in its own time
		_, err := h.host.Kubectl().Run(h.Context(), "explain", "deployments.federation.drover.dev.spec.replicas")
		return err
	})
	h.wants(h.kubectl("explain", "deployments.federation.drover.dev.spec.replicas"), "federation.drover.dev", "replicas")
	// The host does not look for the schemas of its own kinds in the federation.
	for _, own := range []string{"deployments", "services", "jobs", "ingresses", "leases", "roles", "horizontalpodautoscalers", "poddisruptionbudgets"} {
		h.wants(h.kubectl("explain", own), "VERSION", "DESCRIPTION")
	}
	h.wants(h.kubectl("explain", "placementpolicy.spec.clusters"), "weight")

	same, err := h.federation.Kube.AppsV1().Deployments("shop").Get(h.Context(), "web", getOptions)
	if err != nil {
		h.Fatal(err)
	}
	if *same.Spec.Replicas != 5 || same.Labels["team"] != "blue" {
		h.Errorf("in the federation it has %d replicas and labels %v", *same.Spec.Replicas, same.Labels)
	}
	harness.Eventually(h, patience, func() error {
		_, err := h.federation.Drover.FederationV1alpha1().Placements("shop").Get(h.Context(), "deployment-web", getOptions)
		return err
	})
	h.wants(h.kubectl("get", "placements", "-n", "shop"), "deployment-web")
	h.kubectl("delete", deployments, "web", "-n", "shop", "--timeout", patience.String())
}

// watch starts kubectl, and returns the lines it prints.
func (h *hosted) watch(args ...string) <-chan string {
	h.Helper()
	out, err := h.host.Kubectl().Start(h.Context(), args...)
	if err != nil {
		h.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

func (h *hosted) await(lines <-chan string, want string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	defer cancel()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				h.Fatalf("the watch ended without %q", want)
			}
			if strings.Contains(line, want) {
				return
			}
		case <-ctx.Done():
			h.Fatalf("the watch has not shown %q", want)
		}
	}
}

// The host says who may do what, and its rights on its own Deployments are none on the federation's.
func (h *hosted) rights() {
	h.kubectl("create", "rolebinding", "alice", "--clusterrole", "admin", "--user", "alice", "-n", "shop")
	h.wants(h.kubectlFails("get", "deployments.federation.drover.dev", "-n", "shop", "--as", "alice"), "Forbidden", "alice")
	h.kubectl("create", "rolebinding", "alice-view", "--clusterrole", "drover-view", "--user", "alice", "-n", "shop")
	harness.Eventually(h, patience, func() error {
		_, err := h.host.Kubectl().Run(h.Context(), "get", "deployments.federation.drover.dev", "-n", "shop", "--as", "alice")
		return err
	})
	h.wants(h.kubectlFails("create", "-n", "shop", "--as", "alice", "-f", h.file(federatedDeployment)), "Forbidden")
	h.wants(h.kubectlFails("get", "secrets.federation.drover.dev", "-n", "shop", "--as", "alice"), "Forbidden")
	h.kubectl("create", "rolebinding", "bob", "--clusterrole", "drover-edit", "--user", "bob", "-n", "shop")
	harness.Eventually(h, patience, func() error {
		_, err := h.host.Kubectl().Run(h.Context(), "create", "configmap", "settings", "-n", "shop", "--from-literal", "a=b", "--as", "bob", "--dry-run=client", "-o", "yaml")
		return err
	})
	settings := "apiVersion: federation.drover.dev/v1alpha1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {a: b}\n"
	h.apply(settings, "--as", "bob")
	if got, err := h.federation.Kube.CoreV1().ConfigMaps("shop").Get(h.Context(), "settings", getOptions); err != nil || got.Data["a"] != "b" {
		h.Errorf("in the federation it is %v, %v", got, err)
	}
	h.wants(h.kubectlFails("get", "deployments.federation.drover.dev", "-n", "default", "--as", "bob"), "Forbidden")
}

// file writes a manifest to a file.
func (h *hosted) file(manifest string) string {
	h.Helper()
	path := filepath.Join(h.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(manifest), 0o600); err != nil {
		h.Fatal(err)
	}
	return path
}

// A token of the host is good at the federation's own address, for what the host says. It makes nobody who has the same name
// in the federation.
func (h *hosted) users() {
	h.kubectl("create", "serviceaccount", "robot", "-n", "shop")
	token := strings.TrimSpace(h.kubectl("create", "token", "robot", "-n", "shop"))
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	if _, err := h.federation.Kube.CoreV1().ServiceAccounts("shop").Create(h.Context(), account, createOptions); err != nil {
		h.Fatal(err)
	}
	own := h.federation.Kubectl()
	if _, err := own.Run(h.Context(), "create", "clusterrolebinding", "robot", "--clusterrole", "cluster-admin", "--serviceaccount", "shop:robot"); err != nil {
		h.Fatal(err)
	}
	robot := []string{"--token", token, "--server", h.federation.Config.Host, "--certificate-authority", filepath.Join(h.federation.DataDir, "pki", "ca.crt"), "--kubeconfig", h.file("")}
	who, err := own.Run(h.Context(), append([]string{"get", "--raw", "/version"}, robot...)...)
	if err != nil {
		h.Errorf("the host's account is not known: %v\n%s", err, who)
	}
	if out, err := own.Run(h.Context(), append([]string{"get", "configmaps", "-n", "shop"}, robot...)...); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		h.Errorf("the host's account has the rights of the federation's: %v\n%s", err, out)
	}
	h.kubectl("create", "rolebinding", "robot", "--clusterrole", "drover-view", "--serviceaccount", "shop:robot", "-n", "shop")
	harness.Eventually(h, patience, func() error {
		_, err := own.Run(h.Context(), append([]string{"get", "configmaps", "-n", "shop"}, robot...)...)
		return err
	})
	if out, err := own.Run(h.Context(), append([]string{"get", "clusters", "--as", "drover-admin", "--as-group", "system:masters"}, robot...)...); err == nil {
		h.Errorf("the host's account becomes the federation's administrator:\n%s", out)
	}
	h.wants(h.kubectlFails("get", "secrets.federation.drover.dev", "-n", v1alpha1.SystemNamespace), "NotFound")
}

// The host's garbage collector sees owners that it cannot know, and is not let delete what it takes for left over.
func (h *hosted) garbage() {
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "apps/v1", Kind: "Deployment", Name: "gone", UID: "11111111-2222-3333-4444-555555555555"},
	}}}
	if _, err := h.federation.Kube.CoreV1().ConfigMaps("shop").Create(h.Context(), owned, createOptions); err != nil {
		h.Fatal(err)
	}
	harness.Eventually(h, patience, func() error {
		for _, path := range h.host.Logs {
			log, err := os.ReadFile(path)
			if err != nil || strings.Contains(string(log), "does not collect what is the federation's") {
				return err
			}
		}
		return errors.New("the host has not tried to collect it")
	})
	if _, err := h.federation.Kube.CoreV1().ConfigMaps("shop").Get(h.Context(), "owned", getOptions); err != nil {
		h.Errorf("the host has collected it: %v", err)
	}
}

// A namespace of the host is good for federated objects, and takes them along when it is deleted.
func (h *hosted) namespaces() {
	nowhere := strings.ReplaceAll(federatedDeployment, "namespace: shop", "namespace: nowhere")
	h.wants(h.kubectlFails("create", "-f", h.file(nowhere)), `namespaces "nowhere" not found`)
	if _, err := h.federation.Kube.CoreV1().Namespaces().Create(h.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "nowhere"}}, createOptions); err != nil {
		h.Fatal(err)
	}
	h.wants(h.kubectlFails("create", "-f", h.file(nowhere)), `namespaces "nowhere" not found`)

	h.apply(federatedDeployment)
	h.kubectl("delete", "namespace", "shop", "--timeout", patience.String())
	h.eventuallyWithoutShop()
	h.kubectl("create", "namespace", v1alpha1.SystemNamespace)
	h.kubectl("delete", "namespace", v1alpha1.SystemNamespace, "--timeout", patience.String())
	if _, err := h.federation.Kube.CoreV1().Namespaces().Get(h.Context(), v1alpha1.SystemNamespace, getOptions); err != nil {
		h.Errorf("the federation's own namespace went with one of the host: %v", err)
	}
}

// The federation does not need its host to live, nor to start.
func (h *hosted) withoutHost() {
	h.host.Kill()
	h.federation.Kill()
	if err := h.federation.Start(h.Context()); err != nil {
		h.Fatal(err)
	}
	if _, err := h.federation.Kube.CoreV1().ConfigMaps("default").Create(h.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "alone"}}, createOptions); err != nil {
		h.Error(err)
	}
	if err := h.host.Start(h.Context()); err != nil {
		h.Fatal(err)
	}
	harness.Eventually(h, 2*patience, func() error {
		_, err := h.host.Kubectl().Run(h.Context(), "get", "configmaps.federation.drover.dev", "alone", "-n", "default")
		return err
	})
}
