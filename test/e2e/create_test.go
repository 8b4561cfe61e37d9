// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
)

const manifests = `
apiVersion: federation.drover.dev/v1alpha1
kind: PlacementPolicy
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  clusters:
  - {name: east, weight: 1}
  - {name: west, weight: 2}
  - {name: eu, weight: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 30
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: example.com/web:1
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}]}
`

// Plain manifests run on every cluster by the policy's weights, and kubectl reads one status off them.
func TestCreate(t *testing.T) {
	s := sharedSpace(t)
	s.apply(manifests)
	s.wantContains(s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String()), "successfully rolled out")
	s.kubectl("wait", "deployment", "web", "--for", "condition=Available=true", "--timeout", patience.String())
	s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
	s.eventuallyAddresses("web", 3)

	s.wantContains(s.kubectl("get", "deployment", "web"), "READY", "UP-TO-DATE", "AVAILABLE", "CLUSTERS", "AGE", "30/30", "east=5", "west=10", "eu=15")
	s.wantContains(s.kubectl("get", "placement", "deployment-web"), "DESIRED", "READY", "CLUSTERS", "REVISION", "AGE", "30", "east=5")
	s.wantContains(s.kubectl("get", "service", "web"), "LoadBalancer", "8080/TCP", s.addresses("web")[0])
	s.wantContains(s.kubectl("get", "ingress", "web"), "web.example.com")
	s.wantContains(s.kubectl("get", "clusters"), "READY", "VERSION", "REGION", "ZONE", "REPLICAS", "AGE", "us-east1", "europe-west3-c")
	s.wantContains(s.kubectl("describe", "deployment", "web"), "30 desired | 30 updated | 30 total | 30 available | 0 unavailable")
}
