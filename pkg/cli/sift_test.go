// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

func parse(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

// What a cluster makes by itself is left to it, and nobody is told of each; what is left out besides has its reason.
func TestLeftOut(t *testing.T) {
	for _, tt := range []struct {
		resource  schema.GroupVersionResource
		manifest  string
		want      string
		generated bool
	}{
		{members.ConfigMaps, `{metadata: {name: settings, namespace: shop}}`, "", false},
		{members.ConfigMaps, `{metadata: {name: kube-root-ca.crt, namespace: shop}}`, eachItsOwn, true},
		{members.ConfigMaps, `{metadata: {name: lock, namespace: shop, annotations: {control-plane.alpha.kubernetes.io/leader: "{}"}}}`, "a lock", true},
		{members.Secrets, `{metadata: {name: s, namespace: shop}, type: Opaque}`, "", false},
		{members.Secrets, `{metadata: {name: s, namespace: shop}, type: kubernetes.io/service-account-token}`, "a token", true},
		{members.Secrets, `{metadata: {name: s, namespace: shop}, type: helm.sh/release.v1}`, "Helm", false},
		{members.Secrets, `{metadata: {name: s, namespace: shop, annotations: {cert-manager.io/certificate-name: page}}, type: kubernetes.io/tls}`, "certificate page", false},
		{members.ServiceAccounts, `{metadata: {name: default, namespace: shop}}`, eachItsOwn, true},
		{members.ServiceAccounts, `{metadata: {name: default, namespace: shop}, imagePullSecrets: [{name: registry}]}`, "imagePullSecrets", false},
		{members.ServiceAccounts, `{metadata: {name: web, namespace: shop}}`, "", false},
		{members.Services, `{metadata: {name: kubernetes, namespace: default}}`, eachItsOwn, true},
		{members.Services, `{metadata: {name: kubernetes, namespace: shop}}`, "", false},
		{members.ReplicaSets, `{metadata: {name: web-1, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web}]}}`, "made by Deployment web", true},
		{members.Deployments, `{metadata: {name: web, namespace: shop, ownerReferences: [{apiVersion: example.com/v1, kind: Site, name: web}]}}`, "made by Site web", false},
		{members.Deployments, `{metadata: {name: web, namespace: shop, labels: {federation.drover.dev/managed: "true"}, annotations: {federation.drover.dev/federation: other}}}`, "another federation", false},
		{members.Deployments, `{metadata: {name: web, namespace: shop, deletionTimestamp: "2026-01-01T00:00:00Z"}}`, "is being deleted", false},
	} {
		got := leftOut(tt.resource, parse(t, tt.manifest))
		if !strings.Contains(got.text, tt.want) || (got.text == "") != (tt.want == "") || got.generated != tt.generated {
			t.Errorf("%s %s: %+v, want %q, generated %t", tt.resource.Resource, tt.manifest, got, tt.want, tt.generated)
		}
	}
}

// deploymentOf has pods with labels app=NAME, and more in their spec.
func deploymentOf(name, spec string) string {
	return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ` + name + `, namespace: shop}, spec: {template: {metadata: {labels: {app: ` + name + `}}, spec: {` + spec + `}}}}`
}

// What is taken is what workloads need that are taken, too.
func TestSift(t *testing.T) {
	const identity = "this"
	web := deploymentOf("web", `serviceAccountName: web, containers: [{name: web, envFrom: [{configMapRef: {name: settings}}]}]`)
	for name, tt := range map[string]struct {
		found       map[schema.GroupVersionResource][]string
		taken, left []string
		managed     int
	}{
		"a workload, and all that goes with it": {
			found: map[schema.GroupVersionResource][]string{
				members.Deployments:     {web},
				members.ServiceAccounts: {`{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop}, imagePullSecrets: [{name: registry}]}`},
				members.ConfigMaps:      {`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}}`},
				members.Secrets: {
					`{apiVersion: v1, kind: Secret, metadata: {name: registry, namespace: shop}}`,
					`{apiVersion: v1, kind: Secret, metadata: {name: page, namespace: shop}}`,
				},
				members.Services:  {`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}}}`},
				members.Ingresses: {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: shop}, spec: {defaultBackend: {service: {name: web}}, tls: [{secretName: page}]}}`},
				members.HorizontalPodAutoscalers: {
					`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web, namespace: shop}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}`,
				},
				members.PodDisruptionBudgets: {`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop}, spec: {selector: {matchLabels: {app: web}}}}`},
				members.ResourceQuotas:       {`{apiVersion: v1, kind: ResourceQuota, metadata: {name: all, namespace: shop}}`},
			},
			taken: []string{
				"configmaps/shop/settings", "deployments/shop/web", "horizontalpodautoscalers/shop/web", "ingresses/shop/web", "poddisruptionbudgets/shop/web",
				"resourcequotas/shop/all", "secrets/shop/page", "secrets/shop/registry", "serviceaccounts/shop/web", "services/shop/web",
			},
		},
		"what is for none": {
			found: map[schema.GroupVersionResource][]string{
				members.Deployments:     {web},
				members.ServiceAccounts: {`{apiVersion: v1, kind: ServiceAccount, metadata: {name: other, namespace: shop}, imagePullSecrets: [{name: registry}]}`},
				members.ConfigMaps:      {`{apiVersion: v1, kind: ConfigMap, metadata: {name: read-by-api, namespace: shop}}`},
				members.Secrets:         {`{apiVersion: v1, kind: Secret, metadata: {name: registry, namespace: shop}}`},
				members.Services: {
					`{apiVersion: v1, kind: Service, metadata: {name: other, namespace: shop}, spec: {selector: {app: other}}}`,
					`{apiVersion: v1, kind: Service, metadata: {name: outside, namespace: shop}, spec: {type: ExternalName, externalName: example.com}}`,
				},
				members.Ingresses: {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: other, namespace: shop}, spec: {defaultBackend: {service: {name: other}}}}`},
			},
			taken: []string{"deployments/shop/web"},
			left: []string{
				"ConfigMap/read-by-api: no workload that is taken names it", "Ingress/other: is for no workload", "Secret/registry: no workload that is taken names it",
				"Service/other: is for no workload", "Service/outside: selects no workload", "ServiceAccount/other: no workload that is taken names it",
			},
		},
		"a workload that something else scales": {
			found: map[schema.GroupVersionResource][]string{
				members.Deployments: {web},
				members.HorizontalPodAutoscalers: {
					`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: keda, namespace: shop, ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web}]},
					  spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}`,
				},
				members.Services: {`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}}}`},
			},
			left: []string{
				"Deployment/web: horizontalpodautoscaler/keda scales it, and stays (made by ScaledObject web)", "HorizontalPodAutoscaler/keda: made by ScaledObject web", "Service/web: is for no workload",
			},
		},
		"what is new beside a workload that is Drover's": {
			found: map[schema.GroupVersionResource][]string{
				members.Deployments: {strings.Replace(web, "{name: web,", `{name: web, labels: {`+v1alpha1.LabelManaged+`: "true"}, annotations: {`+v1alpha1.AnnotationFederation+`: this},`, 1)},
				members.Services:    {`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}}}`},
			},
			taken: []string{"services/shop/web"}, managed: 1,
		},
	} {
		var found []object
		for _, resource := range imported {
			for _, manifest := range tt.found[resource] {
				found = append(found, object{resource, parse(t, manifest)})
			}
		}
		got := sift(found, identity)
		var taken, left []string
		for _, o := range got.taken {
			taken = append(taken, o.key())
		}
		for _, l := range got.left {
			left = append(left, l.kind+"/"+l.name+": "+l.text)
		}
		slices.Sort(taken)
		slices.Sort(left)
		if diff := cmp.Diff(tt.taken, taken); diff != "" || len(got.managed) != tt.managed {
			t.Errorf("%s: %d are managed, want %d; taken (-want +got):\n%s", name, len(got.managed), tt.managed, diff)
		}
		if !slices.EqualFunc(left, tt.left, strings.HasPrefix) {
			t.Errorf("%s: left\n  %s\nwant\n  %s", name, strings.Join(left, "\n  "), strings.Join(tt.left, "\n  "))
		}
	}
}
