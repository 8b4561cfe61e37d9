//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
)

// federated is what Drover and the relay have in common: Deployments are created in a federation.
type federated struct {
	deployments appsclient.DeploymentInterface
	// shares is by how many the replicas of a federated Deployment are divided.
	shares int32
}

func (f *federated) create(ctx context.Context, deployments []*appsv1.Deployment) (time.Time, error) {
	err := parallel(ctx, len(deployments), func(ctx context.Context, i int) error {
		d := deployments[i].DeepCopy()
		d.Spec.Replicas = ptr.To(*d.Spec.Replicas * f.shares)
		_, err := f.deployments.Create(ctx, d, metav1.CreateOptions{})
		return err
	})
	return time.Now(), err
}

func (f *federated) remove(ctx context.Context, names []string) error {
	return parallel(ctx, len(names), func(ctx context.Context, i int) error {
		return f.deployments.Delete(ctx, names[i], metav1.DeleteOptions{})
	})
}

// drover is what is measured: drover start, with a policy for the Deployments of this system.
type drover struct {
	federated
	client versioned.Interface
}

var (
	equalWeights = map[string]int64{"east": 1, "west": 1, "eu": 1}
	// otherWeights give every cluster another number of replicas than equal ones.
	otherWeights = map[string]int64{"east": 1, "west": 2, "eu": 6}
)

// policyName is that of the one policy that there is.
const policyName = "bench"

func newDrover(ctx context.Context, kube kubernetes.Interface, client versioned.Interface) (*drover, error) {
	d := &drover{federated: federated{deployments: kube.AppsV1().Deployments(metav1.NamespaceDefault), shares: int32(len(equalWeights))}, client: client}
	_, err := client.FederationV1alpha1().PlacementPolicies(metav1.NamespaceDefault).Create(ctx, &v1alpha1.PlacementPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: policyName},
		Spec: v1alpha1.PlacementPolicySpec{
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{systemLabel: d.name()}},
			Clusters: weighted(equalWeights),
			// Nothing runs, and so nothing becomes available: what is measured is a move that waits for nobody.
			Move: v1alpha1.Move{MaxUnavailable: ptr.To(intstr.FromString("100%"))},
		},
	}, metav1.CreateOptions{})
	return d, err
}

func (d *drover) name() string { return "drover" }

func (d *drover) change(ctx context.Context, _ []string) error {
	return d.setWeights(ctx, otherWeights)
}

func (d *drover) remove(ctx context.Context, names []string) error {
	if err := d.federated.remove(ctx, names); err != nil {
		return err
	}
	return d.setWeights(ctx, equalWeights)
}

func (d *drover) setWeights(ctx context.Context, weights map[string]int64) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"clusters": weighted(weights)}})
	if err != nil {
		return err
	}
	_, err = d.client.FederationV1alpha1().PlacementPolicies(metav1.NamespaceDefault).Patch(ctx, policyName, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

func weighted(weights map[string]int64) (out []v1alpha1.ClusterWeight) {
	for name, weight := range weights {
		out = append(out, v1alpha1.ClusterWeight{Name: name, Weight: &weight})
	}
	return out
}
