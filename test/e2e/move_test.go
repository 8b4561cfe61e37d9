// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"maps"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// guard watches a Deployment in all members, and fails the test when over all of them fewer replicas are available than
// least, or more are asked for than most, at any moment.
type guard struct {
	*space
	name        string
	least, most int32

	mu     sync.Mutex
	latest map[string]*appsv1.Deployment
	lowest int32
}

func (s *space) guard(name string, least, most int32) *guard {
	s.Helper()
	g := &guard{space: s, name: name, least: least, most: most, latest: map[string]*appsv1.Deployment{}, lowest: least}
	for cluster := range s.members {
		w, err := s.in(cluster).AppsV1().Deployments(s.name).Watch(s.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(w.Stop)
		go func() {
			for event := range w.ResultChan() {
				if d, ok := event.Object.(*appsv1.Deployment); ok {
					g.see(cluster, d, event.Type == "DELETED")
				}
			}
		}()
	}
	return g
}

func (g *guard) see(cluster string, d *appsv1.Deployment, gone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.latest, cluster)
	if !gone {
		g.latest[cluster] = d
	}
	available, asked := sums(g.latest)
	if available >= g.least && asked <= g.most || len(g.latest) == 0 {
		return
	}
	// The members' watches are not in step with one another: what one has not told yet is asked for.
	if fresh := g.atOnce(); fresh != nil {
		if available, asked = sums(fresh); available < g.least || asked > g.most {
			g.Errorf("%s: %d replicas are available, want %d or more; %d are asked for, want %d or fewer", g.name, available, g.least, asked, g.most)
		}
	}
}

// atOnce is the Deployment in all members at one moment: two readings in between which none has changed. Nil if there was
// no such moment in some tries; the changes are told of as well.
func (g *guard) atOnce() map[string]*appsv1.Deployment {
	read := func() (map[string]*appsv1.Deployment, map[string]string) {
		found, versions := map[string]*appsv1.Deployment{}, map[string]string{}
		for cluster := range g.members {
			if d, err := g.in(cluster).AppsV1().Deployments(g.space.name).Get(context.Background(), g.name, getOptions); err == nil {
				found[cluster], versions[cluster] = d, d.ResourceVersion
			}
		}
		return found, versions
	}
	_, before := read()
	for range 10 {
		found, after := read()
		if maps.Equal(before, after) {
			return found
		}
		before = after
	}
	return nil
}

func sums(clusters map[string]*appsv1.Deployment) (available, asked int32) {
	for _, d := range clusters {
		available += min(d.Status.AvailableReplicas, ptr.Deref(d.Spec.Replicas, 1))
		asked += ptr.Deref(d.Spec.Replicas, 1)
	}
	return available, asked
}

// Whatever moves replicas, they are made before others are taken: a weight, a taint, another policy. Never is one missing.
func TestMovesAreMadeBeforeTheyBreak(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 8, map[string]int64{"north": 1, "south": 1})
	s.eventuallyRuns("web", map[string]int32{"north": 4, "south": 4})
	s.guard("web", 8, 10)

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"north","weight":0}]}}`)
	s.wantContains(s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing", "--timeout", patience.String()), "condition met")
	s.eventuallyRuns("web", map[string]int32{"south": 8})
	s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing=false", "--timeout", patience.String())
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"north","weight":3}]}}`)
	s.eventuallyRuns("web", map[string]int32{"north": 6, "south": 2})

	t.Cleanup(func() {
		if _, err := f.Kubectl().Run(context.Background(), "patch", "cluster", "north", "--type", "merge", "-p", `{"spec":{"taints":null}}`); err != nil {
			t.Error(err)
		}
	})
	s.kubectl("patch", "cluster", "north", "--type", "merge", "-p", `{"spec":{"taints":[{"key":"upgrade","effect":"NoExecute"}]}}`)
	s.eventuallyRuns("web", map[string]int32{"south": 8})
}
