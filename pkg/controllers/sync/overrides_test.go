// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeinformers "k8s.io/client-go/informers"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/federation/override"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned/fake"
	"drover.dev/drover/pkg/generated/informers/externalversions"
)

// federated is a Deployment as the federation has it.
func federated() *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: written(), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](10)}}
	d.DeletionTimestamp = nil
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "nginx:1"}}
	return d
}

func parseOverrides(t *testing.T, text string) (out []v1alpha1.Override) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// An override that removes or forges Drover's marks does not get rid of them: the object would be lost.
func TestOverridesKeepMarks(t *testing.T) {
	base, err := newManifest(workload.Deployment.GroupVersionKind, localized(federated(), ptr.To[int32](4)), "federation-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		patch, app, note string
	}{
		"nothing of them":                  {`{jsonPatch: [{op: replace, path: /spec/paused, value: true}]}`, "web", "kept"},
		"all labels":                       {`{jsonPatch: [{op: remove, path: /metadata/labels}]}`, "", "kept"},
		"all annotations":                  {`{jsonPatch: [{op: remove, path: /metadata/annotations}]}`, "web", ""},
		"all of both":                      {`{jsonPatch: [{op: remove, path: /metadata/labels}, {op: remove, path: /metadata/annotations}]}`, "", ""},
		"labels emptied":                   {`{jsonPatch: [{op: replace, path: /metadata/labels, value: {}}]}`, "", "kept"},
		"the label":                        {`{jsonPatch: [{op: remove, path: /metadata/labels/federation.drover.dev~1managed}]}`, "web", "kept"},
		"an annotation":                    {`{jsonPatch: [{op: remove, path: /metadata/annotations/federation.drover.dev~1federation}]}`, "web", "kept"},
		"an annotation, forged":            {`{strategicMerge: {metadata: {annotations: {federation.drover.dev/source-uid: forged}}}}`, "web", "kept"},
		"labels, merged with null":         {`{strategicMerge: {metadata: {labels: null}}}`, "", "kept"},
		"all, by strategic directive":      {`{strategicMerge: {metadata: {annotations: {$patch: replace, note: other}}}}`, "web", "other"},
		"the label, forged, among another": {`{strategicMerge: {metadata: {labels: {federation.drover.dev/managed: "false", app: other}}}}`, "other", "kept"},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := override.Apply(workload.Deployment.GroupVersionKind, base.json, "east", parseOverrides(t, "["+tt.patch+"]"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := remark(data, federated(), "federation-1")
			if err != nil {
				t.Fatal(err)
			}
			labels := map[string]string{v1alpha1.LabelManaged: "true"}
			if tt.app != "" {
				labels["app"] = tt.app
			}
			annotations := map[string]string{
				v1alpha1.AnnotationFederation: "federation-1", v1alpha1.AnnotationSourceUID: "uid-1", v1alpha1.AnnotationSourceGeneration: "3",
			}
			if tt.note != "" {
				annotations["note"] = tt.note
			}
			var object metav1.PartialObjectMetadata
			if err := yaml.Unmarshal(got.json, &object); err != nil {
				t.Fatal(err)
			}
			// There may be more marks than those that the object is found again by.
			maps.DeleteFunc(object.Annotations, func(key, _ string) bool { return own(key) && annotations[key] == "" })
			want := metav1.ObjectMeta{Name: "web", Namespace: "default", Labels: labels, Annotations: annotations}
			if diff := cmp.Diff(want, object.ObjectMeta); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if (got.digest == base.digest) != bytes.Equal(got.json, base.json) {
				t.Errorf("digest %s of %s; that of what it was made from is %s", got.digest, got.json, base.digest)
			}
		})
	}
	if _, err := remark([]byte(`[]`), federated(), "f"); err == nil {
		t.Error("marks are put on a list")
	}
}

// controllerOf is a controller that sees one Deployment and its Placement, and no members.
func controllerOf(t *testing.T, d *appsv1.Deployment, p *v1alpha1.Placement) *Controller {
	t.Helper()
	native := kubeinformers.NewSharedInformerFactory(kubefake.NewClientset(), 0)
	own := externalversions.NewSharedInformerFactory(fake.NewSimpleClientset(), 0)
	workloads, err := workload.NewListers(native)
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{identity: "federation-1", workloads: workloads, placements: own.Federation().V1alpha1().Placements().Lister()}
	for store, obj := range map[interface{ Add(any) error }]any{
		native.Apps().V1().Deployments().Informer().GetStore(): d, own.Federation().V1alpha1().Placements().Informer().GetStore(): p,
	} {
		if err := store.Add(obj); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestDesiredWithOverrides(t *testing.T) {
	key := workload.Key{Kind: workload.Deployment, Namespace: "default", Name: "web"}
	const image = `[{clusters: [east], jsonPatch: [{op: replace, path: /spec/template/spec/containers/0/image, value: "mirror/nginx:1"}]}]`
	for _, tt := range []struct {
		name, overrides, cluster string
		// image of the manifest, or what is said of why there is none.
		image, failed string
	}{
		{"none", `[]`, "east", "nginx:1", ""},
		{"of this cluster", image, "east", "mirror/nginx:1", ""},
		{"of another", image, "west", "nginx:1", ""},
		{"that fails here", `[{clusters: [east], jsonPatch: [{op: remove, path: /spec/template/spec/nodeSelector}]}]`, "east", "", "the policy's override for east: jsonPatch: "},
		{"that fails elsewhere", `[{clusters: [east], jsonPatch: [{op: remove, path: /spec/template/spec/nodeSelector}]}]`, "west", "nginx:1", ""},
		{"the second of which fails", `[{strategicMerge: {spec: {paused: true}}}, {jsonPatch: [{op: test, path: /spec/paused, value: false}]}]`, "west", "", "the policy's override for all clusters: jsonPatch: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := federated()
			p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: key.PlacementName()}, Spec: v1alpha1.PlacementSpec{
				Workload: v1alpha1.WorkloadReference{UID: "uid-1"}, WorkloadGeneration: 3, Overrides: parseOverrides(t, tt.overrides),
				Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: ptr.To[int32](4)}, {Name: "west", Replicas: ptr.To[int32](6)}},
			}}
			want, err := controllerOf(t, d, p).desiredWorkload(tt.cluster, key)
			if err != nil {
				t.Fatal(err)
			}
			if want.intent != present {
				t.Errorf("the intent is %d", want.intent)
			}
			if tt.failed != "" {
				if want.failed.Reason != v1alpha1.ReasonOverrideFailed || !strings.Contains(want.failed.Message, tt.failed) || !strings.HasSuffix(want.failed.Message, "; the cluster keeps what it has") {
					t.Errorf("failed: %+v, want %q", want.failed, tt.failed)
				}
				return
			}
			var got appsv1.Deployment
			if err := yaml.Unmarshal(want.manifest.json, &got); err != nil {
				t.Fatal(err)
			}
			if (want.failed != Outcome{}) || got.Spec.Template.Spec.Containers[0].Image != tt.image || got.Labels[v1alpha1.LabelManaged] != "true" {
				t.Errorf("failed %+v, image %s, labels %v", want.failed, got.Spec.Template.Spec.Containers[0].Image, got.Labels)
			}
			if want := map[string]int32{"east": 4, "west": 6}[tt.cluster]; *got.Spec.Replicas != want {
				t.Errorf("%d replicas, want %d", *got.Spec.Replicas, want)
			}
		})
	}
}
