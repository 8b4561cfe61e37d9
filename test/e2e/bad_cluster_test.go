// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A Cluster that cannot be used says why in a condition, and harms nobody.
func TestBadClusterIsNotReady(t *testing.T) {
	s := sharedSpace(t)
	east := s.members["east"]
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "wrong"}, Data: map[string][]byte{"token": []byte("wrong")}}
	empty := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "empty"}}
	for _, o := range []*corev1.Secret{secret, empty} {
		if _, err := s.Kube.CoreV1().Secrets(s.name).Create(t.Context(), o, createOptions); err != nil {
			t.Fatal(err)
		}
	}
	ca := east.Config.CAData
	for name, test := range map[string]struct {
		spec    v1alpha1.ClusterSpec
		reasons []string
	}{
		"bad-ca":         {v1alpha1.ClusterSpec{Server: east.Config.Host, CABundle: []byte("no certificate"), CredentialsSecret: v1alpha1.SecretReference{Name: "wrong"}}, []string{v1alpha1.ReasonCredentialsInvalid, v1alpha1.ReasonTLSFailed}},
		"no-ca":          {v1alpha1.ClusterSpec{Server: east.Config.Host, CredentialsSecret: v1alpha1.SecretReference{Name: "wrong"}}, []string{v1alpha1.ReasonTLSFailed}},
		"no-secret":      {v1alpha1.ClusterSpec{Server: east.Config.Host, CABundle: ca, CredentialsSecret: v1alpha1.SecretReference{Name: "none"}}, []string{v1alpha1.ReasonCredentialsMissing}},
		"empty-secret":   {v1alpha1.ClusterSpec{Server: east.Config.Host, CABundle: ca, CredentialsSecret: v1alpha1.SecretReference{Name: "empty"}}, []string{v1alpha1.ReasonCredentialsInvalid}},
		"wrong-token":    {v1alpha1.ClusterSpec{Server: east.Config.Host, CABundle: ca, CredentialsSecret: v1alpha1.SecretReference{Name: "wrong"}}, []string{v1alpha1.ReasonUnauthorized}},
		"nobody-listens": {v1alpha1.ClusterSpec{Server: "https://127.31.255.1:1", CABundle: ca, CredentialsSecret: v1alpha1.SecretReference{Name: "wrong"}}, []string{v1alpha1.ReasonUnreachable}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: test.spec}
			cluster.Spec.CredentialsSecret.Namespace = s.name
			clusters := s.Drover.FederationV1alpha1().Clusters()
			if _, err := clusters.Create(t.Context(), cluster, createOptions); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := clusters.Delete(context.Background(), name, deleteOptions); err != nil {
					t.Error(err)
				}
			})
			harness.Eventually(t, patience, func() error {
				c, err := clusters.Get(t.Context(), name, getOptions)
				if err != nil {
					return err
				}
				ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
				for _, reason := range test.reasons {
					if ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == reason && ready.Message != "" {
						return nil
					}
				}
				return fmt.Errorf("condition Ready is %+v, want one of the reasons %v", ready, test.reasons)
			})
		})
	}
	if exited(s.Process) {
		t.Fatal("the control plane has ended")
	}
	s.deploy("web", 3, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
}
