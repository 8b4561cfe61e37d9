// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	droverfake "drover.dev/drover/pkg/generated/clientset/versioned/fake"
)

// However often the API server was away, it is asked again in seconds: what keeps the last replicas of a cluster that is left
// waits no longer.
func TestReconnectingIsSoon(t *testing.T) {
	delay := reconnecting().DelayWithReset(clock.RealClock{}, time.Hour)
	for range 100 {
		if d := delay(); d > defaultSettleOfMoves/3 {
			t.Fatalf("it is asked again after %s", d)
		}
	}
}

// defaultSettleOfMoves is what name servers may be behind.
const defaultSettleOfMoves = 10 * time.Second

func TestReflectedTellsOfChanges(t *testing.T) {
	var told []string
	own := droverfake.NewSimpleClientset()
	r := newReflected[v1alpha1.Cluster](own, own.FederationV1alpha1().Clusters())
	r.changed = func(old, obj *v1alpha1.Cluster) {
		name := func(c *v1alpha1.Cluster) string {
			if c == nil {
				return "none"
			}
			return c.Name + " in " + c.Spec.Location.Region
		}
		told = append(told, name(old)+" → "+name(obj))
	}
	in := func(name, region string) *v1alpha1.Cluster {
		c := cluster(name, region)
		c.Spec.Location.Region, c.Annotations = region, map[string]string{"not": "needed"}
		return c
	}
	for _, err := range []error{
		r.Replace([]any{in("a", "x"), in("b", "x")}, "1"),
		r.Add(in("c", "x")), r.Update(in("a", "y")), r.Delete(in("b", "x")), r.Delete(in("b", "x")),
		r.Replace([]any{in("c", "z"), in("d", "z")}, "2"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(told[len(told)-3:])
	want := []string{
		"none → a in x", "none → b in x", "none → c in x", "a in x → a in y", "b in x → none",
		"a in y → none", "c in x → c in z", "none → d in z",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told of\n%q, want\n%q", told, want)
	}
	for _, obj := range r.List() {
		if c := obj.(*v1alpha1.Cluster); len(c.Annotations) > 0 {
			t.Errorf("%s has %v", c.Name, c.Annotations)
		}
	}
	select {
	case <-r.hasSynced():
	default:
		t.Error("all there is was told of, and it is not said")
	}
}
