// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
)

// kubectl works as it does on any cluster.
func TestKubectlVerbs(t *testing.T) {
	s := sharedSpace(t)
	s.kubectl("create", "deployment", "web", "--image", "example.com/web:1", "--replicas", "3", "--port", "8080")
	s.kubectl("expose", "deployment", "web", "--port", "8080", "--type", "LoadBalancer")
	s.kubectl("create", "configmap", "settings", "--from-literal", "a=b")
	s.kubectl("create", "secret", "generic", "password", "--from-literal", "a=b")
	s.kubectl("create", "serviceaccount", "web")
	s.kubectl("create", "ingress", "web", "--rule", "web.example.com/*=web:8080")
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
	s.eventuallyAddresses("web", 3)

	s.wantContains(s.kubectl("describe", "deployment", "web"), "3 desired | 3 updated | 3 total | 3 available", "NewReplicaSetAvailable")
	s.wantContains(s.kubectl("describe", "service", "web"), "LoadBalancer Ingress", s.addresses("web")[0])
	s.wantContains(s.kubectl("describe", "ingress", "web"), "web.example.com")
	s.wantContains(s.kubectl("describe", "placement", "deployment-web"), "east", "Scheduled")
	s.wantContains(s.kubectl("describe", "cluster", "east"), "us-east1", "Ready")
	s.wantContains(s.kubectl("get", "all"), "deployment.apps/web", "service/web")
	s.wantContains(s.kubectl("get", "deployment", "web", "-o", "wide"), "CONTAINERS", "IMAGES", "SELECTOR", "example.com/web:1", "app=web")
	s.wantContains(s.kubectl("get", "deployments", "-l", "app=web", "-o", "name"), "deployment.apps/web")
	s.wantContains(s.kubectl("get", "deploy", "--field-selector", "metadata.name=web", "-o", "jsonpath={.items[*].metadata.name}"), "web")
	s.wantContains(s.kubectl("get", "deployment", "web", "-o", "yaml"), "replicas: 3", "readyReplicas: 3")
	s.kubectl("label", "deployment", "web", "team=blue")
	s.kubectl("annotate", "deployment", "web", "note=hello")
	s.wantContains(s.kubectl("get", "deployments", "--show-labels"), "team=blue")
	s.kubectl("set", "env", "deployment/web", "COLOR=blue")
	s.kubectl("set", "resources", "deployment/web", "--requests", "cpu=10m")
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.kubectl("rollout", "pause", "deployment", "web")
	s.kubectl("rollout", "resume", "deployment", "web")
	s.wantContains(s.kubectl("explain", "placementpolicy.spec.clusters"), "weight", "drains")
	s.wantContains(s.kubectl("explain", "deployment.spec.replicas"), "replicas")
	s.wantContains(s.kubectl("auth", "can-i", "create", "deployments"), "yes")
	s.wantContains(s.kubectl("auth", "whoami"), "drover-admin")
	s.wantContains(s.kubectl("version"), "Server Version")
	s.kubectl("events", "--for", "deployment/web")

	generation := s.kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.generation}")
	s.kubectl("scale", "deployment", "web", "--replicas", "9", "--dry-run=server")
	s.kubectl("set", "image", "deployment/web", "web=example.com/web:9", "--dry-run=server")
	if after := s.kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.generation}"); after != generation {
		t.Errorf("a dry run changed the generation from %s to %s", generation, after)
	}
	s.apply(manifests) // over what is there
	s.wantContains(s.kubectl("apply", "view-last-applied", "deployment", "web"), "replicas: 30")
	s.apply(manifests) // twice is the same
	s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
	s.kubectl("delete", "deployment,service,ingress,configmap,secret,serviceaccount", "--all", "--timeout", patience.String())
}
