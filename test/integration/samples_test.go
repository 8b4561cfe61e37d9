// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json" // numbers as the API decodes them
	"k8s.io/client-go/dynamic"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
)

// sample is a valid object of a kind, as a manifest has it.
type sample struct {
	// manifest without apiVersion, kind and metadata.
	manifest string
	// spec is a merge patch that changes what metadata.generation counts. Empty where generation is not kept.
	spec string
	// status is a merge patch of the status. Empty where there is none.
	status string
	// columns are what kubectl get prints.
	columns []string
}

var samples = map[string]sample{
	"Namespace": {columns: []string{"Name", "Status", "Age"}},
	"ConfigMap": {manifest: `{"data": {"key": "value"}}`, columns: []string{"Name", "Data", "Age"}},
	"Secret":    {manifest: `{"data": {"key": "dmFsdWU="}}`, columns: []string{"Name", "Type", "Data", "Age"}},
	"ServiceAccount": {
		manifest: `{"imagePullSecrets": [{"name": "registry"}]}`,
		columns:  []string{"Name", "Age"},
	},
	"Service": {
		manifest: `{"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}`,
		spec:     `{"spec": {"ports": [{"port": 81}]}}`,
		status:   `{"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}`,
		columns:  []string{"Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Clusters", "Age", "Selector"},
	},
	"Event": {
		manifest: `{"involvedObject": {"kind": "Deployment", "name": "web"}, "reason": "Tested", "message": "a test", "type": "Normal"}`,
		columns:  []string{"Last Seen", "Type", "Reason", "Object", "Message", "Count", "Name"},
	},
	"Deployment": {
		manifest: `{"spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {
			"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}}}`,
		spec:    `{"spec": {"replicas": 4}}`,
		status:  `{"status": {"replicas": 3, "readyReplicas": 2}}`,
		columns: []string{"Name", "Ready", "Up-to-date", "Available", "Clusters", "Age", "Containers", "Images", "Selector"},
	},
	"Ingress": {
		manifest: `{"spec": {"rules": [{"host": "web.example.com", "http": {"paths": [
			{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}`,
		spec:    `{"spec": {"ingressClassName": "nginx"}}`,
		status:  `{"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}`,
		columns: []string{"Name", "Class", "Hosts", "Address", "Ports", "Clusters", "Age"},
	},
	"Lease": {manifest: `{"spec": {"holderIdentity": "somebody"}}`, columns: []string{"Name", "Holder", "Age"}},
	"Cluster": {
		manifest: `{"spec": {"server": "https://10.0.0.1:6443", "credentialsSecret": {"namespace": "drover-system", "name": "east"}}}`,
		spec:     `{"spec": {"unschedulable": true}}`,
		status:   `{"status": {"kubernetesVersion": "v1.37.0"}}`,
		columns:  []string{"Name", "Ready", "Version", "Region", "Zone", "Replicas", "Age", "Server", "Nodes", "Reason"},
	},
	"PlacementPolicy": {
		manifest: `{"spec": {"clusters": [{"name": "east", "weight": 2}, {"name": "*"}]}}`,
		spec:     `{"spec": {"priority": 5}}`,
		columns:  []string{"Name", "Selector", "Priority", "Weights", "Applied", "Age", "Rebalance"},
		status:   `{"status": {"selected": 2, "applied": 1}}`,
	},
	"Placement": {
		manifest: `{"spec": {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "revision": 1, "replicas": 3,
			"clusters": [{"name": "east", "replicas": 2}, {"name": "west", "replicas": 1}]}}`,
		spec:    `{"spec": {"revision": 2}}`,
		status:  `{"status": {"readyReplicas": 2}}`,
		columns: []string{"Name", "Desired", "Ready", "Clusters", "Revision", "Age", "Policy"},
	},
}

// subject is one kind under test: its row of the table, its sample, and where its objects go.
type subject struct {
	kind.Kind
	sample
	f         *federation
	namespace string
}

// eachKind runs a test for every kind that is served.
func eachKind(t *testing.T, test func(*testing.T, subject)) {
	f := api(t)
	namespace := f.namespace(t)
	for _, k := range append(native.Kinds(), ownkinds.Kinds()...) {
		t.Run(k.Kind, func(t *testing.T) {
			s, ok := samples[k.Kind]
			if !ok {
				t.Fatalf("kind %s has no sample: add one", k.Kind)
			}
			test(t, subject{Kind: k, sample: s, f: f, namespace: namespace})
		})
	}
}

// client of the kind, in the test's namespace if there is one.
func (s subject) client() dynamic.ResourceInterface {
	return s.f.dynamic.Resource(s.GroupVersionResource()).Namespace(s.scope())
}

func (s subject) scope() string {
	if s.Namespaced {
		return s.namespace
	}
	return ""
}

// object is the sample under a name.
func (s subject) object(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	return object(t, s.GroupVersionKind, s.scope(), name, s.manifest)
}

func object(t *testing.T, gvk schema.GroupVersionKind, namespace, name, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{}}
	if manifest != "" {
		if err := json.Unmarshal([]byte(manifest), &o.Object); err != nil {
			t.Fatal(err)
		}
	}
	o.SetGroupVersionKind(gvk)
	o.SetNamespace(namespace)
	o.SetName(name)
	if gvk.Kind == "Event" {
		_ = unstructured.SetNestedField(o.Object, namespace, "involvedObject", "namespace")
	}
	return o
}
