// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/dynamic"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
	"drover.dev/drover/test/harness"
)

// unfederated is a space of which the federation knows nothing: a namespace in east, with what a manifest says in it.
func unfederated(t *testing.T, manifest string) *space {
	t.Helper()
	s := &space{T: t, federation: shared, name: strings.ToLower(t.Name()) + "-" + rand.String(5)}
	t.Cleanup(func() {
		for _, m := range s.members {
			_ = m.Client.CoreV1().Namespaces().Delete(context.Background(), s.name, deleteOptions)
		}
	})
	t.Cleanup(s.end)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name, Labels: map[string]string{"team": "red"}, Annotations: map[string]string{"owner": "ann"}}}
	if _, err := s.in("east").CoreV1().Namespaces().Create(t.Context(), ns, createOptions); err != nil {
		t.Fatal(err)
	}
	if _, err := s.members["east"].Kubectl().RunWithInput(t.Context(), "---\n"+manifest, "-n", s.name, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	return s
}

// importEast types kubectl drover import for namespaces of east.
func importEast(ctx context.Context, namespaces string, args ...string) (string, error) {
	return shared.Plugin().Run(ctx, append([]string{"import", "--cluster", "east", "--cluster-kubeconfig", shared.members["east"].Kubeconfig, "-n", namespaces}, args...)...)
}

// synced are the resources whose objects go from cluster to cluster.
func synced() (out []schema.GroupVersionResource) {
	for _, r := range members.Synced {
		if r != members.Namespaces {
			out = append(out, r)
		}
	}
	return out
}

// objectsIn are what a member has of those in a namespace, by kind and name, but for what every cluster makes by itself and
// what belongs to something else.
func objectsIn(t testing.TB, m *harness.Member, namespace string) map[string]*unstructured.Unstructured {
	t.Helper()
	client, err := dynamic.NewForConfig(m.Config)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for _, resource := range synced() {
		list, err := client.Resource(resource).Namespace(namespace).List(t.Context(), listOptions)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if len(o.GetOwnerReferences()) == 0 && o.GetName() != "kube-root-ca.crt" && !(o.GetKind() == "ServiceAccount" && o.GetName() == "default") {
				out[o.GetKind()+"/"+o.GetName()] = o
			}
		}
	}
	return out
}

// written is what somebody wrote of an object: without what servers, controllers and Drover add to it.
func written(o *unstructured.Unstructured) map[string]any {
	keep := func(all map[string]string) map[string]any {
		out := map[string]any{}
		for key, value := range all {
			if !strings.HasPrefix(key, v1alpha1.GroupName+"/") && key != corev1.LastAppliedConfigAnnotation && key != v1alpha1.AnnotationRevision && key != "deprecated.daemonset.template.generation" {
				out[key] = value
			}
		}
		return out
	}
	out := o.DeepCopy().Object
	delete(out, "status")
	out["metadata"] = map[string]any{"name": o.GetName(), "labels": keep(o.GetLabels()), "annotations": keep(o.GetAnnotations())}
	if spec, ok := out["spec"].(map[string]any); ok && o.GetKind() == "Service" {
		if spec["clusterIP"] != corev1.ClusterIPNone {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		ports, _ := spec["ports"].([]any)
		for _, port := range ports {
			delete(port.(map[string]any), "nodePort")
		}
	}
	return out
}

// everything is one of each that import takes, and of what it does not.
const everything = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: green}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: unused}, data: {color: grey}}
---
{apiVersion: v1, kind: Secret, metadata: {name: password}, stringData: {password: hunter2}}
---
{apiVersion: v1, kind: Secret, metadata: {name: page}, type: kubernetes.io/tls, stringData: {tls.crt: "", tls.key: ""}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: all}, spec: {hard: {pods: "50"}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: all}, spec: {limits: [{type: Container, defaultRequest: {cpu: 1m}}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: all}, spec: {podSelector: {}, policyTypes: [Ingress]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: example.com/web:1
        envFrom: [{configMapRef: {name: settings}}]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: password, key: password}}}]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: 8080}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled}
spec:
  selector: {matchLabels: {app: scaled}}
  template: {metadata: {labels: {app: scaled}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: scaled, image: example.com/scaled:1}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template: {metadata: {labels: {app: idle}}, spec: {containers: [{name: idle, image: example.com/idle:1}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: example.com/db:1}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: agent, image: example.com/agent:1}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: 0 3 * * *
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: nightly, image: example.com/nightly:1}]}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: scaled}, spec: {minReplicas: 1, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: outside}, spec: {type: ExternalName, externalName: example.com}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {tls: [{hosts: [web.example.com], secretName: page}], defaultBackend: {service: {name: web, port: {number: 80}}}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: alone}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: alone, image: example.com/alone:1}]}}
`

// everythingTaken are those of everything that become Drover's.
var everythingTaken = []string{
	"ConfigMap/settings", "CronJob/nightly", "DaemonSet/agent", "Deployment/idle", "Deployment/scaled", "Deployment/web", "HorizontalPodAutoscaler/scaled", "Ingress/web",
	"LimitRange/all", "NetworkPolicy/all", "PodDisruptionBudget/web", "ResourceQuota/all", "Secret/page", "Secret/password", "Service/db", "Service/web",
	"ServiceAccount/web", "StatefulSet/db",
}

// What runs in a joined cluster becomes Drover's where it is: no pod is replaced, and no object changes but for Drover's
// marks. What cannot be taken is said. The second time there is nothing to do.
func TestImport(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	s := unfederated(t, everything)
	east := s.members["east"]
	var before map[string]*unstructured.Unstructured
	harness.Eventually(t, patience, func() error { // the cluster's controllers have done what they do
		pods := s.podUIDs("east")
		before = objectsIn(t, east, s.name)
		if len(pods) != 2+1+1+2+1 {
			return fmt.Errorf("there are %d pods: %v", len(pods), pods)
		}
		for name, want := range map[string]int32{"web": 2, "scaled": 1} {
			if d, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), name, getOptions); err != nil || d.Status.ReadyReplicas != want {
				return fmt.Errorf("%s: %w: %+v", name, err, d.Status)
			}
		}
		return nil
	})
	pods := s.podUIDs("east")

	out, err := importEast(t.Context(), s.name, "--dry-run")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "3 Deployments", "1 StatefulSet", "configmap/unused", "role/reader", "pod/alone", "service/outside", "gives rights in this cluster", "before they can run there: storageclass/fast")
	if _, err := s.Kube.CoreV1().Namespaces().Get(t.Context(), s.name, getOptions); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run has made the namespace in the federation: %v", err)
	}
	if _, err := importEast(t.Context(), s.name); err == nil || !strings.Contains(err.Error(), "add --yes") {
		t.Errorf("without anybody to ask: %v", err)
	}

	out, err = importEast(t.Context(), s.name, "--yes")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "18 objects created in the federation", "18 of 18 are Drover's in east", "no pod was restarted")
	s.wantUntouched(before)
	s.wantSamePods("east", pods)
	for _, other := range []string{"west", "eu"} {
		if _, err := s.in(other).CoreV1().Namespaces().Get(t.Context(), s.name, getOptions); !apierrors.IsNotFound(err) {
			t.Errorf("%s has the namespace now: %v", other, err)
		}
	}
	policy, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Get(t.Context(), "imported-from-east", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	if policy.Spec.Conflict != v1alpha1.ConflictFail {
		t.Errorf("the policy says conflict: %s, so that something in another cluster may be overwritten", policy.Spec.Conflict)
	}

	out, err = importEast(t.Context(), s.name, "--yes")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "There is nothing more to take over from east.", "Managed by Drover already: 18 objects.")
	s.wantUntouched(before)
	if again, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Get(t.Context(), policy.Name, getOptions); err != nil || again.Generation != policy.Generation {
		t.Errorf("the second import has changed the policy: %v, generation %d, was %d", err, again.Generation, policy.Generation)
	}

	// From now on it is the federation's, but for what an autoscaler of the cluster says.
	s.kubectl("scale", "deployment", "web", "--replicas", "3")
	s.eventuallyScaled("web", "east", 3)
	scale := []byte(`{"spec":{"replicas":4}}`)
	if _, err := s.in("east").AppsV1().Deployments(s.name).Patch(t.Context(), "scaled", types.MergePatchType, scale, patchOptions, "scale"); err != nil {
		t.Fatal(err)
	}
	s.kubectl("wait", "deployment", "scaled", "--for", "jsonpath={.spec.replicas}=4", "--timeout", patience.String())
	s.eventuallyScaled("scaled", "east", 4)
}

// wantUntouched fails if what is in east is not what it was, or not Drover's as far as it is taken.
func (s *space) wantUntouched(before map[string]*unstructured.Unstructured) {
	s.Helper()
	after := objectsIn(s, s.members["east"], s.name)
	taken := map[string]bool{}
	for _, name := range everythingTaken {
		taken[name] = true
	}
	for name, was := range before {
		is := after[name]
		if is == nil {
			s.Errorf("%s is gone", name)
			continue
		}
		// A Deployment has another generation with each annotation.
		again := is.GetGeneration() != was.GetGeneration() && is.GetKind() != "Deployment"
		if diff := cmp.Diff(written(was), written(is)); diff != "" || is.GetUID() != was.GetUID() || again {
			s.Errorf("%s has changed, from generation %d to %d (-was +is):\n%s", name, was.GetGeneration(), is.GetGeneration(), diff)
		}
		if got := is.GetLabels()[v1alpha1.LabelManaged] == "true"; got != taken[name] {
			s.Errorf("%s is Drover's: %t, want %t", name, got, taken[name])
		}
	}
}

// What stands in the way in the federation is named before anything is written.
func TestImportIsRefused(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	s := unfederated(t, `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent, labels: {app: agent}}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: agent, image: "example.com/agent:1"}]}}}}`)
	if _, err := s.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}}, createOptions); err != nil {
		t.Fatal(err)
	}
	s.weigh("agent", map[string]int64{"west": 1})
	s.deploy("here", 1, nil)
	_, err := importEast(t.Context(), s.name, "--yes")
	if err == nil {
		t.Fatal("it was not refused")
	}
	s.wantContains(err.Error(), "nothing has changed", "daemonset/agent in "+s.name+": placementpolicy/agent would not keep it in east alone", "deployment/here in "+s.name+": is in the federation and not from east")
	if _, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Get(t.Context(), "imported-from-east", getOptions); !apierrors.IsNotFound(err) {
		t.Errorf("a policy was made: %v", err)
	}
	for args, want := range map[string]string{
		"nosuch":      `cluster east has no namespace "nosuch"`,
		"kube-system": "namespace kube-system belongs to the cluster itself",
	} {
		if _, err := importEast(t.Context(), args, "--yes"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-n %s: %v, want %q", args, err, want)
		}
	}
	_, err = s.Plugin().Run(t.Context(), "import", "--cluster", "west", "--cluster-kubeconfig", s.members["east"].Kubeconfig, "--yes")
	if err == nil || !strings.Contains(err.Error(), "is joined as east, not as west") {
		t.Errorf("the kubeconfig of another cluster: %v", err)
	}
}
