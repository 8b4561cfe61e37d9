// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedapps "k8s.io/client-go/kubernetes/typed/apps/v1"

	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

// TestServices sees Services and Ingresses get addresses of their own, and EndpointSlices follow what is ready.
func TestServices(t *testing.T) {
	c, client := one(t)
	services := client.CoreV1().Services(metav1.NamespaceDefault)
	if _, err := client.AppsV1().Deployments(metav1.NamespaceDefault).Create(t.Context(), deployment("web", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*corev1.Service{service("web", corev1.ServiceTypeLoadBalancer), service("other", corev1.ServiceTypeLoadBalancer)} {
		if _, err := services.Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.NetworkingV1().Ingresses(metav1.NamespaceDefault).Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "example.com"}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		addresses := addressesIn(c)
		if slices.Sort(addresses); len(slices.Compact(addresses)) != 3 {
			return fmt.Errorf("two Services and an Ingress have the addresses %v", addresses)
		}
		return nil
	})
	endpointsBecome(t, c, "web", 3)
	endpointsBecome(t, c, "other", 0)
	scale(t, client.AppsV1().Deployments(metav1.NamespaceDefault), 205)
	endpointsBecome(t, c, "web", 205)
	if n := len(c.List("endpointslices")); n != 4 {
		t.Errorf("%d EndpointSlices for 205 endpoints of a Service and none of another", n)
	}
	scale(t, client.AppsV1().Deployments(metav1.NamespaceDefault), 1)
	endpointsBecome(t, c, "web", 1)
	if err := services.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		if n := len(c.List("endpointslices")); n != 1 {
			return fmt.Errorf("%d EndpointSlices are left of one Service", n)
		}
		return nil
	})
}

func addressesIn(c *fleet.Cluster) (out []string) {
	for _, obj := range c.List("services") {
		for _, in := range obj.(*corev1.Service).Status.LoadBalancer.Ingress {
			out = append(out, in.IP)
		}
	}
	for _, obj := range c.List("ingresses") {
		for _, in := range obj.(*networkingv1.Ingress).Status.LoadBalancer.Ingress {
			out = append(out, in.IP)
		}
	}
	return out
}

func endpointsBecome(t *testing.T, c *fleet.Cluster, name string, want int) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		ready := 0
		for _, obj := range c.List("endpointslices") {
			slice := obj.(*discoveryv1.EndpointSlice)
			if slice.Labels[discoveryv1.LabelServiceName] == name && slice.Labels["team"] == "a" {
				ready += len(slice.Endpoints)
			}
		}
		if ready != want {
			return fmt.Errorf("Service %s has %d ready endpoints, not %d", name, ready, want)
		}
		return nil
	})
}

// TestDelete goes through what a deletion may ask for.
func TestDelete(t *testing.T) {
	c, client := one(t)
	configs := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	foreground, orphan := metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan
	for _, tt := range []struct {
		name    string
		options metav1.DeleteOptions
		left    int // of the two objects: the owner, and what it owns
	}{
		{"the dependent goes after its owner", metav1.DeleteOptions{}, 0},
		{"the dependent goes before its owner", metav1.DeleteOptions{PropagationPolicy: &foreground}, 0},
		{"the dependent stays", metav1.DeleteOptions{PropagationPolicy: &orphan}, 1},
	} {
		owner, err := configs.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}}}}
		if _, err := configs.Create(t.Context(), owned, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := configs.Delete(t.Context(), "owner", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")}); !apierrors.IsConflict(err) {
			t.Errorf("with another UID: %v", err)
		}
		if err := configs.Delete(t.Context(), "owner", tt.options); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, patience, func() error {
			if n := len(c.List("configmaps")); n != tt.left {
				return fmt.Errorf("%s: %d objects are left", tt.name, n)
			}
			return nil
		})
	}
	left := c.Get("configmaps", metav1.NamespaceDefault, "owned").(*corev1.ConfigMap)
	if len(left.OwnerReferences) != 0 {
		t.Errorf("the orphan has the owners %v", left.OwnerReferences)
	}
}

// TestWritesAndRequests sees everybody told of writes, and requests counted by what and who.
func TestWritesAndRequests(t *testing.T) {
	f := start(t, 2)
	var mu sync.Mutex
	var writes []fleet.Write
	f.OnWrite(func(w fleet.Write) {
		mu.Lock()
		defer mu.Unlock()
		if w.Resource == "deployments" && (len(writes) == 0 || w.Deleted || w.Generation != writes[len(writes)-1].Generation) {
			writes = append(writes, w)
		}
	})
	before := time.Now()
	deployments := clientOf(t, f.Clusters[1].Config()).AppsV1().Deployments(metav1.NamespaceDefault)
	if _, err := deployments.Create(t.Context(), deployment("web", 1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	scale(t, deployments, 2)
	if err := deployments.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.Clusters[1].DropWatches()
	mu.Lock()
	defer mu.Unlock()
	if len(writes) != 3 || writes[0].Generation != 1 || writes[1].Generation != 2 || !writes[2].Deleted {
		t.Fatalf("writes %+v", writes)
	}
	if w := writes[0]; w.Cluster != "cluster-0001" || w.Namespace != metav1.NamespaceDefault || w.Name != "web" || w.Time.Before(before) || w.Object.GetUID() == "" {
		t.Errorf("the first write is %+v", w)
	}
	for request, want := range map[fleet.Request]int{
		{Verb: "create", Resource: "deployments", UserAgent: "fleet-test"}: 1,
		{Verb: "patch", Resource: "deployments", UserAgent: "fleet-test"}:  1,
		{Verb: "delete", Resource: "deployments", UserAgent: "fleet-test"}: 1,
	} {
		if got := f.Clusters[1].Requests()[request]; got != want || f.Requests()[request] != want {
			t.Errorf("%v was counted %d times in the cluster and %d in the fleet", request, got, f.Requests()[request])
		}
	}
	if n := len(f.Clusters[0].Requests()); n != 0 {
		t.Errorf("%d sorts of requests in a cluster nobody asked", n)
	}
}

func scale(t *testing.T, deployments typedapps.DeploymentInterface, replicas int32) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	if _, err := deployments.Patch(t.Context(), "web", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
