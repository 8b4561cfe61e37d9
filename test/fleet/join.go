// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/members"
)

// joiners is how many clusters are joined at once.
const joiners = 16

// Join joins all clusters to a federation in seconds: without the checks of kubectl drover join, and without the roles it
// makes, which nobody here asks for. It does not wait until they are ready.
func (f *Fleet) Join(ctx context.Context, federation *restclient.Config) error {
	kube, err := kubernetes.NewForConfig(federation)
	if err != nil {
		return err
	}
	drover, err := versioned.NewForConfig(federation)
	if err != nil {
		return err
	}
	system, err := kube.CoreV1().Namespaces().Get(ctx, v1alpha1.SystemNamespace, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("identity of the federation: %w", err)
	}
	claim := map[string]string{v1alpha1.AnnotationFederation: string(system.UID), v1alpha1.AnnotationFederationServer: federation.Host}
	turn, errs := make(chan struct{}, joiners), make([]error, len(f.Clusters))
	var wg sync.WaitGroup
	for i, c := range f.Clusters {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if err := c.join(ctx, kube, drover, claim); err != nil {
				errs[i] = fmt.Errorf("join %s: %w", c.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c *Cluster) join(ctx context.Context, kube kubernetes.Interface, drover versioned.Interface, claim map[string]string) error {
	token, expires, err := c.account(claim)
	if err != nil {
		return err
	}
	ref := v1alpha1.SecretReference{Namespace: v1alpha1.SystemNamespace, Name: "cluster-" + c.Name}
	_, err = kube.CoreV1().Secrets(ref.Namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: ref.Name, Labels: map[string]string{v1alpha1.LabelCluster: c.Name},
			Annotations: map[string]string{v1alpha1.AnnotationTokenExpires: expires.UTC().Format(time.RFC3339)},
		},
		Data: map[string][]byte{corev1.ServiceAccountTokenKey: []byte(token)},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = drover.FederationV1alpha1().Clusters().Create(ctx, &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, Finalizers: []string{v1alpha1.FinalizerLeave}},
		Spec:       v1alpha1.ClusterSpec{Server: c.Server(), CABundle: c.fleet.certificates.CAPEM, CredentialsSecret: ref},
	}, metav1.CreateOptions{})
	return err
}

// account makes the namespace and the ServiceAccount of Drover in the cluster, and a token.
func (c *Cluster) account(claim map[string]string) (token string, expires time.Time, err error) {
	server := c.fleet.server
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.SystemNamespace, Annotations: map[string]string{v1alpha1.AnnotationCluster: c.Name}}}
	for key, value := range claim {
		ns.Annotations[key] = value
	}
	if err := c.create(c.inside(""), server.namespaces, ns); err != nil {
		return "", time.Time{}, err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: members.AccountName}}
	if err := c.create(c.inside(ns.Name), server.stores["serviceaccounts"], account); err != nil {
		return "", time.Time{}, err
	}
	made, ok := c.space.Get("serviceaccounts", account.Namespace, account.Name).(*corev1.ServiceAccount)
	if !ok {
		return "", time.Time{}, errors.New("its ServiceAccount was deleted meanwhile")
	}
	return c.newToken(made, members.TokenLifetime)
}
