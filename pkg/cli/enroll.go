// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/util/retry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// checkSecret refuses to overwrite a Secret that is not of this cluster.
func (j *join) checkSecret(ctx context.Context) error {
	name := credentialsName(j.Name)
	secret, err := j.federation.kube.CoreV1().Secrets(v1alpha1.SystemNamespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && secret.Labels[v1alpha1.LabelCluster] == j.Name {
		return nil
	}
	if err != nil {
		return j.federation.explain("get Secret "+name, err)
	}
	return fmt.Errorf("the federation has a Secret %s in %s that is not marked as cluster %s's\nif nobody needs it, delete it: %s delete secret -n %s %s",
		name, v1alpha1.SystemNamespace, j.Name, j.federation.kubectl(), v1alpha1.SystemNamespace, name)
}

// enroll tells the federation: first the credentials, then the Cluster that refers to them.
func (j *join) enroll(ctx context.Context) (string, error) {
	name := credentialsName(j.Name)
	secret := coreac.Secret(name, v1alpha1.SystemNamespace).WithType(corev1.SecretTypeOpaque).
		WithLabels(map[string]string{v1alpha1.LabelCluster: j.Name}).
		WithAnnotations(map[string]string{v1alpha1.AnnotationTokenExpires: j.expires.UTC().Format(time.RFC3339)}).
		WithData(map[string][]byte{corev1.ServiceAccountTokenKey: []byte(j.token)})
	if _, err := j.federation.kube.CoreV1().Secrets(v1alpha1.SystemNamespace).Apply(ctx, secret, forced); err != nil {
		return "", j.federation.explain("apply Secret "+name, err)
	}
	clusters := j.federation.drover.FederationV1alpha1().Clusters()
	if j.previous == nil {
		_, err := clusters.Create(ctx, j.newCluster(), metav1.CreateOptions{FieldManager: fieldManager})
		return "Cluster and its Secret are in the federation", j.federation.explain("create cluster "+j.Name, err)
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cluster, err := clusters.Get(ctx, j.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		j.describe(cluster)
		_, err = clusters.Update(ctx, cluster, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	return "Cluster and its Secret are renewed", j.federation.explain("update cluster "+j.Name, err)
}

func (j *join) newCluster() *v1alpha1.Cluster {
	cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: j.Name}}
	j.describe(cluster)
	return cluster
}

// describe writes what is known into a Cluster, and leaves be what no flag speaks of.
func (j *join) describe(c *v1alpha1.Cluster) {
	if len(j.Labels) > 0 && c.Labels == nil {
		c.Labels = map[string]string{}
	}
	maps.Copy(c.Labels, j.Labels)
	if !slices.Contains(c.Finalizers, v1alpha1.FinalizerLeave) {
		c.Finalizers = append(c.Finalizers, v1alpha1.FinalizerLeave)
	}
	tls := j.member.config.TLSClientConfig
	c.Spec.Server, c.Spec.CABundle, c.Spec.TLSServerName = j.server(), tls.CAData, tls.ServerName
	c.Spec.CredentialsSecret = v1alpha1.SecretReference{Namespace: v1alpha1.SystemNamespace, Name: credentialsName(j.Name)}
	at := &c.Spec.Location
	at.Continent = cmp.Or(j.Location.Continent, at.Continent)
	at.Region = cmp.Or(j.Location.Region, at.Region)
	at.Zone = cmp.Or(j.Location.Zone, at.Zone)
	at.Latitude = cmp.Or(j.Location.Latitude, at.Latitude)
	at.Longitude = cmp.Or(j.Location.Longitude, at.Longitude)
}

// waitReady waits until Drover has reached the cluster.
func (j *join) waitReady(ctx context.Context) error {
	j.line("  waiting up to %s for Drover to reach it", j.Wait)
	start, said := j.now(), &changes{progress: j.progress}
	var state readiness
	var failed error
	err := wait.PollUntilContextTimeout(ctx, j.poll, j.Wait, true, func(ctx context.Context) (bool, error) {
		cluster, err := j.federation.cluster(ctx, j.Name)
		if failed = err; err != nil {
			return false, nil // the control plane may be restarting
		}
		if cluster == nil {
			return false, fmt.Errorf("cluster %s was deleted meanwhile\njoin it again if that was not meant", j.Name)
		}
		state = readinessOf(cluster)
		said.show(state.text())
		return state.ready, nil
	})
	switch {
	case err == nil:
		if took := j.now().Sub(start); took > slow {
			j.line("  that took %.1fs", took.Seconds())
		}
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w\n%s has joined; to see whether it is ready: kubectl%s get cluster %s -o wide", ctx.Err(), j.Name, j.federation.flags(), j.Name)
	case !wait.Interrupted(err):
		return err
	case failed != nil:
		return failed
	}
	return fmt.Errorf("%s has joined, but after %s it is %s\n%s", j.Name, j.Wait, state.text(), j.notReadyRemedy(state))
}

// readiness is what the condition Ready of a Cluster says.
type readiness struct {
	ready           bool
	reason, message string
}

func readinessOf(c *v1alpha1.Cluster) readiness {
	ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != 0 && ready.ObservedGeneration < c.Generation {
		return readiness{}
	}
	return readiness{ready: ready.Status == metav1.ConditionTrue, reason: ready.Reason, message: ready.Message}
}

func (r readiness) text() string {
	switch {
	case r.ready:
		return "ready"
	case r.reason == "":
		return "not looked at by Drover yet"
	default:
		return "not ready yet: " + r.reason + ": " + r.message
	}
}

func (j *join) notReadyRemedy(state readiness) string {
	look := fmt.Sprintf("to look again: kubectl%s get cluster %s -o wide", j.federation.flags(), j.Name)
	switch {
	case state.reason == "":
		return "does drover controllers, or drover start, run? " + look
	case state.reason == v1alpha1.ReasonUnreachable && isLoopback(j.server()):
		return fmt.Sprintf("%s is an address of this machine only: if Drover runs elsewhere, give one that it can reach by --server URL, with --renew; %s", j.server(), look)
	case state.reason == v1alpha1.ReasonUnreachable, state.reason == v1alpha1.ReasonTLSFailed:
		return "if Drover reaches the cluster by another address than you do, give it by --server URL, with --renew; " + look
	default:
		return "Drover keeps trying; " + look
	}
}

func isLoopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
