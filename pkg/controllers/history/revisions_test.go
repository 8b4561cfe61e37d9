// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/controllers/workload"
)

func statefulSet(image string, change ...func(*appsv1.StatefulSet)) templated {
	s := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db", UID: "1", Annotations: map[string]string{"why": image}},
		Spec:       appsv1.StatefulSetSpec{RevisionHistoryLimit: ptr.To[int32](2), Template: template(image)},
	}
	for _, c := range change {
		c(s)
	}
	return templatedOf(s)
}

func controllerRevision(t *testing.T, number int64, image string) *appsv1.ControllerRevision {
	t.Helper()
	of := statefulSet(image)
	r, err := newRevision(of, number, recorded(of.GetAnnotations()))
	if err != nil {
		t.Fatal(err)
	}
	r.Name = "db-" + image
	return r
}

func TestPlanRevisions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		of     templated
		images []string // of the revisions there are, from 1
		want   []string
	}{
		{"new", statefulSet("a"), nil, []string{"create 1"}},
		{"recorded", statefulSet("a"), []string{"a"}, nil},
		{"a new template", statefulSet("b"), []string{"a"}, []string{"create 2"}},
		{"set back", statefulSet("a"), []string{"a", "b"}, []string{"update db-a 3 a"}},
		{"annotated", statefulSet("a", func(s *appsv1.StatefulSet) { s.Annotations["why"] = "because" }), []string{"a"}, []string{"update db-a 1 because"}},
		{"more than are kept", statefulSet("e"), []string{"a", "b", "c", "d", "e"}, []string{"remove db-a", "remove db-b"}},
		{"pods are of one of them", statefulSet("e", func(s *appsv1.StatefulSet) { s.Status.CurrentRevision = "db-a" }), []string{"a", "b", "c", "d", "e"}, []string{"remove db-b"}},
		{"none are kept", statefulSet("b", func(s *appsv1.StatefulSet) { s.Spec.RevisionHistoryLimit = ptr.To[int32](0) }), []string{"a", "b"}, []string{"remove db-a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var revisions []*appsv1.ControllerRevision
			for i, image := range tt.images {
				revisions = append(revisions, controllerRevision(t, int64(i+1), image))
			}
			plan, err := planRevisions(tt.of, revisions)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if plan.create != nil {
				got = append(got, fmt.Sprint("create ", plan.create.Revision))
			}
			if plan.update != nil {
				got = append(got, fmt.Sprint("update ", plan.update.Name, " ", plan.update.Revision, " ", plan.update.Annotations["why"]))
			}
			for _, r := range plan.remove {
				got = append(got, "remove "+r.Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// kubectl compares these bytes with those it makes of the object.
func TestRevisionData(t *testing.T) {
	r := controllerRevision(t, 1, "a")
	want := `{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"a","name":"web","resources":{}}]}}}}`
	if string(r.Data.Raw) != want {
		t.Errorf("data %s\nwant %s", r.Data.Raw, want)
	}
	if other := template("b"); isOf(r, &other) {
		t.Error("it is taken for one of another template")
	}
}

// A name that is taken is no obstacle, and a record that is there already is not made twice.
func TestCreate(t *testing.T) {
	of := statefulSet("a")
	taken := apierrors.NewAlreadyExists(schema.GroupResource{Resource: "controllerrevisions"}, "db")
	first := workload.RevisionName("db", workload.RevisionHash(of.template, 0))
	for _, tt := range []struct {
		name     string
		isRecord bool
		taken    func(name string) bool
		made     int
		fails    bool
	}{
		{"free", false, func(string) bool { return false }, 1, false},
		{"the first is another's", false, func(name string) bool { return name == first }, 2, false},
		{"it is there", true, func(string) bool { return true }, 1, false},
		{"all are others'", false, func(string) bool { return true }, salts, true},
	} {
		tried := map[string]bool{}
		err := create(of, of.template, func(name, _ string) error {
			tried[name] = true
			if tt.taken(name) {
				return taken
			}
			return nil
		}, func(string) (bool, error) { return tt.isRecord, nil })
		if len(tried) != tt.made || (err != nil) != tt.fails {
			t.Errorf("%s: tried %v, error %v", tt.name, tried, err)
		}
	}
	refused := errors.New("refused")
	if err := create(of, of.template, func(string, string) error { return refused }, nil); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
}
