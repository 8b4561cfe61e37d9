// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
)

func row(t *testing.T, name string) kind.Kind {
	t.Helper()
	for _, k := range append(native.Kinds(), federation.Kinds()...) {
		if k.Kind == name {
			return k
		}
	}
	t.Fatalf("no kind %s", name)
	return kind.Kind{}
}

func strategyOf(t *testing.T, name string) strategy {
	t.Helper()
	return newStrategy(row(t, name), runtime.NewScheme())
}

func stored() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Generation: 3, ResourceVersion: "5", Labels: map[string]string{"a": "b"}, Finalizers: []string{v1alpha1.FinalizerSync}},
		Spec:       appsv1.DeploymentSpec{Replicas: ptr.To[int32](3)},
		Status:     appsv1.DeploymentStatus{Replicas: 2},
	}
}

func TestPrepareForCreate(t *testing.T) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 9, Finalizers: []string{"mine"}}, Status: appsv1.DeploymentStatus{Replicas: 9}}
	strategyOf(t, "Deployment").PrepareForCreate(t.Context(), d)
	want := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 1, Finalizers: []string{"mine", v1alpha1.FinalizerSync}}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("prepared (-want +got):\n%s", diff)
	}
	strategyOf(t, "Deployment").PrepareForCreate(t.Context(), d)
	if len(d.Finalizers) != 2 {
		t.Errorf("finalizers %v: ours is there twice", d.Finalizers)
	}
	c := &corev1.ConfigMap{}
	strategyOf(t, "ConfigMap").PrepareForCreate(t.Context(), c)
	if diff := cmp.Diff(&corev1.ConfigMap{}, c); diff != "" {
		t.Errorf("a plain kind (-want +got):\n%s", diff)
	}
}

func TestPrepareForUpdate(t *testing.T) {
	for _, tt := range []struct {
		name       string
		change     func(*appsv1.Deployment)
		generation int64
	}{
		{"nothing", func(*appsv1.Deployment) {}, 3},
		{"the spec", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](4) }, 4},
		{"an empty map for none", func(d *appsv1.Deployment) { d.Spec.Template.Labels = map[string]string{} }, 3},
		{"a label", func(d *appsv1.Deployment) { d.Labels = nil }, 3},
		{"the status", func(d *appsv1.Deployment) { d.Status.Replicas = 9 }, 3},
		{"the generation itself", func(d *appsv1.Deployment) { d.Generation = 99 }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := stored()
			tt.change(d)
			strategyOf(t, "Deployment").PrepareForUpdate(t.Context(), d, stored())
			if d.Generation != tt.generation || d.Status.Replicas != 2 {
				t.Errorf("generation %d, want %d; status %d", d.Generation, tt.generation, d.Status.Replicas)
			}
		})
	}
}

func TestPrepareForStatusUpdate(t *testing.T) {
	d, old := stored(), stored()
	d.Status = appsv1.DeploymentStatus{Replicas: 7}
	d.Spec.Replicas, d.Labels, d.Finalizers, d.Generation, d.OwnerReferences = ptr.To[int32](9), nil, nil, 99, []metav1.OwnerReference{{}}
	d.ResourceVersion, d.ManagedFields = "4", []metav1.ManagedFieldsEntry{{Manager: "me"}}
	statusStrategy{strategyOf(t, "Deployment")}.PrepareForUpdate(t.Context(), d, old)
	want := stored()
	want.Status.Replicas, want.ResourceVersion, want.ManagedFields = 7, "4", []metav1.ManagedFieldsEntry{{Manager: "me"}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(stored(), old); diff != "" {
		t.Errorf("what is stored was changed (-before +after):\n%s", diff)
	}
}

// What a write of a resource never changes is not owned by who writes it, at whichever door.
func TestResetFields(t *testing.T) {
	names := func(s interface {
		GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set
	},
	) map[string]string {
		out := map[string]string{}
		for version, set := range s.GetResetFields() {
			var paths []string
			set.Iterate(func(p fieldpath.Path) { paths = append(paths, p.String()) })
			slices.Sort(paths)
			out[string(version)] = strings.Join(paths, " ")
		}
		return out
	}
	for kind, doors := range map[string][]string{
		"Deployment": {"apps/v1", "federation.drover.dev/v1alpha1"}, "Cluster": {"federation.drover.dev/v1alpha1"},
	} {
		main, status := map[string]string{}, map[string]string{}
		for _, door := range doors {
			main[door], status[door] = ".status", ".metadata .spec"
		}
		s := strategyOf(t, kind)
		if diff := cmp.Diff(main, names(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if diff := cmp.Diff(status, names(statusStrategy{s})); diff != "" {
			t.Errorf("status of %s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestAttributes(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "key", Labels: map[string]string{"a": "b"}}, Type: "Opaque"}
	got, fields, err := attributes(row(t, "Secret"))(secret)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(labels.Set{"a": "b"}, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"metadata.name": "key", "metadata.namespace": "default", "type": "Opaque"}, map[string]string(fields)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	_, fields, err = attributes(row(t, "Cluster"))(&v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "east"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"metadata.name": "east"}, map[string]string(fields)); diff != "" {
		t.Errorf("fields of a cluster (-want +got):\n%s", diff)
	}
}

// A new object has a name as its kind wants it; an object that is there keeps what it has.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		kind, name string
		ok         bool
	}{
		{"Deployment", "web.v1", true},
		{"Deployment", "Web", false},
		{"Service", "web-1", true},
		{"Service", "1web", false},
		{"Service", "web.v1", false},
		{"Namespace", "1-a", true},
		{"Namespace", "a.b", false},
		{"StatefulSet", "web-1", true},
		{"StatefulSet", "web.v1", false},
		{"CronJob", strings.Repeat("x", 52), true},
		{"CronJob", strings.Repeat("x", 53), false},
		{"Role", "system:node", true},
		{"ClusterRoleBinding", "a/b", false},
	} {
		s := strategyOf(t, tt.kind)
		obj := s.kind.New()
		accessor(obj).SetName(tt.name)
		named := func(errs field.ErrorList) bool {
			return !slices.ContainsFunc(errs, func(err *field.Error) bool { return err.Field == "metadata.name" })
		}
		if got := named(s.Validate(t.Context(), obj)); got != tt.ok {
			t.Errorf("%s may be called %q: %v, want %v", tt.kind, tt.name, got, tt.ok)
		}
		if !named(s.ValidateUpdate(t.Context(), obj, obj)) {
			t.Errorf("%s %q cannot be updated", tt.kind, tt.name)
		}
	}
}

// Every row of the tables is complete, and works on its own objects.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range append(native.Kinds(), federation.Kinds()...) {
		t.Run(k.Kind, func(t *testing.T) {
			for _, name := range append([]string{k.Resource, k.Singular}, k.ShortNames...) {
				if name == "" || seen[k.Group+"/"+name] {
					t.Errorf("name %q is empty, or another's", name)
				}
				seen[k.Group+"/"+name] = true
			}
			obj := k.New()
			if k.Status != nil {
				setStatus(k, obj, k.New())
			}
			if k.Spec != nil && k.SpecChanged(obj, k.New()) {
				t.Error("a spec differs from itself")
			}
			if k.Fields != nil {
				k.Fields(obj)
			}
			if k.Validate != nil {
				k.Validate(obj, nil)
				k.Validate(k.New(), obj)
			}
			for _, c := range k.Columns {
				if c.Description == "" || c.Type == "" || (c.Value == nil) != c.Clusters {
					t.Errorf("column %s is incomplete", c.Name)
				}
				if c.Value != nil {
					c.Value(obj)
				}
			}
		})
	}
}

func TestTableShowsWhereItRuns(t *testing.T) {
	replicas := int32(4)
	placement := &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: &replicas}}}}
	for _, tt := range []struct {
		name   string
		lookup PlacementLookup
		want   string
	}{
		{"no lookup", nil, "<pending>"},
		{"not decided", func(_ context.Context, _, _ string) *v1alpha1.Placement { return nil }, "<pending>"},
		{"placed", func(_ context.Context, namespace, name string) *v1alpha1.Placement {
			if namespace != "default" || name != "deployment-web" {
				return nil
			}
			return placement
		}, "east=4"},
	} {
		d := stored()
		d.Namespace = "default"
		table, err := (&tableConvertor{kind: row(t, "Deployment"), placements: tt.lookup}).ConvertToTable(t.Context(), d, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == "Clusters" })
		if got := table.Rows[0].Cells[i]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if table.ResourceVersion != "5" {
			t.Errorf("resource version %q", table.ResourceVersion)
		}
	}
	bare, err := (&tableConvertor{kind: row(t, "Deployment")}).ConvertToTable(t.Context(), stored(), &metav1.TableOptions{NoHeaders: true})
	if err != nil || len(bare.ColumnDefinitions) > 0 || len(bare.Rows) != 1 {
		t.Errorf("without headers: %d columns, %v", len(bare.ColumnDefinitions), err)
	}
}

func TestTableOfUnusualKinds(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)))
	for _, tt := range []struct {
		kind  string
		obj   runtime.Object
		first string
		last  string
	}{
		{"Role", &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader", CreationTimestamp: created}}, "reader", "2026-01-02T02:04:05Z"},
		{"IngressClass", &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{
			Name: "nginx", Annotations: map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"},
		}}, "nginx (default)", "<unknown>"},
	} {
		table, err := (&tableConvertor{kind: row(t, tt.kind)}).ConvertToTable(t.Context(), tt.obj, nil)
		if err != nil {
			t.Fatal(err)
		}
		cells := table.Rows[0].Cells
		if cells[0] != tt.first || cells[len(cells)-1] != tt.last {
			t.Errorf("%s: printed as %v", tt.kind, cells)
		}
	}
}
