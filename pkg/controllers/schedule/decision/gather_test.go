// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// written is a Federation of literals, by "namespace/name" where they are in one. What is in failing cannot be read.
type written struct {
	clusters   []*v1alpha1.Cluster
	policies   map[string][]*v1alpha1.PlacementPolicy
	placements map[string]*v1alpha1.Placement
	workloads  map[string]workload.Object // by "kind/namespace/name"
	failing    string

	autoscalers []*autoscalingv2.HorizontalPodAutoscaler
	migrations  []*v1alpha1.Migration
	budgets     []Budget
}

var errUnreadable = errors.New("cannot be read")

func (w written) unless(what string) error {
	if w.failing == what {
		return errUnreadable
	}
	return nil
}

func (w written) Clusters() ([]*v1alpha1.Cluster, error) { return w.clusters, w.unless("clusters") }

func (w written) Policies(namespace string) ([]*v1alpha1.PlacementPolicy, error) {
	return w.policies[namespace], w.unless("policies")
}

func (w written) Placement(namespace, name string) (*v1alpha1.Placement, error) {
	return w.placements[namespace+"/"+name], w.unless(name)
}

func (w written) Workload(key workload.Key) (workload.Object, error) {
	return w.workloads[key.String()], w.unless("workloads")
}

func (w written) Autoscalers(string) ([]*autoscalingv2.HorizontalPodAutoscaler, error) {
	return w.autoscalers, w.unless("autoscalers")
}

func (w written) Migrations() ([]*v1alpha1.Migration, error) {
	return w.migrations, w.unless("migrations")
}

func (w written) Budgets(workload.Key, workload.Object) ([]Budget, error) {
	return w.budgets, w.unless("budgets")
}

func (w written) Names(workload.Key, workload.Object) ([]Name, error) { return nil, w.unless("names") }

func (w written) Reserved(string, time.Time) map[string]Reservation { return nil }

// app is a Deployment labelled with its name.
func app(name string, replicas int32) *appsv1.Deployment {
	d := web(1, replicas)
	d.Name, d.Labels = name, map[string]string{"app": name}
	return d
}

func selecting(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

// follows is a policy that has an app be in the regions of others, whatever happens.
func follows(name string, others ...string) *v1alpha1.PlacementPolicy {
	p := policyWith(func(s *v1alpha1.PlacementPolicySpec) {
		s.Selector = *selecting("app", name)
		for _, other := range others {
			s.WorkloadAffinity = append(s.WorkloadAffinity, v1alpha1.WorkloadAffinity{Workload: v1alpha1.AffineWorkload{Name: other}, Topology: v1alpha1.TopologyRegion, Required: true})
		}
	})
	p.Name = name
	return p
}

// placedOn is a Placement of the Deployments here, which have no UID.
func placedOn(clusters ...string) *v1alpha1.Placement {
	return &v1alpha1.Placement{Spec: *running(clusters...)}
}

func TestPlace(t *testing.T) {
	clusters := []*v1alpha1.Cluster{member("east", located("america/us-east/a")), member("west", located("america/us-west/b")), member("eu", located("europe/eu-central/c"))}
	of := func(policies ...*v1alpha1.PlacementPolicy) map[string][]*v1alpha1.PlacementPolicy {
		return map[string][]*v1alpha1.PlacementPolicy{"default": policies}
	}
	other := placedOn("east=6")
	other.Spec.Workload.UID = "another"
	type placements = map[string]*v1alpha1.Placement
	for _, tt := range []struct {
		name            string
		in              written
		placed, problem string
	}{
		{"nothing but clusters", written{}, "east=2 eu=2 west=2", ""},
		{"no policy selects it", written{policies: of(follows("db", "web"))}, "east=2 eu=2 west=2", ""},
		{"a policy of another namespace", written{policies: map[string][]*v1alpha1.PlacementPolicy{"other": {follows("web", "db")}}}, "east=2 eu=2 west=2", ""},
		{"stays where it runs", written{policies: of(follows("web")), placements: placements{"default/deployment-web": {Spec: *withPolicy("web", running("east=6"))}}}, "east=6", ""},
		{"what ran of another Deployment of the name is nothing to it", written{placements: placements{"default/deployment-web": other}}, "east=2 eu=2 west=2", ""},
		{"follows", written{policies: of(follows("web", "db")), placements: placements{"default/deployment-db": placedOn("west=1")}}, "west=6", ""},
		{"follows two", written{policies: of(follows("web", "db", "cache")), placements: placements{"default/deployment-db": placedOn("west=1", "eu=1"), "default/deployment-cache": placedOn("east=1", "eu=1")}}, "eu=6", ""},
		{"waits for one that is not there", written{policies: of(follows("web", "db")), placements: placements{"other/deployment-db": placedOn("west=1")}}, "", "NoClusters"},
		{"waits for one that is nowhere", written{policies: of(follows("web", "db")), placements: placements{"default/deployment-db": placedOn()}}, "", "NoClusters"},
		{"follows itself", written{policies: of(follows("web", "web"))}, "east=2 eu=2 west=2", "AffinityCycle"},
		{
			"is not the first of a circle, and follows",
			written{policies: of(follows("web", "api"), follows("api", "web")), workloads: map[string]workload.Object{"deployment/default/api": app("api", 1)}, placements: placements{"default/deployment-api": placedOn("eu=1")}},
			"eu=6", "",
		},
		{
			"is the first of a circle, and follows nobody",
			written{policies: of(follows("web", "yet"), follows("yet", "web")), workloads: map[string]workload.Object{"deployment/default/yet": app("yet", 1)}, placements: placements{"default/deployment-yet": placedOn("eu=1")}},
			"east=2 eu=2 west=2", "AffinityCycle",
		},
		{
			"who follows it is not there: no circle",
			written{policies: of(follows("web", "yet"), follows("yet", "web")), placements: placements{"default/deployment-yet": placedOn("eu=1")}},
			"eu=6", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.clusters = clusters
			got, _, err := Place(tt.in, workload.Deployment, app("web", 6), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff([]string{tt.placed, tt.problem}, []string{places(got), got.Problem}); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func withPolicy(name string, spec *v1alpha1.PlacementSpec) *v1alpha1.PlacementSpec {
	spec.Policy = name
	return spec
}

// What cannot be read is no reason to decide without it.
func TestPlaceNeedsAll(t *testing.T) {
	for _, what := range []string{"clusters", "policies", "deployment-web", "deployment-db"} {
		in := written{failing: what, clusters: []*v1alpha1.Cluster{member("east")}, policies: map[string][]*v1alpha1.PlacementPolicy{"default": {follows("web", "db")}}}
		if _, _, err := Place(in, workload.Deployment, app("web", 6), now); !errors.Is(err, errUnreadable) {
			t.Errorf("%s cannot be read: %v", what, err)
		}
	}
}
