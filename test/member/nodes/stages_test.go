// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"context"
	"math"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
)

func TestFailRatioIsSettledByUID(t *testing.T) {
	for _, test := range []struct {
		name  string
		ratio float64
		uid   types.UID
		want  string
	}{
		{"none fail", 0, "00000000-0000-4000-8000-000000000000", "pod-ready"},
		{"all fail", 1, "ffffffff-0000-4000-8000-000000000000", "pod-fail"},
		{"just below half", 0.5, "7fffffff-0000-4000-8000-000000000000", "pod-fail"},
		{"just above half", 0.5, "80000000-0000-4000-8000-000000000000", "pod-ready"},
		{"letters are digits too", 0.1, "1999ffff-0000-4000-8000-000000000000", "pod-fail"},
		{"above a tenth", 0.1, "199a0000-0000-4000-8000-000000000000", "pod-ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stages := podStages(t, PodLifecycle{FailRatio: test.ratio})
			for range 3 {
				if got := nextStage(t, stages, pendingPod(test.uid)); got != test.want {
					t.Errorf("pod %s: %s, want %s", test.uid, got, test.want)
				}
			}
		})
	}
}

func TestFailRatioIsMetByRandomUIDs(t *testing.T) {
	const pods, ratio = 2000, 0.25
	stages := podStages(t, PodLifecycle{FailRatio: ratio})
	failed := 0
	for range pods {
		if nextStage(t, stages, pendingPod(uuid.NewUUID())) == "pod-fail" {
			failed++
		}
	}
	// Six standard deviations: wrong once in a billion runs.
	if tolerance := 6 * math.Sqrt(ratio*(1-ratio)/pods); math.Abs(float64(failed)/pods-ratio) > tolerance {
		t.Errorf("%d of %d pods failed, want about %v of them", failed, pods, ratio)
	}
}

func TestWhatFollowsForRunningPods(t *testing.T) {
	const failing, healthy = types.UID("00000000-0000-4000-8000-000000000000"), types.UID("ffffffff-0000-4000-8000-000000000000")
	job := []metav1.OwnerReference{{Kind: "Job"}}
	for _, test := range []struct {
		name string
		pod  corev1.Pod
		want string
	}{
		{"a healthy pod stays", corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: healthy}}, ""},
		{"a failing pod stays", corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: failing}}, ""},
		{"a job's pod completes", corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: healthy, OwnerReferences: job}}, "pod-complete"},
		{"a job's failing pod does not", corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: failing, OwnerReferences: job}}, ""},
		{"a failing pod can be deleted", corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: failing, DeletionTimestamp: new(metav1.Now())}}, "pod-delete"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.pod.Status.Phase = corev1.PodRunning
			stages := podStages(t, PodLifecycle{FailRatio: 0.5})
			if got := nextStage(t, stages, &test.pod); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestAPodFaresByItsAnnotations(t *testing.T) {
	const failing, healthy = types.UID("00000000-0000-4000-8000-000000000000"), types.UID("ffffffff-0000-4000-8000-000000000000")
	for _, test := range []struct {
		name        string
		uid         types.UID
		annotations map[string]string
		want        string
		delay       time.Duration
	}{
		{"none", healthy, nil, "pod-ready", time.Second},
		{"slow", healthy, map[string]string{ReadyDelayAnnotation: "3s"}, "pod-ready", 3 * time.Second},
		{"none of these fail", failing, map[string]string{FailRatioAnnotation: "0"}, "pod-ready", time.Second},
		{"a tenth of these fail", failing, map[string]string{FailRatioAnnotation: "0.1", ReadyDelayAnnotation: "2s"}, "pod-fail", 2 * time.Second},
		{"and this one does not", healthy, map[string]string{FailRatioAnnotation: "0.1"}, "pod-ready", time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := pendingPod(test.uid)
			pod.Annotations = test.annotations
			event := &lifecycle.Event{Labels: pod.Labels, Annotations: pod.Annotations, Data: pod}
			stage, err := podStages(t, PodLifecycle{ReadyDelay: time.Second, FailRatio: 0.5}).Match(t.Context(), event)
			if err != nil || stage == nil {
				t.Fatalf("no stage follows: %v", err)
			}
			delay, _, err := stage.Delay(t.Context(), event, time.Now())
			if err != nil || stage.Name() != test.want || delay != test.delay {
				t.Errorf("%s after %s (%v), want %s after %s", stage.Name(), delay, err, test.want, test.delay)
			}
		})
	}
}

func podStages(t *testing.T, pods PodLifecycle) lifecycle.Lifecycle {
	t.Helper()
	stages, err := pods.Stages()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := lifecycle.NewLifecycle(stages[internalversion.StageResourceRef{APIGroup: "v1", Kind: "Pod"}])
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func nextStage(t *testing.T, stages lifecycle.Lifecycle, pod *corev1.Pod) string {
	t.Helper()
	stage, err := stages.Match(context.Background(), &lifecycle.Event{Labels: pod.Labels, Annotations: pod.Annotations, Data: pod})
	if err != nil {
		t.Fatal(err)
	}
	if stage == nil {
		return ""
	}
	return stage.Name()
}

func pendingPod(uid types.UID) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: corev1.PodStatus{Phase: corev1.PodPending}}
}
