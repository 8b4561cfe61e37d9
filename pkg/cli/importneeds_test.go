// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/pkg/members"
)

// What of the cluster itself is named is told once: another cluster has to have it, too.
func TestNeeds(t *testing.T) {
	objects := []object{
		{members.Deployments, parse(t, deploymentOf("web", `priorityClassName: high, runtimeClassName: sandbox`))},
		{members.Deployments, parse(t, deploymentOf("api", `priorityClassName: high`))},
		{members.Deployments, parse(t, deploymentOf("critical", `priorityClassName: system-cluster-critical`))},
		{members.StatefulSets, parse(t, `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: shop}, spec: {volumeClaimTemplates: [{spec: {storageClassName: fast}}, {spec: {}}]}}`)},
		{members.Ingresses, parse(t, `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: shop}, spec: {ingressClassName: nginx}}`)},
		{members.CronJobs, parse(t, `{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly, namespace: shop}, spec: {jobTemplate: {spec: {template: {spec: {priorityClassName: low}}}}}}`)},
	}
	want := []string{"ingressclass/nginx", "priorityclass/high", "priorityclass/low", "runtimeclass/sandbox", "storageclass/fast"}
	if diff := cmp.Diff(want, needs(objects)); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}
