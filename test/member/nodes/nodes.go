// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodes gives the cluster its nodes and the life of the pods on them. There is no kubelet: kwok plays one.
package nodes

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
	"k8s.io/component-base/version"
)

// clusterLabel marks the nodes that Ensure made, and so may change or remove.
const clusterLabel = "member.drover.dev/cluster"

// Spec says which nodes the cluster has.
type Spec struct {
	Cluster     string
	Count       int
	CPU         resource.Quantity
	Memory      resource.Quantity
	PodsPerNode int
	Region      string
	Zone        string
}

// Node returns the i-th node as a kubelet would register it.
func (s Spec) Node(i int) *corev1.Node {
	name := fmt.Sprintf("%s-node-%d", s.Cluster, i)
	labels := map[string]string{
		corev1.LabelHostname:           name,
		corev1.LabelOSStable:           "linux",
		corev1.LabelArchStable:         "amd64",
		corev1.LabelInstanceTypeStable: "kwok",
		clusterLabel:                   s.Cluster,
	}
	if s.Region != "" {
		labels[corev1.LabelTopologyRegion] = s.Region
	}
	if s.Zone != "" {
		labels[corev1.LabelTopologyZone] = s.Zone
	}
	resources := corev1.ResourceList{
		corev1.ResourceCPU:              s.CPU,
		corev1.ResourceMemory:           s.Memory,
		corev1.ResourcePods:             *resource.NewQuantity(int64(s.PodsPerNode), resource.DecimalSI),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Status: corev1.NodeStatus{
			Capacity:    resources,
			Allocatable: resources,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.0.%d.%d", (i+1)/256, (i+1)%256)},
				{Type: corev1.NodeHostName, Address: name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: "amd64", OperatingSystem: "linux", OSImage: "kwok",
				KubeletVersion: version.Get().GitVersion, ContainerRuntimeVersion: "kwok://", KernelVersion: "kwok",
			},
		},
	}
}

// Ensure makes the cluster's nodes those of the spec: missing ones are created, known ones updated, further ones removed.
func Ensure(ctx context.Context, client kubernetes.Interface, spec Spec) error {
	wanted := map[string]bool{}
	for i := range spec.Count {
		node := spec.Node(i)
		wanted[node.Name] = true
		if err := ensureNode(ctx, client, node); err != nil {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
	}
	made, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: clusterLabel})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, node := range made.Items {
		if wanted[node.Name] {
			continue
		}
		if err := client.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove node %s: %w", node.Name, err)
		}
	}
	return nil
}

// ensureNode creates the node, or gives the one that is there its labels and size.
func ensureNode(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	api := client.CoreV1().Nodes()
	_, err := api.Create(ctx, node, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		current, err := api.Get(ctx, node.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for key, value := range node.Labels {
			metav1.SetMetaDataLabel(&current.ObjectMeta, key, value)
		}
		if current, err = api.Update(ctx, current, metav1.UpdateOptions{}); err != nil {
			return err
		}
		current.Status.Capacity = node.Status.Capacity
		current.Status.Allocatable = node.Status.Allocatable
		_, err = api.UpdateStatus(ctx, current, metav1.UpdateOptions{})
		return err
	})
}

// WaitReady returns when as many nodes are ready, and free of the taint that new nodes start with, as the spec has.
func WaitReady(ctx context.Context, client kubernetes.Interface, spec Spec) error {
	var waiting []string
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: clusterLabel})
		if err != nil {
			return false, fmt.Errorf("list nodes: %w", err)
		}
		waiting = waiting[:0]
		for i := range list.Items {
			if !usable(&list.Items[i]) {
				waiting = append(waiting, list.Items[i].Name)
			}
		}
		return len(list.Items) == spec.Count && len(waiting) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for nodes %s to be ready: %w", strings.Join(waiting, ", "), err)
	}
	return nil
}

func usable(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady {
			return false
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
