// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// owner names a workload by which a member's pods are told apart.
type owner struct{ kind, name string }

// owners are the workloads that a migration moves, by namespace.
func owners(m *v1alpha1.Migration, objects []Placed) map[string]map[owner]bool {
	out := map[string]map[owner]bool{}
	for _, o := range objects {
		if o.Placement == nil || o.Placement.Spec.Migration == nil || o.Placement.Spec.Migration.Name != m.Name || o.Key.Kind.Template == nil {
			continue
		}
		if out[o.Key.Namespace] == nil {
			out[o.Key.Namespace] = map[owner]bool{}
		}
		out[o.Key.Namespace][owner{o.Key.Kind.Kind, o.Key.Name}] = true
	}
	return out
}

// restartsIn adds up how often containers of the workloads' pods were restarted.
func restartsIn(ctx context.Context, client kubernetes.Interface, of map[string]map[owner]bool) (sum int32, err error) {
	for namespace, workloads := range of {
		ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		cancel()
		if err != nil {
			return 0, err
		}
		for i := range pods.Items {
			pod := &pods.Items[i]
			for _, o := range members.Owners(pod) {
				if !workloads[owner{o.Kind, o.Name}] {
					continue
				}
				for _, s := range pod.Status.ContainerStatuses {
					sum += s.RestartCount
				}
			}
		}
	}
	return sum, nil
}
