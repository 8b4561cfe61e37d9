// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"drover.dev/drover/test/harness"
)

// A DaemonSet runs on each node of each cluster.
func TestDaemonSet(t *testing.T) {
	s := sharedSpace(t)
	s.apply(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: agent, image: example.com/agent:1}]}
`)
	s.kubectl("rollout", "status", "daemonset", "agent", "--timeout", patience.String())
	harness.Eventually(t, patience, func() error {
		var nodes int32
		for cluster := range s.members {
			d, err := s.in(cluster).AppsV1().DaemonSets(s.name).Get(t.Context(), "agent", getOptions)
			if err != nil {
				return fmt.Errorf("%s: %w", cluster, err)
			}
			nodes += d.Status.DesiredNumberScheduled
		}
		d, err := s.Kube.AppsV1().DaemonSets(s.name).Get(t.Context(), "agent", getOptions)
		if err != nil {
			return err
		}
		if st := d.Status; nodes == 0 || st.DesiredNumberScheduled != nodes || st.NumberReady != nodes || st.UpdatedNumberScheduled != nodes {
			return fmt.Errorf("there are %d nodes, and the federation reports %+v", nodes, st)
		}
		return nil
	})
	s.kubectl("set", "image", "daemonset/agent", "agent=example.com/agent:2")
	s.kubectl("rollout", "status", "daemonset", "agent", "--timeout", patience.String())
	for cluster := range s.members {
		d, err := s.in(cluster).AppsV1().DaemonSets(s.name).Get(t.Context(), "agent", getOptions)
		if err != nil {
			t.Fatal(err)
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; image != "example.com/agent:2" || d.Status.UpdatedNumberScheduled != d.Status.DesiredNumberScheduled {
			t.Errorf("rolled out, but %s runs %s, and reports %+v", cluster, image, d.Status)
		}
	}
}
