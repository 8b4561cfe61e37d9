// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A policy that has one cluster replace its pods at a time: a template that works comes to one after the other, and one that
// does not stops at the first; the others serve on with the template of before. No request fails meanwhile, and none of the
// replicas is missing.
func TestTemplateIsRolledOutInOneClusterAfterTheOther(t *testing.T) {
	s := sharedSpace(t)
	s.weigh("web", map[string]int64{"east": 1, "west": 1, "eu": 1}, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Move.ParallelClusters = ptr.To[int32](1)
	})
	r := s.resolve(map[string]int32{"east": 4, "west": 4, "eu": 4})
	s.guard("web", 12, 15)
	rolled := s.rolling("web")
	c := r.send()
	c.during(t, "rolling out a template in one cluster after the other", func() {
		s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"progressDeadlineSeconds":5,"strategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":1}},"template":{"spec":{"containers":[{"name":"web","image":"example.com/web:2"}]}}}}`)
		s.kubectl("wait", "placement", "deployment-web", "--for", `jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=RollingOut`, "--timeout", patience.String())
		s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	})
	s.hasImages(map[string]string{"east": "example.com/web:2", "west": "example.com/web:2", "eu": "example.com/web:2"})
	most, order := rolled()
	if most != 1 || !slices.Equal(order, []string{"east", "eu", "west"}) {
		t.Errorf("at most %d clusters replaced pods at once, in the order %v; want 1, and east, eu, west", most, order)
	}
	c.during(t, "rolling out a template of which no pod becomes ready, and undoing it", func() {
		s.kubectl("patch", "deployment", "web", "-p", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{%q:"1"}},"spec":{"containers":[{"name":"web","image":"example.com/web:3"}]}}}}`, failRatioAnnotation))
		s.wantContains(s.kubectlFails("rollout", "status", "deployment", "web", "--timeout", patience.String()), "exceeded its progress deadline")
		s.wantContains(s.kubectl("get", "deployment", "web", "-o", `jsonpath={.status.conditions[?(@.type=="Progressing")].message}`), "east: ", "keep the template they have: eu, west")
		s.hasImages(map[string]string{"east": "example.com/web:3", "west": "example.com/web:2", "eu": "example.com/web:2"})
		s.wantContains(s.kubectl("get", "deployment", "web"), "12/12")
		s.kubectl("scale", "deployment", "web", "--replicas", "15") // with the template that each has
		s.eventuallyScaled("web", "eu", 5)
		s.eventuallyScaled("web", "west", 5)
		s.kubectl("rollout", "undo", "deployment", "web")
		s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 5, "eu": 5})
	})
	s.hasImages(map[string]string{"east": "example.com/web:2", "west": "example.com/web:2", "eu": "example.com/web:2"})
	c.stop()
	if most, order := rolled(); most != 1 || slices.Contains(order[3:], "eu") || slices.Contains(order[3:], "west") {
		t.Errorf("at most %d clusters replaced pods at once, in the order %v; want 1, and after the first three only east", most, order)
	}
}

// rolling watches in the members who replaces pods of a Deployment: has pods of more than one template. What it returns tells
// how many clusters did at the most at once, and in which order they began.
func (s *space) rolling(name string) func() (most int, order []string) {
	s.Helper()
	var mu sync.Mutex
	most, order, replaces := 0, []string(nil), sets.New[string]()
	for cluster := range s.members {
		w, err := s.in(cluster).AppsV1().ReplicaSets(s.name).Watch(s.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(w.Stop)
		go func() {
			running := sets.New[string]()
			for event := range w.ResultChan() {
				set, ok := event.Object.(*appsv1.ReplicaSet)
				if !ok {
					continue
				}
				mu.Lock()
				if running.Insert(set.Name); set.Status.Replicas == 0 {
					running.Delete(set.Name)
				}
				switch {
				case running.Len() < 2:
					replaces.Delete(cluster)
				case !replaces.Has(cluster):
					replaces.Insert(cluster)
					order = append(order, cluster)
				}
				most = max(most, replaces.Len())
				mu.Unlock()
			}
		}()
	}
	return func() (int, []string) {
		mu.Lock()
		defer mu.Unlock()
		return most, slices.Clone(order)
	}
}

// hasImages fails the test unless the Deployment web has these images in the members.
func (s *space) hasImages(want map[string]string) {
	s.Helper()
	for cluster, image := range want {
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), "web", getOptions)
		if err != nil {
			s.Fatal(err)
		}
		if got := d.Spec.Template.Spec.Containers[0].Image; got != image {
			s.Errorf("%s has the image %s, want %s", cluster, got, image)
		}
	}
}
