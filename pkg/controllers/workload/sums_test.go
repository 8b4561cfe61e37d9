// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func at(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(now.Add(d))) }

// inMember has an object be one that a member made of generation 2 and has acted on.
func inMember[T Object](obj T) T {
	obj.SetGeneration(1)
	obj.SetAnnotations(map[string]string{v1alpha1.AnnotationSourceGeneration: "2"})
	return obj
}

// placedOn is a decision on generation 2. Replicas are nil for what is whole.
func placedOn(replicas *int32, clusters ...string) *v1alpha1.PlacementSpec {
	spec := &v1alpha1.PlacementSpec{WorkloadGeneration: 2, Replicas: replicas}
	for _, name := range clusters {
		spec.Clusters = append(spec.Clusters, v1alpha1.ClusterAssignment{Name: name})
	}
	return spec
}

// sum has east and west report, nil for a cluster that has nothing yet, and returns the object with its status. Summed
// again it is the same.
func sum[T Object](t *testing.T, obj T, p *v1alpha1.PlacementSpec, east, west Object) T {
	t.Helper()
	kind := KindOf(obj)
	var clusters []v1alpha1.ClusterPlacementStatus
	for name, live := range map[string]Object{"east": east, "west": west} {
		report := v1alpha1.ClusterPlacementStatus{Name: name}
		if live != nil {
			report = kind.ReportOf(name, live)
		}
		if clusters = append(clusters, report); len(clusters) == 2 && name == "east" {
			clusters[0], clusters[1] = clusters[1], clusters[0]
		}
	}
	once := obj.DeepCopyObject().(T)
	kind.Sum(once, Reports{Placement: p, Clusters: clusters, Now: now})
	again := once.DeepCopyObject().(T)
	kind.Sum(again, Reports{Placement: p, Clusters: clusters, Now: later})
	if !apiequality.Semantic.DeepEqual(once, again) {
		t.Errorf("the same reports, another status: %s", cmp.Diff(once, again))
	}
	return once
}

func stateful(replicas, ready int32, current, update string) *appsv1.StatefulSet {
	return inMember(&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: &replicas}, Status: appsv1.StatefulSetStatus{
		ObservedGeneration: 1, Replicas: replicas, ReadyReplicas: ready, AvailableReplicas: ready, UpdatedReplicas: ready, CurrentReplicas: ready, CurrentRevision: current, UpdateRevision: update,
	}})
}

func TestSumStatefulSet(t *testing.T) {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Generation: 2}, Spec: appsv1.StatefulSetSpec{Replicas: ptr.To[int32](3)}}
	for _, tt := range []struct {
		name       string
		p          *v1alpha1.PlacementSpec
		east, west Object
		ready, all int32
		settled    bool
	}{
		{"whole: the one furthest behind", placedOn(nil, "east", "west"), stateful(3, 3, "a", "a"), stateful(3, 1, "b", "b"), 1, 3, true},
		{"whole: in every cluster", placedOn(nil, "east", "west"), stateful(3, 3, "a", "a"), stateful(3, 3, "b", "b"), 3, 3, true},
		{"whole: one is being rolled out", placedOn(nil, "east", "west"), stateful(3, 3, "a", "a"), stateful(3, 3, "b", "c"), 3, 3, false},
		{"whole: one has not got it", placedOn(nil, "east", "west"), stateful(3, 3, "a", "a"), nil, 0, 3, false},
		{"whole: one that it leaves does not count", placedOn(nil, "east"), stateful(3, 3, "a", "a"), stateful(3, 1, "b", "c"), 3, 3, true},
		{"divided", placedOn(ptr.To[int32](3), "east", "west"), stateful(2, 2, "a", "a"), stateful(1, 0, "b", "b"), 2, 3, true},
	} {
		s := sum(t, set, tt.p, tt.east, tt.west).Status
		if s.ReadyReplicas != tt.ready || s.Replicas != tt.all || (s.CurrentRevision == s.UpdateRevision) != tt.settled || s.UpdateRevision == "" || s.ObservedGeneration != 2 {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	done := sum(t, set, placedOn(nil, "east", "west"), stateful(3, 3, "a", "a"), stateful(3, 3, "b", "b"))
	changed := done.DeepCopy()
	changed.Spec.Template.Spec.NodeName = "x"
	rolling := sum(t, changed, placedOn(nil, "east", "west"), stateful(3, 3, "a", "c"), stateful(3, 3, "b", "b"))
	if rolling.Status.CurrentRevision != done.Status.UpdateRevision || rolling.Status.UpdateRevision == done.Status.UpdateRevision {
		t.Errorf("while it is rolled out: %+v, before %+v", rolling.Status, done.Status)
	}
}

func TestSumReplicaSet(t *testing.T) {
	live := func(replicas, ready int32) *appsv1.ReplicaSet {
		return inMember(&appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{ObservedGeneration: 1, Replicas: replicas, FullyLabeledReplicas: replicas, ReadyReplicas: ready, AvailableReplicas: ready}})
	}
	for p, want := range map[*v1alpha1.PlacementSpec]appsv1.ReplicaSetStatus{
		placedOn(nil, "east", "west"):              {ObservedGeneration: 2, Replicas: 3, FullyLabeledReplicas: 3, ReadyReplicas: 1, AvailableReplicas: 1},
		placedOn(ptr.To[int32](6), "east", "west"): {ObservedGeneration: 2, Replicas: 6, FullyLabeledReplicas: 6, ReadyReplicas: 4, AvailableReplicas: 4},
	} {
		if diff := cmp.Diff(want, sum(t, &appsv1.ReplicaSet{}, p, live(3, 3), live(3, 1)).Status); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSumDaemonSet(t *testing.T) {
	live := func(desired, ready int32) *appsv1.DaemonSet {
		return inMember(&appsv1.DaemonSet{Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 1, DesiredNumberScheduled: desired, CurrentNumberScheduled: desired, UpdatedNumberScheduled: desired, NumberReady: ready, NumberAvailable: ready, NumberMisscheduled: 1,
		}})
	}
	want := appsv1.DaemonSetStatus{
		ObservedGeneration: 2, DesiredNumberScheduled: 5, CurrentNumberScheduled: 5, UpdatedNumberScheduled: 5, NumberReady: 4, NumberAvailable: 4, NumberUnavailable: 1, NumberMisscheduled: 2,
	}
	both := placedOn(nil, "east", "west")
	if diff := cmp.Diff(want, sum(t, &appsv1.DaemonSet{}, both, live(3, 3), live(2, 1)).Status); diff != "" {
		t.Error(diff)
	}
	if s := sum(t, &appsv1.DaemonSet{}, both, live(3, 3), nil).Status; s.ObservedGeneration != 0 {
		t.Errorf("one cluster has said nothing, and rollout status takes it for done: %+v", s)
	}
}

func ran(j batchv1.JobStatus) *batchv1.Job {
	if j.CompletionTime != nil {
		j.Conditions = append(j.Conditions, batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue})
	}
	return inMember(&batchv1.Job{Status: j})
}

func TestSumJob(t *testing.T) {
	divided, whole := placedOn(ptr.To[int32](6), "east", "west"), placedOn(nil, "east", "west")
	left := placedOn(ptr.To[int32](6), "east", "west")
	left.Unplaced = 1
	gone := placedOn(ptr.To[int32](6))
	gone.Completed = 6
	failed := ran(batchv1.JobStatus{Failed: 7, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "too many"}}})
	first, last := ran(batchv1.JobStatus{Succeeded: 2, StartTime: at(-9 * time.Second), CompletionTime: at(-5 * time.Second)}), ran(batchv1.JobStatus{Succeeded: 4, StartTime: at(-8 * time.Second), CompletionTime: at(-2 * time.Second)})
	for _, tt := range []struct {
		name       string
		p          *v1alpha1.PlacementSpec
		east, west Object
		succeeded  int32
		ended      string
	}{
		{"begun", divided, ran(batchv1.JobStatus{Active: 1, Succeeded: 1, StartTime: at(-9 * time.Second)}), nil, 1, ""},
		{"complete in one", divided, first, ran(batchv1.JobStatus{Active: 1, Succeeded: 3}), 5, ""},
		{"complete in both", divided, first, last, 6, "Complete"},
		{"complete in both, and some had no place", left, first, last, 6, ""},
		{"whole, complete in one", whole, first, ran(batchv1.JobStatus{Succeeded: 1}), 1, ""},
		{"whole, complete in both", whole, first, last, 2, "Complete"},
		{"failed in one", divided, first, failed, 2, "Failed"},
		{"done where it is no more", gone, nil, nil, 6, "Complete"},
		{"done where it is about to be no more", gone, first, last, 6, "Complete"},
	} {
		got := sum(t, &batchv1.Job{}, tt.p, tt.east, tt.west)
		end := finish(&got.Status)
		if got.Status.Succeeded != tt.succeeded || (end == nil) != (tt.ended == "") || end != nil && string(end.Type) != tt.ended {
			t.Errorf("%s: %+v", tt.name, got.Status)
		}
		if (got.Status.CompletionTime != nil) != (tt.ended == "Complete") {
			t.Errorf("%s: completed at %v", tt.name, got.Status.CompletionTime)
		}
		if tt.ended == "Failed" && (end.Reason != "BackoffLimitExceeded" || end.Message != "west: too many") {
			t.Errorf("it failed because of %+v", end)
		}
	}
	done := sum(t, &batchv1.Job{Spec: batchv1.JobSpec{TTLSecondsAfterFinished: ptr.To[int32](60)}}, divided, first, last)
	if !done.Status.StartTime.Equal(at(-9*time.Second)) || !done.Status.CompletionTime.Equal(at(-2*time.Second)) {
		t.Errorf("it took from %v to %v", done.Status.StartTime, done.Status.CompletionTime)
	}
	if when, expires := Job.Expires(done); !expires || !when.Equal(later) {
		t.Errorf("it expires at %v: %v", when, expires)
	}
	if again := sum(t, done, divided, first, ran(batchv1.JobStatus{Succeeded: 1})); finish(&again.Status) == nil {
		t.Error("what was complete is so no more")
	}
	suspended := sum(t, &batchv1.Job{}, divided, ran(batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue}}}), nil)
	resumed := sum(t, suspended, divided, ran(batchv1.JobStatus{Active: 1}), nil)
	if jobCondition(&suspended.Status, batchv1.JobSuspended) == nil || jobCondition(&resumed.Status, batchv1.JobSuspended) != nil || len(resumed.Status.Conditions) != 1 {
		t.Errorf("suspended %+v, resumed %+v", suspended.Status, resumed.Status)
	}
}

func TestSumCronJob(t *testing.T) {
	live := func(active int, scheduled, succeeded *metav1.Time) *batchv1.CronJob {
		return inMember(&batchv1.CronJob{Status: batchv1.CronJobStatus{Active: make([]corev1.ObjectReference, active), LastScheduleTime: scheduled, LastSuccessfulTime: succeeded}})
	}
	got := sum(t, &batchv1.CronJob{}, placedOn(nil, "east", "west"), live(2, at(-3*time.Second), at(-2*time.Second)), live(1, at(-time.Second), nil)).Status
	if len(got.Active) != 3 || !got.LastScheduleTime.Equal(at(-time.Second)) || !got.LastSuccessfulTime.Equal(at(-2*time.Second)) {
		t.Errorf("%+v", got)
	}
}

func TestSumOfFollowers(t *testing.T) {
	both := placedOn(nil, "east", "west")
	budget := func(allowed int32) *policyv1.PodDisruptionBudget {
		return inMember(&policyv1.PodDisruptionBudget{Status: policyv1.PodDisruptionBudgetStatus{ObservedGeneration: 1, DisruptionsAllowed: allowed, CurrentHealthy: 3, DesiredHealthy: 2, ExpectedPods: 3}})
	}
	b := sum(t, &policyv1.PodDisruptionBudget{}, both, budget(1), budget(0)).Status
	if b.DisruptionsAllowed != 1 || b.CurrentHealthy != 6 || b.DesiredHealthy != 4 || b.ExpectedPods != 6 || b.ObservedGeneration != 2 || len(b.Conditions) != 1 || b.Conditions[0].Status != "True" {
		t.Errorf("budget: %+v", b)
	}
	quota := func(used, hard string) *corev1.ResourceQuota {
		return inMember(&corev1.ResourceQuota{Status: corev1.ResourceQuotaStatus{Hard: corev1.ResourceList{"cpu": resource.MustParse(hard)}, Used: corev1.ResourceList{"cpu": resource.MustParse(used)}}})
	}
	q := sum(t, &corev1.ResourceQuota{}, both, quota("500m", "2"), quota("1", "2")).Status
	if used, hard := q.Used["cpu"], q.Hard["cpu"]; used.String() != "1500m" || hard.String() != "4" {
		t.Errorf("quota: %+v", q)
	}
	scaler := func(current, desired int32, limited, active corev1.ConditionStatus, message string) *autoscalingv2.HorizontalPodAutoscaler {
		return inMember(&autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{
			CurrentReplicas: current, DesiredReplicas: desired, LastScaleTime: at(-time.Duration(current) * time.Second),
			Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
				{Type: autoscalingv2.ScalingLimited, Status: limited, Message: message}, {Type: autoscalingv2.ScalingActive, Status: active, Message: message},
			},
		}})
	}
	h := sum(t, &autoscalingv2.HorizontalPodAutoscaler{}, both, scaler(2, 3, "True", "True", "at its maximum"), scaler(4, 4, "False", "False", "no metrics")).Status
	var conditions []string
	for _, c := range h.Conditions {
		conditions = append(conditions, string(c.Type)+" "+string(c.Status)+" "+c.Message)
	}
	if diff := cmp.Diff([]string{"ScalingActive False west: no metrics", "ScalingLimited True east: at its maximum"}, conditions); diff != "" || h.CurrentReplicas != 6 || h.DesiredReplicas != 7 || !h.LastScaleTime.Equal(at(-2*time.Second)) {
		t.Errorf("autoscaler: %+v\n%s", h, diff)
	}
}
