// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeSize is what each node has for pods.
var nodeSize = corev1.ResourceList{
	corev1.ResourceCPU: resource.MustParse("32"), corev1.ResourceMemory: resource.MustParse("128Gi"), corev1.ResourcePods: resource.MustParse("110"),
}

func nodeName(c *Cluster, i int) string { return fmt.Sprintf("%s-node-%d", c.Name, i) }

func (c *Cluster) node(i int) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(c, i), Labels: map[string]string{
		corev1.LabelHostname: nodeName(c, i), corev1.LabelTopologyRegion: c.Region, corev1.LabelTopologyZone: c.Zone,
	}}}
}

// markReady does what a kubelet does, once: nodes have no heartbeat.
func (c *Cluster) markReady(ctx context.Context, name string) error {
	return update(ctx, c.fleet.server.stores["nodes"], name, func(n *corev1.Node) {
		n.Status.Capacity, n.Status.Allocatable = nodeSize, nodeSize
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}}
	})
}
