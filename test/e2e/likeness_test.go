// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"drover.dev/drover/test/harness"
)

// What the federation serves of Kubernetes, it serves as a cluster does: under the same names, by the same verbs, and in
// the same columns, but for the one that says where things run.
func TestServesAsAClusterDoes(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	cluster := shared.members["east"].Client
	for _, gv := range nativeGroupVersions(t) {
		ours, theirs := resources(t, shared.Kube, gv), resources(t, cluster, gv)
		for name, r := range ours {
			t.Run(strings.TrimPrefix(gv+"/"+name, "/"), func(t *testing.T) {
				if diff := cmp.Diff(theirs[name], r); diff != "" && gv+"/"+name != "v1/namespaces/finalize" { // which is read, too
					t.Errorf("discovery (-cluster +federation):\n%s", diff)
				}
				if strings.Contains(name, "/") || !strings.Contains(fmt.Sprint(r.Verbs), "list") {
					return
				}
				if diff := cmp.Diff(columns(t, cluster, gv, name), columns(t, shared.Kube, gv, name)); diff != "" {
					t.Errorf("columns (-cluster +federation):\n%s", diff)
				}
			})
		}
		for name := range theirs {
			kind, sub, _ := strings.Cut(name, "/")
			if _, served := ours[kind]; served && ours[name].Name == "" && sub != "proxy" {
				t.Errorf("%s: a cluster serves %s", gv, name)
			}
		}
	}
}

func nativeGroupVersions(t *testing.T) (out []string) {
	t.Helper()
	groups, err := shared.Kube.Discovery().ServerGroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			if !strings.HasSuffix(g.Name, "drover.dev") {
				out = append(out, v.GroupVersion)
			}
		}
	}
	return out
}

// resources are what a server says of a group version, by name, without the hash of how it is stored.
func resources(t *testing.T, client kubernetes.Interface, gv string) map[string]metav1.APIResource {
	t.Helper()
	list, err := client.Discovery().ServerResourcesForGroupVersion(gv)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]metav1.APIResource{}
	for _, r := range list.APIResources {
		r.StorageVersionHash = ""
		out[r.Name] = r
	}
	return out
}

// selected are fields that some kind may be selected by, and some that none may.
var selected = []string{
	"metadata.name", "metadata.namespace", "metadata.uid", "name", "type", "data", "spec.type", "spec.clusterIP", "spec.replicas",
	"status.phase", "status.replicas", "status.successful", "status.active",
	"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
	"involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source",
	"regarding.name", "reportingController",
}

// What a kind is selected by, of its fields, is what a cluster selects it by.
func TestSelectsAsAClusterDoes(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	cluster := shared.members["east"].Client
	for _, gv := range nativeGroupVersions(t) {
		for name, r := range resources(t, shared.Kube, gv) {
			if strings.Contains(name, "/") || !slices.Contains(r.Verbs, "list") {
				continue
			}
			t.Run(gv+"/"+name, func(t *testing.T) {
				for _, f := range selected {
					ours := listing(shared.Kube, gv, name).Param("fieldSelector", f+"=x").Do(t.Context()).Error()
					theirs := listing(cluster, gv, name).Param("fieldSelector", f+"=x").Do(t.Context()).Error()
					if apierrors.ReasonForError(ours) != apierrors.ReasonForError(theirs) {
						t.Errorf("by %s\nfederation: %v\ncluster:    %v", f, ours, theirs)
					}
				}
			})
		}
	}
}

// listing asks for all objects of a resource.
func listing(client kubernetes.Interface, gv, resource string) *rest.Request {
	path := "/apis/" + gv
	if !strings.Contains(gv, "/") {
		path = "/api/" + gv
	}
	return client.Discovery().RESTClient().Get().AbsPath(path, resource)
}

// columns are those of a resource, as a server prints it: name, type, format, and whether it is a wide one.
func columns(t *testing.T, client kubernetes.Interface, gv, resource string) (out []string) {
	t.Helper()
	data, err := listing(client, gv, resource).Param("limit", "1").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(t.Context()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	for _, c := range table.ColumnDefinitions {
		if c.Name != "Clusters" {
			out = append(out, fmt.Sprintf("%s: %s %s %d", c.Name, c.Type, c.Format, c.Priority))
		}
	}
	return out
}

// What is refused is refused in a cluster's words.
func TestRefusesAsAClusterDoes(t *testing.T) {
	s := sharedSpace(t)
	pods := `"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}`
	for _, tt := range []struct{ name, path, body string }{
		{"a name that is none", "/api/v1/namespaces/default/configmaps", `{"metadata": {"name": "Not_A_Name"}}`},
		{"no name", "/api/v1/namespaces/default/configmaps", `{}`},
		{"a label that is none", "/api/v1/namespaces/default/configmaps", `{"metadata": {"name": "a", "labels": {"a b": "c"}}}`},
		{"a key that is none", "/api/v1/namespaces/default/configmaps", `{"metadata": {"name": "a"}, "data": {"a b": "c"}}`},
		{"another namespace", "/api/v1/namespaces/default/configmaps", `{"metadata": {"name": "a", "namespace": "b"}}`},
		{"a Secret without what its type asks for", "/api/v1/namespaces/default/secrets", `{"metadata": {"name": "a"}, "type": "kubernetes.io/tls"}`},
		{"two ports without names", "/api/v1/namespaces/default/services", `{"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}}`},
		{"a target port that is none", "/api/v1/namespaces/default/services", `{"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1, "targetPort": 70000}]}}`},
		{"a target port of capitals", "/api/v1/namespaces/default/services", `{"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1, "targetPort": "HTTP"}]}}`},
		{"an autoscaler without bounds", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", `{"metadata": {"name": "a"}, "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}}`},
		{"an autoscaler of the old version", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", `{"metadata": {"name": "a"}, "spec": {"maxReplicas": 2, "minReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}}`},
		{"a Deployment of nothing", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}}`},
		{"a selector of others", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}, "spec": {` + strings.Replace(pods, `"app": "a"}}, "template"`, `"app": "b"}}, "template"`, 1) + `}}`},
		{"fewer than none", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}, "spec": {"replicas": -1, ` + pods + `}}`},
		{"a strategy for another", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}, "spec": {"strategy": {"type": "Recreate", "rollingUpdate": {}}, ` + pods + `}}`},
		{"a negative limit", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}, "spec": {"revisionHistoryLimit": -1, ` + pods + `}}`},
		{"a number that is a word", "/apis/apps/v1/namespaces/default/deployments", `{"metadata": {"name": "a"}, "spec": {"replicas": "two", ` + pods + `}}`},
		{"a schedule that is none", "/apis/batch/v1/namespaces/default/cronjobs", `{"metadata": {"name": "a"}, "spec": {"schedule": "often", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}}}}}`},
		{"a Job that never ends", "/apis/batch/v1/namespaces/default/jobs", `{"metadata": {"name": "a"}, "spec": {"template": {"spec": {"restartPolicy": "Always", "containers": [{"name": "a", "image": "a"}]}}}}`},
		{"an Ingress of nothing", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", `{"metadata": {"name": "a"}}`},
		{"a path that is none", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", `{"metadata": {"name": "a"}, "spec": {"rules": [{"http": {"paths": [{"path": "a", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}}`},
		{"a role that gives nothing", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", `{"metadata": {"name": "a"}, "rules": [{"apiGroups": [""], "resources": ["pods"]}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := refusal(t, s.Kube, tt.path, tt.body), refusal(t, s.in("east"), tt.path, tt.body)
			if ours != theirs {
				t.Errorf("federation: %s\ncluster:    %s", ours, theirs)
			}
		})
	}
}

// refusal is what a server answers to a create that it is to refuse; it is only tried.
func refusal(t *testing.T, client kubernetes.Interface, path, body string) string {
	t.Helper()
	err := client.Discovery().RESTClient().Post().AbsPath(path).Param("dryRun", "All").SetHeader("Content-Type", "application/json").
		Body([]byte(body)).Do(t.Context()).Error()
	if err == nil {
		return "accepted"
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s: %s", status.Status().Code, status.Status().Reason, status.Status().Message)
}
