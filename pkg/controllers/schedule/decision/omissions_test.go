// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// What is not done of what a workload and its policy ask for is said, and nothing else is.
func TestOmissions(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "default", Name: "web", Generation: 1}
	six := ptr.To[int32](6)
	deployment := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: six}}
	set := &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: six}}
	daemons := &appsv1.DaemonSet{ObjectMeta: meta}
	job := &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Completions: six}}
	indexed := &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Completions: six, CompletionMode: ptr.To(batchv1.IndexedCompletion)}}
	finished := indexed.DeepCopy()
	finished.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	stored := set.DeepCopy()
	stored.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	claiming := deployment.DeepCopy()
	claiming.Spec.Template.Spec.Volumes = []corev1.Volume{
		{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "files", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "shared"}}},
	}
	divides := func(s *v1alpha1.PlacementPolicySpec) { s.Division = v1alpha1.Divide }
	isWhole := func(s *v1alpha1.PlacementPolicySpec) { s.Division = v1alpha1.Whole }
	everything := func(s *v1alpha1.PlacementPolicySpec) {
		s.Spread = []v1alpha1.Spread{{Topology: "region", MinDomains: 2}}
		s.Rebalance.Mode = v1alpha1.RebalanceAutomatic
		s.Overflow.After = &metav1.Duration{Duration: time.Hour}
		s.Move.Settle = &metav1.Duration{Duration: time.Hour}
	}
	bounded := v1alpha1.ClusterWeight{Name: "a", MinReplicas: 1, MaxReplicas: ptr.To[int32](4), Priority: 1}
	preferring := func(s *v1alpha1.PlacementPolicySpec) {
		s.ClusterAffinity = &v1alpha1.ClusterAffinity{Preferred: []v1alpha1.PreferredClusters{{Weight: 50, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}}}}
	}
	gold := member("a")
	gold.Labels = map[string]string{"tier": "gold"}
	migration := &v1alpha1.Migration{ObjectMeta: metav1.ObjectMeta{Name: "out"}, Spec: v1alpha1.MigrationSpec{From: "a", To: "b"}}
	migration.Status.Phase = v1alpha1.MigrationMoving
	both := []*v1alpha1.Cluster{member("a"), member("b")}
	const (
		notDivided = "NotDivided: each cluster runs all of it: "
		ofWhole    = "PolicyFieldsIgnored: what policy web says does not count for what each cluster runs all of: "
		ofJob      = "PolicyFieldsIgnored: what policy web says does not count for a Job that is divided once: "
		begun      = "KeptAsBegun: it was begun %, and stays so: a cluster cannot change the completions of a Job that it has"
		kept       = "KeptAsBegun: it would leave % by now, and does not: a Job that has begun runs to its end there"
		ordinals   = "OrdinalsRepeated: each cluster numbers its pods anew: pods of several clusters have the same name"
	)
	for _, tt := range []struct {
		name      string
		obj       workload.Object
		policy    *v1alpha1.PlacementPolicy
		clusters  []*v1alpha1.Cluster
		current   *v1alpha1.PlacementSpec
		migration *v1alpha1.Migration
		want      []string
	}{
		{"a Deployment, and all that a policy can say", deployment, policyWith(everything, bounded, weight("b", 2)), both, nil, nil, nil},
		{"a Deployment that is whole by will", deployment, policyWith(isWhole), both, nil, nil, nil},
		{"a StatefulSet without a policy", set, nil, both, nil, nil, nil},
		{"only weight 0 counts, and is no other weight", set, policyWith(nil, weight("a", 0), weight("b", 3)), both, nil, nil, nil},
		{"weights", set, policyWith(nil, weight("a", 1), weight("b", 3)), both, nil, nil, []string{ofWhole + "weight"}},
		{"preferences are weights", set, policyWith(preferring), []*v1alpha1.Cluster{gold, member("b")}, nil, nil, []string{ofWhole + "weight"}},
		{"bounds of one that is not placed on", set, policyWith(nil, weight("b", 1), bounded), []*v1alpha1.Cluster{member("b")}, nil, nil, nil},
		{"a StatefulSet is handed over", set, policyWith(everything, bounded, weight("b", 1)), both, nil, nil, []string{ofWhole + "minReplicas, maxReplicas, priority, spread, rebalance, overflow"}},
		{"a DaemonSet is not", daemons, policyWith(everything), both, nil, nil, []string{ofWhole + "spread, rebalance, overflow"}},
		{"a StatefulSet that is divided", set, policyWith(divides, weight("a", 1), weight("b", 3)), both, nil, nil, []string{ordinals}},
		{"but runs in one cluster", set, policyWith(divides, weight("a", 1)), both, nil, nil, nil},
		{"with volumes", stored, policyWith(divides), both, nil, nil, []string{ordinals, "VolumesNotMoved: each cluster makes volumes of its own (data): what is in them is not copied, and does not move along"}},
		{"with a claim of its own", claiming, nil, both, nil, nil, []string{"VolumesNotMoved: each cluster has to have the PersistentVolumeClaim already that the pods name (shared): none is made, nor moved"}},
		{"a DaemonSet to be divided", daemons, policyWith(divides), both, nil, nil, []string{notDivided + "a DaemonSet has no number that could be divided"}},
		{"a CronJob to be divided", &batchv1.CronJob{ObjectMeta: meta}, policyWith(divides), both, nil, nil, []string{notDivided + "a CronJob has no number that could be divided"}},
		{"a Job with indexes", indexed, nil, both, nil, nil, []string{notDivided + "its indexes would be given out in each cluster anew"}},
		{"that is whole by will", indexed, policyWith(isWhole), both, nil, nil, nil},
		{"that has run to its end", finished, nil, both, runningWhole("a"), nil, nil},
		{"a Job", job, policyWith(nil, bounded, weight("b", 2)), both, nil, nil, nil},
		{"a Job is not moved", job, policyWith(everything), both, nil, nil, []string{ofJob + "rebalance, overflow, move"}},
		{"a Job that is drained by weight", job, policyWith(nil, weight("a", 0), weight("b", 1)), both, running("a=3", "b=3"), nil, []string{strings.Replace(kept, "%", "a", 1)}},
		{"a Job that is drained by weight in two", job, policyWith(nil, weight("a", 0), weight("b", 0), weight("c", 1)), []*v1alpha1.Cluster{member("b"), member("c"), member("a")}, running("a=2", "b=4"), nil, []string{strings.Replace(kept, "%", "a, b", 1)}},
		{"a Job of which a cluster is not named any more", job, policyWith(nil, weight("b", 1)), both, running("a=3", "b=3"), nil, []string{strings.Replace(kept, "%", "a", 1)}},
		{"a Job in a cordoned cluster", job, nil, []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=3", "b=3"), nil, nil},
		{"a Job that is given up", job, nil, []*v1alpha1.Cluster{member("a", leaving), member("b")}, running("a=3", "b=3"), nil, nil},
		{"a Job and a migration", job, nil, both, running("a=3", "b=3"), migration, []string{strings.Replace(kept, "%", "a", 1)}},
		{"a Deployment and a migration", deployment, nil, both, running("a=3", "b=3"), migration, nil},
		{"a Job that is to be whole by now", job, policyWith(isWhole), both, running("a=3", "b=3"), nil, []string{strings.Replace(begun, "%", "divided", 1)}},
		{"a Job that is to be divided by now", job, policyWith(divides), both, runningWhole("a", "b"), nil, []string{strings.Replace(begun, "%", "whole", 1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind := workload.KindOf(tt.obj)
			in := written{clusters: tt.clusters, policies: map[string][]*v1alpha1.PlacementPolicy{}, placements: map[string]*v1alpha1.Placement{}}
			if tt.policy != nil {
				in.policies["default"] = []*v1alpha1.PlacementPolicy{tt.policy}
			}
			if tt.current != nil {
				in.placements["default/"+workload.KeyFor(kind, tt.obj).PlacementName()] = &v1alpha1.Placement{Spec: *tt.current}
			}
			if tt.migration != nil {
				in.migrations = []*v1alpha1.Migration{tt.migration}
			}
			placed, _, err := Place(in, kind, tt.obj, now)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range placed.Omissions {
				got = append(got, o.Code+": "+o.Message)
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("omissions (-want +got):\n%s", diff)
			}
		})
	}
}
