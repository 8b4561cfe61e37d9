// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/members"
)

// What servers have set is dropped, and what people have set stays, so that applying it changes nothing.
func TestCleaned(t *testing.T) {
	for name, tt := range map[string]struct {
		resource     schema.GroupVersionResource
		before, want string
	}{
		"a Deployment": {
			members.Deployments,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: u, resourceVersion: "5", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z",
			  labels: {app: web, federation.drover.dev/managed: "false"}, annotations: {deployment.kubernetes.io/revision: "2", kubectl.kubernetes.io/last-applied-configuration: "{}", team: red}, managedFields: [{manager: kubectl}]},
			  spec: {replicas: 3, template: {spec: {containers: [{name: web, image: "web:1"}]}}}, status: {replicas: 3}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, labels: {app: web}, annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", team: red}},
			  spec: {replicas: 3, template: {spec: {containers: [{name: web, image: "web:1"}]}}}}`,
		},
		"a Service": {
			members.Services,
			`{kind: Service, metadata: {name: web, namespace: shop}, spec: {type: LoadBalancer, clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
			  healthCheckNodePort: 31000, externalTrafficPolicy: Local, ports: [{port: 80, nodePort: 30080}]}, status: {loadBalancer: {}}}`,
			`{kind: Service, metadata: {name: web, namespace: shop}, spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}}`,
		},
		"a Service without an IP": {
			members.Services,
			`{kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}}`,
			`{kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}}`,
		},
		"a ServiceAccount": {
			members.ServiceAccounts,
			`{kind: ServiceAccount, metadata: {name: web, namespace: shop}, secrets: [{name: web-token}], imagePullSecrets: [{name: registry}]}`,
			`{kind: ServiceAccount, metadata: {name: web, namespace: shop}, imagePullSecrets: [{name: registry}]}`,
		},
		"a Namespace": {
			members.Namespaces,
			`{kind: Namespace, metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop, team: red}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}`,
			`{kind: Namespace, metadata: {name: shop, labels: {team: red}}}`,
		},
		"a StatefulSet": {
			members.StatefulSets,
			`{kind: StatefulSet, metadata: {name: db, namespace: shop}, spec: {volumeClaimTemplates: [{metadata: {name: data}, spec: {}, status: {phase: Pending}}]}}`,
			`{kind: StatefulSet, metadata: {name: db, namespace: shop}, spec: {volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]}}`,
		},
	} {
		before := parse(t, tt.before)
		if diff := cmp.Diff(parse(t, tt.want).Object, cleaned(object{tt.resource, before}).Object); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(parse(t, tt.before).Object, before.Object); diff != "" {
			t.Errorf("%s: what was read has changed (-want +got):\n%s", name, diff)
		}
	}
}
