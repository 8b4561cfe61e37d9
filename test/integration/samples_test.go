// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"cmp"
	"strings"
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

// template of the pods of workloads.
const template = `"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}`

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
		columns:  []string{"Last Seen", "Type", "Reason", "Object", "Subobject", "Source", "Message", "First Seen", "Count", "Name"},
	},
	"Deployment": {
		manifest: `{"spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, ` + template + `}}`,
		spec:     `{"spec": {"replicas": 4}}`,
		status:   `{"status": {"replicas": 3, "readyReplicas": 2}}`,
		columns:  []string{"Name", "Ready", "Up-to-date", "Available", "Clusters", "Age", "Containers", "Images", "Selector"},
	},
	"Ingress": {
		manifest: `{"spec": {"rules": [{"host": "web.example.com", "http": {"paths": [
			{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}`,
		spec:    `{"spec": {"ingressClassName": "nginx"}}`,
		status:  `{"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}`,
		columns: []string{"Name", "Class", "Hosts", "Address", "Ports", "Clusters", "Age"},
	},
	"Lease": {manifest: `{"spec": {"holderIdentity": "somebody"}}`, columns: []string{"Name", "Holder", "Age"}},
	"ReplicaSet": {
		manifest: `{"spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, ` + template + `}}`,
		spec:     `{"spec": {"replicas": 4}}`,
		status:   `{"status": {"replicas": 3, "readyReplicas": 2}}`,
		columns:  []string{"Name", "Desired", "Current", "Ready", "Clusters", "Age", "Containers", "Images", "Selector"},
	},
	"StatefulSet": {
		manifest: `{"spec": {"replicas": 3, "serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, ` + template + `,
			"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}, "status": {}}]}}`,
		spec:    `{"spec": {"replicas": 4}}`,
		status:  `{"status": {"replicas": 3, "availableReplicas": 0, "readyReplicas": 2}}`,
		columns: []string{"Name", "Ready", "Clusters", "Age", "Containers", "Images"},
	},
	"DaemonSet": {
		manifest: `{"spec": {"selector": {"matchLabels": {"app": "web"}}, ` + template + `}}`,
		spec:     `{"spec": {"minReadySeconds": 5}}`,
		status:   `{"status": {"currentNumberScheduled": 2, "numberMisscheduled": 0, "desiredNumberScheduled": 3, "numberReady": 1}}`,
		columns: []string{
			"Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Clusters", "Age", "Containers", "Images", "Selector",
		},
	},
	"ControllerRevision": {
		manifest: `{"revision": 1, "data": {"spec": {"template": {"$patch": "replace"}}}}`,
		columns:  []string{"Name", "Controller", "Revision", "Age"},
	},
	"Job": {
		manifest: `{"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}}}}`,
		spec:     `{"spec": {"parallelism": 2}}`,
		status:   `{"status": {"active": 1, "startTime": "2026-01-02T03:04:05Z"}}`,
		columns:  []string{"Name", "Status", "Completions", "Duration", "Clusters", "Age", "Containers", "Images", "Selector"},
	},
	"CronJob": {
		manifest: `{"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": {"spec": {
			"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "busybox:1"}]}}}}}}`,
		spec:   `{"spec": {"suspend": true}}`,
		status: `{"status": {"lastScheduleTime": "2026-01-02T03:04:05Z"}}`,
		columns: []string{
			"Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Clusters", "Age", "Containers", "Images", "Selector",
		},
	},
	"HorizontalPodAutoscaler": {
		manifest: `{"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9}}`,
		spec:     `{"spec": {"maxReplicas": 8}}`,
		status:   `{"status": {"currentReplicas": 3, "desiredReplicas": 4, "currentMetrics": null}}`,
		columns:  []string{"Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Clusters", "Age"},
	},
	"PodDisruptionBudget": {
		manifest: `{"spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}}`,
		spec:     `{"spec": {"minAvailable": 1}}`,
		status:   `{"status": {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}}`,
		columns:  []string{"Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"},
	},
	"NetworkPolicy": {
		manifest: `{"spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]}}`,
		spec:     `{"spec": {"podSelector": {"matchLabels": {"app": "api"}}}}`,
		columns:  []string{"Name", "Pod-Selector", "Age"},
	},
	"IngressClass": {
		manifest: `{"spec": {"controller": "example.com/ingress"}}`,
		spec:     `{"spec": {"parameters": {"kind": "ConfigMap", "name": "settings"}}}`,
		columns:  []string{"Name", "Controller", "Parameters", "Age"},
	},
	"ResourceQuota": {
		manifest: `{"spec": {"hard": {"pods": "10", "limits.cpu": "4"}}}`,
		spec:     `{"spec": {"hard": {"pods": "20"}}}`,
		status:   `{"status": {"hard": {"pods": "10"}, "used": {"pods": "3"}}}`,
		columns:  []string{"Name", "Request", "Limit", "Age"},
	},
	"LimitRange": {
		manifest: `{"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}}]}}`,
		spec:     `{"spec": {"limits": [{"type": "Container", "max": {"cpu": "3"}}]}}`,
		columns:  []string{"Name", "Created At"},
	},
	"Role": {
		manifest: `{"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}`,
		columns:  []string{"Name", "Created At"},
	},
	"RoleBinding": {
		manifest: `{"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]}`,
		columns:  []string{"Name", "Role", "Age", "Users", "Groups", "ServiceAccounts"},
	},
	"ClusterRole": {
		manifest: `{"rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}`,
		columns:  []string{"Name", "Created At"},
	},
	"ClusterRoleBinding": {
		manifest: `{"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "dev"}]}`,
		columns:  []string{"Name", "Role", "Age", "Users", "Groups", "ServiceAccounts"},
	},
	"Cluster": {
		manifest: `{"spec": {"server": "https://10.0.0.1:6443", "credentialsSecret": {"namespace": "drover-system", "name": "east"}}}`,
		spec:     `{"spec": {"unschedulable": true}}`,
		status:   `{"status": {"kubernetesVersion": "v1.37.0"}}`,
		columns:  []string{"Name", "Ready", "Version", "Region", "Zone", "Replicas", "Age", "Server", "Nodes", "Owed", "Reason"},
	},
	"PlacementPolicy": {
		manifest: `{"spec": {"clusters": [{"name": "east", "weight": 2}, {"name": "*"}]}}`,
		spec:     `{"spec": {"priority": 5}}`,
		columns:  []string{"Name", "Selector", "Priority", "Weights", "Applied", "Age", "Rebalance"},
		status:   `{"status": {"selected": 2, "applied": 1}}`,
	},
	"TrafficPolicy": {
		manifest: `{"spec": {"clusters": [{"name": "east", "weight": 95}, {"name": "west", "weight": 5}]}}`,
		spec:     `{"spec": {"mode": "Weighted"}}`,
		status:   `{"status": {"observedGeneration": 1}}`,
		columns:  []string{"Name", "Target", "Mode", "Weights", "Applied", "Age", "TTL", "Reason"},
	},
	"Migration": {
		manifest: `{"spec": {"from": "east", "to": "west", "namespaces": ["$NAME"]}}`,
		spec:     `{"spec": {"paused": true}}`,
		status:   `{"status": {"phase": "Refused"}}`,
		columns:  []string{"Name", "From", "To", "Phase", "Step", "Replicas", "Traffic", "Workloads", "Age", "Failed"},
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
		manifest = strings.ReplaceAll(manifest, "$NAME", cmp.Or(name, "generated")) // of what may not be there twice
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
