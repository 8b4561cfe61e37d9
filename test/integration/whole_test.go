// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
)

// warnings are those that the API server gave.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// A StatefulSet is placed whole, reviewed as what it is, divided by its policy, and a dry run of that says so before.
func TestWhole(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	f.join(t, "east", nil)
	f.join(t, "west", nil)
	f.joined(t, namespace, "east", "west")
	like := deployment("db", 4)
	set := &appsv1.StatefulSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}, ObjectMeta: like.ObjectMeta,
		Spec: appsv1.StatefulSetSpec{Replicas: like.Spec.Replicas, Selector: like.Spec.Selector, Template: like.Spec.Template},
	}
	must[*appsv1.StatefulSet](t)(f.kube.AppsV1().StatefulSets(namespace).Create(ctx, set, metav1.CreateOptions{}))
	f.placed(t, namespace, "statefulset-db", "east west")
	policies := f.own.FederationV1alpha1().PlacementPolicies(namespace)
	must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, policy("db"), metav1.CreateOptions{}))

	divided := policy("db", weight("east", 3), weight("west", 1))
	divided.Spec.Division = v1alpha1.Divide
	question := &v1alpha1.PlacementReview{Spec: v1alpha1.PlacementReviewSpec{Workload: manifest(t, set), Policies: []v1alpha1.JSON{manifest(t, divided)}}}
	answer := must[*v1alpha1.PlacementReview](t)(f.own.FederationV1alpha1().PlacementReviews(namespace).Create(ctx, question, metav1.CreateOptions{}))
	var changes []string
	for _, c := range answer.Status.Changes {
		changes = append(changes, fmt.Sprintf("%s %v %d %v", c.Cluster, c.NowWhole, c.Then, c.ThenWhole))
	}
	if want := []string{"east true 3 false", "west true 1 false"}; !slices.Equal(changes, want) {
		t.Errorf("the review says %v, want %v", changes, want)
	}

	said := &warnings{}
	config := rest.CopyConfig(f.config)
	config.WarningHandler = said
	client := must[*versioned.Clientset](t)(versioned.NewForConfig(config))
	patch := []byte(`{"spec": {"division": "Divide", "clusters": [{"name": "east", "weight": 3}, {"name": "west", "weight": 1}]}}`)
	for _, dry := range [][]string{{metav1.DryRunAll}, nil} {
		must[*v1alpha1.PlacementPolicy](t)(client.FederationV1alpha1().PlacementPolicies(namespace).Patch(ctx, "db", types.MergePatchType, patch, metav1.PatchOptions{DryRun: dry}))
	}
	if want := "statefulset/db: east all → 3, west all → 1"; !slices.Equal(said.said, []string{want}) {
		t.Errorf("the dry run warns of %q, want %q", said.said, want)
	}
	f.placed(t, namespace, "statefulset-db", "east=3 west=1")
}
