// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// Which clusters have the new template, by what they report: "a 4 1 4/4/4@1" is a cluster with 4 replicas that keeps
// template 1, and reports of 4 pods 4 updated and 4 available, of template 1.
func TestTurns(t *testing.T) {
	strategy := func(surge, unavailable string) *workload.Rolling {
		return &workload.Rolling{Strategy: &appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxSurge: ptr.To(intstr.Parse(surge)), MaxUnavailable: ptr.To(intstr.Parse(unavailable)),
		}}}
	}
	quarter := strategy("25%", "25%")
	settled := []string{"a 4 1 4/4/4@1", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}
	for name, tt := range map[string]struct {
		rolling  *workload.Rolling
		parallel int32
		whole    string
		clusters []string
		lost     string
		want     string // clusters that have the template
	}{
		"all at once, where the bounds allow":                   {rolling: quarter, clusters: settled, want: "a b c"},
		"one at a time":                                         {rolling: quarter, parallel: 1, clusters: settled, want: "a"},
		"two at a time":                                         {rolling: quarter, parallel: 2, clusters: settled, want: "a b"},
		"the fewest replicas first":                             {rolling: quarter, parallel: 1, clusters: []string{"a 8 1 8/8/8@1", "b 2 1 2/2/2@1"}, want: "b"},
		"no more than the surge, over all":                      {rolling: strategy("1", "0"), clusters: settled, want: "a"},
		"no more than may be missing, over all":                 {rolling: strategy("0", "2"), clusters: settled, want: "a b"},
		"as many as per cents come to, over all":                {rolling: quarter, clusters: []string{"a 1 1 1/1/1@1", "b 1 1 1/1/1@1", "c 1 1 1/1/1@1"}, want: "a"},
		"the next when one is done":                             {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 4/4/4@2", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}, want: "a b"},
		"not before it is available":                            {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 4/4/3@2", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}, want: "a"},
		"not before it is all replaced":                         {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 5/4/5@2", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}, want: "a"},
		"nor while it has not heard of it":                      {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 4/4/4@1", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}, want: "a"},
		"a newer one supersedes where one is being replaced":    {rolling: quarter, parallel: 1, clusters: []string{"a 4 1 4/4/4@1", "b 4 1.5 5/2/3@1.5", "c 4 1 4/4/4@1"}, want: "b"},
		"and where one was to be":                               {rolling: quarter, parallel: 1, clusters: []string{"a 4 1 4/4/4@1", "b 4 1.5 4/4/4@1", "c 4 1 4/4/4@1"}, want: "b"},
		"back to what the others never lost":                    {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 4/4/4@2", "b 4 1.5 5/2/3@1.5", "c 4 2 4/4/4@2"}, want: "a b c"},
		"where replicas are missing, first":                     {rolling: quarter, parallel: 1, clusters: []string{"a 4 1 4/4/4@1", "b 4 1 4/4/0@1", "c 4 1 4/4/4@1"}, want: "b"},
		"no cluster is made to miss more than may be":           {rolling: quarter, clusters: []string{"a 4 1 4/4/4@1", "b 4 1 4/4/1@1", "c 4 1 4/4/4@1"}, want: "b"},
		"one that is lost waits":                                {rolling: strategy("25%", "0"), clusters: settled, lost: "b", want: "a c"},
		"one that is lost meanwhile is waited for":              {rolling: quarter, parallel: 1, clusters: []string{"a 4 2 5/1/4@2", "b 4 1 4/4/4@1", "c 4 1 4/4/4@1"}, lost: "a", want: "a"},
		"nothing runs: nothing is replaced":                     {rolling: quarter, parallel: 1, clusters: []string{"a 4 1 4/4/4@1", "b 4 1 0/0/0@", "c 4 - 0/0/0@"}, want: "b c"},
		"paused":                                                {rolling: &workload.Rolling{Paused: true, Strategy: quarter.Strategy}, clusters: []string{"a 4 2 5/1/4@2", "b 4 1 4/4/4@1", "c 4 1.5 5/2/3@1.5"}, want: "a"},
		"recreated, all at once":                                {rolling: &workload.Rolling{Strategy: &appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}}, clusters: settled, want: "a b c"},
		"recreated, one at a time, and gone for the moment":     {rolling: &workload.Rolling{Strategy: &appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}}, parallel: 1, clusters: []string{"a 4 2 0/0/0@2", "b 4 1 4/4/4@1"}, want: "a"},
		"each runs all of it: nothing is bounded over all":      {rolling: &workload.Rolling{}, whole: "runs all of it", clusters: []string{"a - 1 3/3/3@1", "b - 1 3/3/3@1"}, want: "a b"},
		"each runs all of it, one at a time":                    {rolling: &workload.Rolling{}, whole: "runs all of it", parallel: 1, clusters: []string{"a - 1 3/3/3@1", "b - 1 3/3/3@1"}, want: "a"},
		"what nobody knows the template of begins with the new": {rolling: quarter, parallel: 1, clusters: []string{"a 4 - 4/4/4@", "b 4 - 4/4/4@"}, want: "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			w := Workload{Generation: 7, Template: "2", Rolling: tt.rolling, Whole: tt.whole}
			in := Inputs{Policy: &v1alpha1.PlacementPolicy{}, Current: &v1alpha1.PlacementSpec{TemplateHash: "2"}}
			in.Policy.Spec.Move.ParallelClusters = &tt.parallel
			next := v1alpha1.PlacementSpec{Replicas: &w.Replicas}
			for _, c := range tt.clusters {
				f := strings.Fields(c)
				a := v1alpha1.ClusterAssignment{Name: f[0]}
				if f[1] != "-" {
					var n int32
					scan(t, f[1], "%d", &n)
					w.Replicas += n
					a.Replicas = &n
				}
				next.Clusters = append(next.Clusters, a)
				if f[2] != "-" {
					a.TemplateHash = f[2]
					in.Current.Clusters = append(in.Current.Clusters, a)
				}
				r := v1alpha1.ClusterPlacementStatus{Name: f[0], ObservedGeneration: 6}
				numbers, hash, _ := strings.Cut(f[3], "@")
				scan(t, numbers, "%d/%d/%d", &r.Replicas, &r.UpdatedReplicas, &r.AvailableReplicas)
				if r.TemplateHash = hash; hash == "2" {
					r.ObservedGeneration = 7
				}
				in.Reports = append(in.Reports, r)
				ready := metav1.ConditionTrue
				if tt.lost == f[0] {
					ready = metav1.ConditionFalse
				}
				cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: f[0]}}
				cluster.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready}}
				in.Clusters = append(in.Clusters, cluster)
			}
			if tt.whole != "" {
				next.Replicas = nil
			}
			takeTurns(&next, w, in)
			var got []string
			for _, a := range next.Clusters {
				if a.TemplateHash == "" {
					got = append(got, a.Name)
				}
			}
			if strings.Join(got, " ") != tt.want || next.TemplateHash != "2" {
				t.Errorf("template %s is given to %v, want %s", next.TemplateHash, got, tt.want)
			}
		})
	}
}

func scan(t *testing.T, text, format string, into ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, into...); err != nil {
		t.Fatal(err)
	}
}
