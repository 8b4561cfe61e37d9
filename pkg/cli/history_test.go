// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func weights(weights map[string]int64) *v1alpha1.PlacementPolicySpec {
	spec := &v1alpha1.PlacementPolicySpec{}
	for _, name := range []string{"east", "west"} {
		spec.Clusters = append(spec.Clusters, v1alpha1.ClusterWeight{Name: name, Weight: ptr.To(weights[name])})
	}
	return spec
}

// decided is a decision of so many minutes after noon.
func decided(revision int64, code, policy string, said *v1alpha1.PlacementPolicySpec, east, west int32) v1alpha1.PlacementDecision {
	d := v1alpha1.PlacementDecision{
		Revision: revision, Time: metav1.NewTime(noon.Add(time.Duration(revision) * time.Minute)), Code: code, Reason: "because of " + code,
		Policy: policy, PolicySpec: said, Replicas: ptr.To(east + west),
	}
	for name, replicas := range map[string]int32{"east": east, "west": west} {
		if replicas > 0 {
			d.Clusters = append(d.Clusters, v1alpha1.ClusterReplicas{Name: name, Replicas: ptr.To(replicas)})
		}
	}
	return d
}

func decisions(history ...v1alpha1.PlacementDecision) *v1alpha1.PlacementSpec {
	last := history[len(history)-1]
	return &v1alpha1.PlacementSpec{History: history, Policy: last.Policy, Replicas: last.Replicas}
}

func TestHistory(t *testing.T) {
	placement := &v1alpha1.Placement{
		ObjectMeta: metav1.ObjectMeta{Name: "deployment-web", Namespace: "shop"},
		Spec:       *decisions(decided(1, "Created", "", nil, 3, 3), decided(4, "PolicyChanged", "web", weights(nil), 0, 6), decided(5, "Scaled", "web", nil, 2, 6)),
	}
	placement.Spec.History[1].By = "alice"
	w := newWorld(placement)
	o := NewHistoryOptions(w.streams(), &FederationOptions{})
	o.Workload, o.Namespace = "deploy/web", "shop"
	if err := o.run(t.Context(), w.connectFederation(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := `REVISION   AGE   BY      WHY                        CLUSTERS
1          59m   -       because of Created         east 3, west 3
4          56m   alice   because of PolicyChanged   east 3 → 0, west 3 → 6
5          55m   -       because of Scaled          east 0 → 2, west 6
`
	if got := w.out.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	o.Workload = "deployment/wbe"
	if err := o.run(t.Context(), w.connectFederation(), noon); err == nil || !strings.Contains(err.Error(), "nothing was decided of a Deployment called wbe in namespace shop") {
		t.Errorf("a workload that is not there: %v", err)
	}
}

func TestPlacedWorkload(t *testing.T) {
	for arg, want := range map[string]string{
		"web": "Deployment web", "deploy/web": "Deployment web", "deployments.apps/web": "Deployment web", "sts/db": "StatefulSet db", "Job/once": "Job once",
		"service/web": "", "deployment/": "",
	} {
		kind, name, err := placedWorkload(arg)
		if got := strings.TrimSpace(kind + " " + name); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v; want %q", arg, got, err, want)
		}
	}
}

func TestWayBack(t *testing.T) {
	even, mostlyEast := weights(map[string]int64{"east": 1, "west": 1}), weights(map[string]int64{"east": 2, "west": 1})
	stored := func(name string, spec *v1alpha1.PlacementPolicySpec) v1alpha1.PlacementPolicy {
		return v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "7"}, Spec: *spec}
	}
	moved := decisions(decided(1, "Created", "web", even, 3, 3), decided(2, "PolicyChanged", "web", mostlyEast, 4, 2))
	lost := decisions(decided(1, "Created", "web", even, 3, 3), decided(2, "PolicyChanged", "web", mostlyEast, 4, 2), decided(3, "ClustersChanged", "web", nil, 6, 0))
	scaled := decisions(decided(1, "Created", "web", even, 3, 3), decided(2, "Scaled", "web", nil, 5, 5))
	for _, tt := range []struct {
		name     string
		spec     *v1alpha1.PlacementSpec
		policies []v1alpha1.PlacementPolicy
		to       int64
		want     string // what is done, or the error
		policy   *v1alpha1.PlacementPolicySpec
	}{
		{"the last change of a policy", moved, []v1alpha1.PlacementPolicy{stored("web", mostlyEast)}, 0, "1: policy web says again what it said then", even},
		{"one that moved nothing", moved, []v1alpha1.PlacementPolicy{stored("web", even)}, 0, "2: policy web says again what it said then", mostlyEast},
		{"past what clusters did", lost, []v1alpha1.PlacementPolicy{stored("web", mostlyEast)}, 0, "1: policy web says again what it said then", even},
		{"to what clusters changed", lost, []v1alpha1.PlacementPolicy{stored("web", mostlyEast)}, 2, "what is different since are the clusters", nil},
		{"a policy that was deleted", decisions(decided(1, "Created", "web", even, 3, 3), decided(2, "PolicyChanged", "", nil, 4, 2)), nil, 0, "1: policy web is created again", even},
		{"a policy that came", decisions(decided(1, "Created", "", nil, 3, 3), decided(2, "PolicyChanged", "web", even, 4, 2)), []v1alpha1.PlacementPolicy{stored("web", even)}, 0, "kubectl delete placementpolicy web", nil},
		{"a policy that overrules", decisions(decided(1, "Created", "web", even, 3, 3), decided(2, "PolicyChanged", "first", mostlyEast, 4, 2)), []v1alpha1.PlacementPolicy{stored("web", even), stored("first", mostlyEast)}, 0, "lower the priority of first", nil},
		{"a number of replicas", scaled, []v1alpha1.PlacementPolicy{stored("web", even)}, 0, "1: it is scaled from 10 to 6", nil},
		{"no such revision", moved, nil, 9, "revision 9 is not in the history", nil},
		{"nothing", decisions(decided(1, "Created", "web", even, 3, 3)), []v1alpha1.PlacementPolicy{stored("web", even)}, 0, "nothing to undo", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			back, err := wayBack(tt.spec, tt.policies, tt.to)
			got := fmt.Sprintf("%d: %s", back.revision, back.text)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if tt.policy != nil && *back.policy.Spec.Clusters[0].Weight != *tt.policy.Clusters[0].Weight {
				t.Errorf("the policy becomes %v", back.policy.Spec)
			}
		})
	}
}
