// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
)

const (
	kubeconfigFlag = "--kubeconfig"
	contextFlag    = "--context"
	// needsFederation is what to say to one whose credentials are not enough for a federation, needsMember for a cluster
	// that is to join.
	needsFederation = "use credentials that may administer the federation (drover start writes them to DATA_DIR/admin.kubeconfig)"
	needsMember     = "join makes a role there and can only give away rights it has: use credentials with the rights of cluster-admin"
)

// FederationOptions say where the federation is.
type FederationOptions struct {
	Kubeconfig string
	Context    string
}

// AddFlags adds the flags kubectl has for it.
func (o *FederationOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "Kubeconfig `file` of the federation; by default KUBECONFIG or ~/.kube/config.")
	fs.StringVar(&o.Context, "context", o.Context, "Context of the federation in that file; by default its current-context.")
}

// federation is the federation's API server.
type federation struct {
	*connection
	kube   kubernetes.Interface
	drover versioned.Interface
}

func (o *FederationOptions) connect(warnings io.Writer) (*federation, error) {
	c, err := kubeconfig{file: o.Kubeconfig, context: o.Context, fileFlag: kubeconfigFlag, contextFlag: contextFlag, needs: needsFederation}.load("the federation", warnings)
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, c.explain("connect", err)
	}
	drover, err := versioned.NewForConfig(c.config)
	if err != nil {
		return nil, c.explain("connect", err)
	}
	return &federation{connection: c, kube: kube, drover: drover}, nil
}

// check makes sure that the server is a federation.
func (f *federation) check(ctx context.Context) error {
	_, err := f.drover.Discovery().ServerResourcesForGroupVersionWithContext(ctx, v1alpha1.SchemeGroupVersion.String())
	if !apierrors.IsNotFound(err) {
		return f.explain("ask what it serves", err)
	}
	choose := "choose the federation by " + contextFlag + f.others() + " or " + kubeconfigFlag
	if f.contextName != credentials.ContextName && slices.Contains(f.contexts, credentials.ContextName) {
		choose = "add " + contextFlag + " " + credentials.ContextName + ", or choose another context" + f.others()
	}
	return fmt.Errorf("context %q of %s is not a Drover federation: %s does not serve %s\n%s",
		f.contextName, f.files, f.config.Host, v1alpha1.SchemeGroupVersion, choose)
}

// identity is what members know the federation by: the UID of its system namespace.
func (f *federation) identity(ctx context.Context) (string, error) {
	ns, err := f.kube.CoreV1().Namespaces().Get(ctx, v1alpha1.SystemNamespace, metav1.GetOptions{})
	if err != nil {
		return "", f.explain("get namespace "+v1alpha1.SystemNamespace, err)
	}
	return string(ns.UID), nil
}

// cluster returns a joined cluster, or nil if there is none of that name.
func (f *federation) cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error) {
	cluster, err := f.drover.FederationV1alpha1().Clusters().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return cluster, f.explain("get cluster "+name, err)
}

// clusterNames are the names of all joined clusters.
func (f *federation) clusterNames(ctx context.Context) ([]string, error) {
	list, err := f.drover.FederationV1alpha1().Clusters().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, f.explain("list clusters", err)
	}
	names := make([]string, 0, len(list.Items))
	for _, cluster := range list.Items {
		names = append(names, cluster.Name)
	}
	slices.Sort(names)
	return names, nil
}

// credentialsName is the name of the Secret with a cluster's credentials.
func credentialsName(cluster string) string { return "cluster-" + cluster }

// forget deletes what is left of a cluster's credentials.
func (f *federation) forget(ctx context.Context, cluster string) error {
	secrets := f.kube.CoreV1().Secrets(v1alpha1.SystemNamespace)
	secret, err := secrets.Get(ctx, credentialsName(cluster), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && secret.Labels[v1alpha1.LabelCluster] != cluster {
		return nil
	}
	if err == nil {
		err = secrets.Delete(ctx, secret.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(secret.UID))})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return f.explain("delete Secret "+credentialsName(cluster), err)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
