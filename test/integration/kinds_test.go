// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json" // numbers as the API decodes them
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// create makes an object of the kind and has it gone when the test ends.
func (s subject) create(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	obj, err := s.client().Create(t.Context(), s.object(t, name), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return obj
}

// letGo removes what keeps a deleted object: without controllers nobody else does.
func (s subject) letGo(t *testing.T, name string) {
	t.Helper()
	if s.Kind.Kind == "Namespace" {
		obj, err := s.client().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		unstructured.RemoveNestedField(obj.Object, "spec", "finalizers")
		if _, err := s.client().Update(t.Context(), obj, metav1.UpdateOptions{}, "finalize"); err != nil {
			t.Fatalf("finalize: %v", err)
		}
		return
	}
	if len(s.Finalizers) > 0 {
		if _, err := s.client().Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{}); err != nil {
			t.Fatalf("remove finalizers: %v", err)
		}
	}
}

func TestCreateGetListUpdateDelete(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		ctx := t.Context()
		created := s.create(t, "crud")
		if created.GetUID() == "" || created.GetResourceVersion() == "" || created.GetCreationTimestamp() == (metav1.Time{}) {
			t.Errorf("created without the usual metadata: %v", created.Object["metadata"])
		}
		if !slices.Equal(created.GetFinalizers(), s.Finalizers) {
			t.Errorf("finalizers are %v, want %v", created.GetFinalizers(), s.Finalizers)
		}
		if _, err := s.client().Create(ctx, s.object(t, "crud"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			t.Errorf("created twice: %v", err)
		}
		got, err := s.client().Get(ctx, "crud", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(created, got); diff != "" {
			t.Errorf("created and got differ (-created +got):\n%s", diff)
		}

		got.SetLabels(map[string]string{"touched": "yes"})
		updated, err := s.client().Update(ctx, got, metav1.UpdateOptions{})
		if err != nil {
			t.Fatalf("update: %v", err)
		}
		if updated.GetGeneration() != created.GetGeneration() {
			t.Errorf("a label changes the generation from %d to %d", created.GetGeneration(), updated.GetGeneration())
		}
		if _, err := s.client().Update(ctx, got, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			t.Errorf("updated an old version: %v", err)
		}
		again, err := s.client().Update(ctx, updated, metav1.UpdateOptions{})
		if err != nil || again.GetResourceVersion() != updated.GetResourceVersion() {
			t.Errorf("an update that changes nothing makes version %s of %s, %v", again.GetResourceVersion(), updated.GetResourceVersion(), err)
		}
		list, err := s.client().List(ctx, metav1.ListOptions{LabelSelector: "touched=yes", FieldSelector: "metadata.name=crud"})
		if err != nil || len(list.Items) != 1 {
			t.Errorf("listed %d by label and name, %v", len(list.Items), err)
		}
		if _, err := s.client().List(ctx, metav1.ListOptions{FieldSelector: "spec.nothing=x"}); code(err) != 400 {
			t.Errorf("a field that cannot be selected by: %v", err)
		}

		if err := s.client().Delete(ctx, "crud", metav1.DeleteOptions{}); err != nil {
			t.Fatalf("delete: %v", err)
		}
		if len(s.Finalizers) > 0 || s.Kind.Kind == "Namespace" {
			if left, err := s.client().Get(ctx, "crud", metav1.GetOptions{}); err != nil || left.GetDeletionTimestamp() == nil {
				t.Errorf("deleted: it did not wait for its finalizers: %v", err)
			}
			s.letGo(t, "crud")
		}
		if _, err := s.client().Get(ctx, "crud", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("got it after it was deleted: %v", err)
		}
		if err := s.client().Delete(ctx, "crud", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func TestGenerateName(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		obj := s.object(t, "")
		obj.SetGenerateName("generated-")
		created, err := s.client().Create(t.Context(), obj, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(created.GetName(), "generated-") || len(created.GetName()) <= len("generated-") {
			t.Errorf("name is %q", created.GetName())
		}
	})
}

func TestWatch(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		ctx := t.Context()
		w, err := s.client().Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=watched"})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		s.create(t, "watched")
		expectEvent(t, w, watch.Added)
		if _, err := s.client().Patch(ctx, "watched", types.MergePatchType, []byte(`{"metadata": {"labels": {"a": "b"}}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		expectEvent(t, w, watch.Modified)
		if err := s.client().Delete(ctx, "watched", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(s.Finalizers) > 0 || s.Kind.Kind == "Namespace" {
			expectEvent(t, w, watch.Modified)
			s.letGo(t, "watched")
		}
		expectEvent(t, w, watch.Deleted)
	})
}

func expectEvent(t *testing.T, w watch.Interface, want watch.EventType) {
	t.Helper()
	select {
	case got := <-w.ResultChan():
		if got.Type != want {
			t.Fatalf("event %s, want %s: %v", got.Type, want, got.Object)
		}
	case <-t.Context().Done():
		t.Fatalf("no event %s", want)
	}
}

func TestPatch(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		s.create(t, "patched")
		for _, tt := range []struct {
			patch types.PatchType
			body  string
		}{
			{types.JSONPatchType, `[{"op": "add", "path": "/metadata/labels", "value": {"kubernetes.io/metadata.name": "patched", "by": "json"}}]`},
			{types.MergePatchType, `{"metadata": {"labels": {"by": "merge"}}}`},
			{types.StrategicMergePatchType, `{"metadata": {"labels": {"by": "strategic"}}}`},
		} {
			obj, err := s.client().Patch(t.Context(), "patched", tt.patch, []byte(tt.body), metav1.PatchOptions{})
			if err != nil {
				t.Errorf("%s: %v", tt.patch, err)
				continue
			}
			if by := obj.GetLabels()["by"]; !strings.Contains(string(tt.patch), by) || by == "" {
				t.Errorf("%s: label is %q", tt.patch, by)
			}
		}
		if _, err := s.client().Patch(t.Context(), "missing", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("patched what is not there: %v", err)
		}
	})
}

func TestServerSideApply(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		ctx, client := t.Context(), s.client()
		apply := func(manager, label string, force bool) (*unstructured.Unstructured, error) {
			obj := s.object(t, "applied")
			if label != "" {
				obj.SetLabels(map[string]string{"owned": label})
			}
			return client.Apply(ctx, "applied", obj, metav1.ApplyOptions{FieldManager: manager, Force: force})
		}
		first, err := apply("alice", "a", false)
		if err != nil {
			t.Fatalf("apply what is not there: %v", err)
		}
		same, err := apply("alice", "a", false)
		if err != nil || same.GetResourceVersion() != first.GetResourceVersion() {
			t.Errorf("applying the same again makes version %s of %s, %v", same.GetResourceVersion(), first.GetResourceVersion(), err)
		}
		if _, err := apply("bob", "b", false); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `conflict with "alice"`) {
			t.Errorf("applied over another's field: %v", err)
		}
		if obj, err := apply("bob", "b", true); err != nil || obj.GetLabels()["owned"] != "b" {
			t.Errorf("apply by force: %v", err)
		}
		if obj, err := apply("alice", "", false); err != nil || obj.GetLabels()["owned"] != "b" {
			t.Errorf("alice let go of a field that is bob's now, and it is gone: %v", err)
		}
		if obj, err := apply("bob", "", false); err != nil || obj.GetLabels()["owned"] != "" {
			t.Errorf("bob let go of a field, and it is still there: %v", err)
		}
		if _, err := client.Apply(ctx, "applied", s.object(t, "applied"), metav1.ApplyOptions{}); code(err) < 400 || code(err) >= 500 {
			t.Errorf("applied without a field manager: %v", err)
		}
	})
}

func TestDryRunStoresNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		ctx, client, all := t.Context(), s.client(), []string{metav1.DryRunAll}
		dry, err := client.Create(ctx, s.object(t, "dry"), metav1.CreateOptions{DryRun: all})
		if err != nil {
			t.Fatalf("create: %v", err)
		}
		if dry.GetName() != "dry" {
			t.Errorf("created %v", dry)
		}
		if _, err := client.Get(ctx, "dry", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Fatalf("a dry run stored it: %v", err)
		}
		stored := s.create(t, "dry")
		label := []byte(`{"metadata": {"labels": {"dry": "run"}}}`)
		if obj, err := client.Patch(ctx, "dry", types.MergePatchType, label, metav1.PatchOptions{DryRun: all}); err != nil || obj.GetLabels()["dry"] != "run" {
			t.Errorf("patch: %v", err)
		}
		applied := s.object(t, "dry")
		applied.SetLabels(map[string]string{"dry": "run"})
		if obj, err := client.Apply(ctx, "dry", applied, metav1.ApplyOptions{FieldManager: "alice", Force: true, DryRun: all}); err != nil || obj.GetLabels()["dry"] != "run" {
			t.Errorf("apply: %v", err)
		}
		if err := client.Delete(ctx, "dry", metav1.DeleteOptions{DryRun: all}); err != nil {
			t.Errorf("delete: %v", err)
		}
		if s.Kind.Kind != "Namespace" {
			if err := client.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: all}, metav1.ListOptions{FieldSelector: "metadata.name=dry"}); err != nil {
				t.Errorf("delete collection: %v", err)
			}
		}
		got, err := client.Get(ctx, "dry", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(stored, got); diff != "" {
			t.Errorf("dry runs changed it (-before +after):\n%s", diff)
		}
	})
}

func TestDeleteCollection(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		ctx := t.Context()
		if s.Kind.Kind == "Namespace" {
			if err := s.client().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "none=such"}); code(err) != 405 {
				t.Errorf("namespaces can be deleted by the dozen: %v", err)
			}
			return
		}
		for i := range 3 {
			obj := s.object(t, fmt.Sprintf("many-%d", i))
			obj.SetLabels(map[string]string{"many": fmt.Sprint(i < 2)})
			if _, err := s.client().Create(ctx, obj, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.client().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "many=true"}); err != nil {
			t.Fatal(err)
		}
		list, err := s.client().List(ctx, metav1.ListOptions{LabelSelector: "many"})
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, item := range list.Items {
			if item.GetDeletionTimestamp() == nil {
				left = append(left, item.GetName())
			}
		}
		if diff := cmp.Diff([]string{"many-2"}, left); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

// Whatever the client asks for its dependents: what has none here, and no finalizer of Drover's, is gone at once. There
// is no garbage collector in the federation that would take off the finalizers "orphan" and "foregroundDeletion".
func TestDeleteWithAnyPropagation(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		if len(s.Finalizers) > 0 || s.Kind.Kind == "Namespace" {
			t.Skip("goes when its own finalizers do")
		}
		for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan} {
			name := strings.ToLower(string(policy))
			s.create(t, name)
			if err := s.client().Delete(t.Context(), name, metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
				t.Errorf("%s: %v", policy, err)
			}
			if left, err := s.client().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("%s: it is still there, with the finalizers %v", policy, left.GetFinalizers())
			}
		}
	})
}

func TestDeletePreconditions(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		s.create(t, "guarded")
		other := types.UID("another")
		if err := s.client().Delete(t.Context(), "guarded", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}); !apierrors.IsConflict(err) {
			t.Errorf("deleted an object of another UID: %v", err)
		}
	})
}

func TestGenerationCountsChangesOfTheSpec(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		created := s.create(t, "counted")
		if s.Spec == nil {
			if created.GetGeneration() != 0 {
				t.Errorf("generation is %d and means nothing", created.GetGeneration())
			}
			return
		}
		if s.spec == "" {
			t.Fatalf("kind %s has no sample of a change of its spec: add one", s.Kind.Kind)
		}
		if created.GetGeneration() != 1 {
			t.Errorf("generation of a new object is %d", created.GetGeneration())
		}
		for range 2 { // the second time it changes nothing
			changed, err := s.client().Patch(t.Context(), "counted", types.MergePatchType, []byte(s.spec), metav1.PatchOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if changed.GetGeneration() != 2 {
				t.Errorf("generation after a change of the spec is %d", changed.GetGeneration())
			}
		}
	})
}

func TestStatusAndSpecAreWrittenApart(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		if s.Status == nil {
			obj := s.create(t, "plain")
			if _, err := s.client().UpdateStatus(t.Context(), obj, metav1.UpdateOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("a kind without status has a subresource for it: %v", err)
			}
			return
		}
		if s.Kind.Kind == "Namespace" {
			return // its status is its phase, which follows from deleting it
		}
		if s.status == "" {
			t.Fatalf("kind %s has no sample of its status: add one", s.Kind.Kind)
		}
		ctx := t.Context()
		withStatus := s.object(t, "apart")
		merge(t, withStatus, s.status)
		created, err := s.client().Create(ctx, withStatus, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(status(t, s.object(t, "x"), s), status(t, created, s)); diff != "" {
			t.Errorf("create takes a status (-want +got):\n%s", diff)
		}
		both := created.DeepCopy()
		both.SetLabels(map[string]string{"a": "b"})
		merge(t, both, s.status)
		merge(t, both, s.spec)

		got, err := s.client().UpdateStatus(ctx, both, metav1.UpdateOptions{})
		if err != nil {
			t.Fatalf("update status: %v", err)
		}
		if diff := cmp.Diff(both.Object["status"], got.Object["status"]); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(created.Object["spec"], got.Object["spec"]); diff != "" {
			t.Errorf("an update of the status changes the spec (-before +after):\n%s", diff)
		}
		if len(got.GetLabels()) > 0 || got.GetGeneration() != created.GetGeneration() {
			t.Errorf("an update of the status changes labels %v, generation %d", got.GetLabels(), got.GetGeneration())
		}

		unset := got.DeepCopy()
		unset.Object["status"] = map[string]any{}
		after, err := s.client().Update(ctx, unset, metav1.UpdateOptions{})
		if err != nil {
			t.Fatalf("update: %v", err)
		}
		if diff := cmp.Diff(got.Object["status"], after.Object["status"]); diff != "" {
			t.Errorf("an update of the object changes its status (-before +after):\n%s", diff)
		}
		patched, err := s.client().Patch(ctx, "apart", types.MergePatchType, []byte(`{"metadata": {"labels": {"by": "status"}}, "status": null}`), metav1.PatchOptions{}, "status")
		if err != nil || len(patched.GetLabels()) > 0 {
			t.Errorf("patch of the status: labels %v, %v", patched.GetLabels(), err)
		}
	})
}

// status is the status that the kind's sample has when nothing was reported.
func status(t *testing.T, obj *unstructured.Unstructured, s subject) any {
	t.Helper()
	typed := s.New()
	data, err := json.Marshal(obj.Object["status"])
	if err != nil {
		t.Fatal(err)
	}
	out := s.Status(typed)
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func merge(t *testing.T, obj *unstructured.Unstructured, patch string) {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal([]byte(patch), &values); err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		old, _ := obj.Object[name].(map[string]any)
		if old == nil {
			old = map[string]any{}
			obj.Object[name] = old
		}
		for key, v := range value.(map[string]any) {
			old[key] = v
		}
	}
}

func TestTables(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		s.create(t, "printed")
		for _, path := range []string{"", "/printed"} {
			table := s.table(t, path)
			var columns []string
			for _, c := range table.ColumnDefinitions {
				columns = append(columns, c.Name)
				if c.Description == "" || c.Type == "" {
					t.Errorf("column %s has no description or type", c.Name)
				}
			}
			if diff := cmp.Diff(s.columns, columns); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if len(table.Rows) == 0 {
				t.Fatal("no rows")
			}
			for _, row := range table.Rows {
				if len(row.Cells) != len(columns) {
					t.Errorf("%d cells in %d columns: %v", len(row.Cells), len(columns), row.Cells)
				}
				if slices.Contains(row.Cells, nil) {
					t.Errorf("an empty cell: %v", row.Cells)
				}
			}
		}
	})
}

// table asks as kubectl get does.
func (s subject) table(t *testing.T, name string) *metav1.Table {
	t.Helper()
	config := rest.CopyConfig(s.f.config)
	config.AcceptContentTypes = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	body, err := rawClient(t, config).Get().AbsPath(s.path() + name).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(body, table); err != nil {
		t.Fatal(err)
	}
	if table.Kind != "Table" {
		t.Fatalf("got a %s", table.Kind)
	}
	return table
}

// path of the collection.
func (s subject) path() string {
	path := "/apis/" + s.GroupVersion().String()
	if s.Group == "" {
		path = "/api/" + s.Version
	}
	if s.Namespaced {
		path += "/namespaces/" + s.namespace
	}
	return path + "/" + s.Resource
}
