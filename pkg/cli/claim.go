// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// claim is who a member belongs to. It stands on the member's namespace for Drover, so that no member is joined twice.
type claim struct {
	federation string // UID of the federation's system namespace
	server     string // URL of the federation, for people
	cluster    string // name of the Cluster
}

func claimOf(ns *corev1.Namespace) claim {
	a := ns.Annotations
	return claim{federation: a[v1alpha1.AnnotationFederation], server: a[v1alpha1.AnnotationFederationServer], cluster: a[v1alpha1.AnnotationCluster]}
}

func (c claim) mark(ns *corev1.Namespace) {
	metav1.SetMetaDataAnnotation(&ns.ObjectMeta, v1alpha1.AnnotationFederation, c.federation)
	metav1.SetMetaDataAnnotation(&ns.ObjectMeta, v1alpha1.AnnotationFederationServer, c.server)
	metav1.SetMetaDataAnnotation(&ns.ObjectMeta, v1alpha1.AnnotationCluster, c.cluster)
}

// conflict says why a namespace cannot be claimed; nil if it can. joined says whether a name is that of a cluster of
// this federation.
func (c claim) conflict(ns *corev1.Namespace, m *connection, joined func(name string) bool) error {
	is, remedy := claimOf(ns), fmt.Sprintf("delete it: %s delete namespace %s", m.kubectl(), ns.Name)
	switch {
	case string(ns.UID) == c.federation:
		return fmt.Errorf("%s: this is the federation itself\n(%s)\nchoose the cluster that is to join by %s%s or %s", m.name, m.where(), m.contextFlag, m.others(), m.fileFlag)
	case is.federation == "":
		return fmt.Errorf("%s: there is a namespace %s that join did not make; unjoin would delete it with all that is in it\n(%s)\n"+
			"if nobody needs it, %s", m.name, ns.Name, m.where(), remedy)
	case is.federation != c.federation:
		return fmt.Errorf("%s: it is joined to another federation as %q: %s, whose id is %s\n(%s)\n"+
			"unjoin it there first; if that federation is gone for good, %s", m.name, is.cluster, is.server, is.federation, m.where(), remedy)
	case is.cluster != c.cluster && joined(is.cluster):
		return fmt.Errorf("%s: it is joined already, as %q\n(%s)\na cluster has one name: use that, or first: kubectl drover unjoin %s", m.name, is.cluster, m.where(), is.cluster)
	}
	return nil
}

// claim makes sure that the member has a namespace for Drover with the claim on it. It returns the namespace, and the
// name that an earlier join, which did not get to its end, had given the cluster.
func (m *member) claim(ctx context.Context, c claim, joined func(name string) bool, poll, timeout time.Duration, out *progress) (ns *corev1.Namespace, before string, err error) {
	namespaces := m.kube.CoreV1().Namespaces()
	what := "namespace " + v1alpha1.SystemNamespace
	var blocked error
	announce := changes{progress: out}
	err = wait.PollUntilContextTimeout(ctx, poll, timeout, true, func(ctx context.Context) (done bool, err error) {
		ns, err = namespaces.Get(ctx, v1alpha1.SystemNamespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			ns, err = m.createNamespace(ctx, c)
			return ns != nil, err
		}
		if err != nil {
			return false, m.explain("get "+what, err)
		}
		if ns.DeletionTimestamp != nil {
			blocked = fmt.Errorf("%s: %s is still being deleted, from an earlier unjoin\n(%s)\ntry again when it is gone: %s get namespaces",
				m.name, what, m.where(), m.kubectl())
			announce.show("waiting for " + what + " of an earlier join to be deleted")
			return false, nil
		}
		if err := c.conflict(ns, m.connection, joined); err != nil {
			return false, err
		}
		is := claimOf(ns)
		if is == c {
			return true, nil
		}
		if is.cluster != c.cluster {
			before = is.cluster
		}
		c.mark(ns)
		ns, err = namespaces.Update(ctx, ns, metav1.UpdateOptions{FieldManager: fieldManager})
		if apierrors.IsConflict(err) {
			return false, nil
		}
		return err == nil, m.explain("update "+what, err)
	})
	if wait.Interrupted(err) && blocked != nil && ctx.Err() == nil {
		return nil, "", blocked
	}
	return ns, before, err
}

// createNamespace returns nil if somebody else was faster.
func (m *member) createNamespace(ctx context.Context, c claim) (*corev1.Namespace, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.SystemNamespace}}
	c.mark(ns)
	ns, err := m.kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil, nil
	case err != nil:
		return nil, m.explain("create namespace "+v1alpha1.SystemNamespace, err)
	}
	return ns, nil
}
