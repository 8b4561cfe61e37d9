// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"fmt"
	"strconv"
	"time"

	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
)

// Annotations of a pod by which it fares in its own way, in place of what PodLifecycle says of all.
const (
	// ReadyDelayAnnotation is a duration, "3s".
	ReadyDelayAnnotation = "member.drover.dev/ready-delay"
	// FailRatioAnnotation is a share, "0.1". On the template of many pods it has that share of them fail.
	FailRatioAnnotation = "member.drover.dev/fail-ratio"
)

// PodLifecycle says how pods fare once they are scheduled.
type PodLifecycle struct {
	// ReadyDelay is the time from being scheduled to being ready, or to crashing.
	ReadyDelay time.Duration
	// FailRatio is the share of pods, 0 to 1, that crash-loop instead of becoming ready. The first 16 bits of a pod's
	// UID decide, so that it is settled for each pod, for ever.
	FailRatio float64
}

// failingPod is a jq expression, true for the pods whose UID starts with a number below their share of 65536: that of their
// annotation, or else that of all.
const failingPod = `(.metadata.uid[0:4] | explode | reduce .[] as $c (0; . * 16 + $c - (if $c >= 97 then 87 else 48 end))) < (.metadata.annotations[%q] // %q | tonumber * 65536 + 0.5 | floor)`

// podFail is what becomes of a failing pod in place of kwok's pod-ready: it runs, but its containers crash-loop.
const podFail = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-fail
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.phase, operator: In, values: [Pending]}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: "False", reason: ContainersNotReady, message: "the container crashes (member --fail-ratio)", lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "False", reason: ContainersNotReady, message: "the container crashes (member --fail-ratio)", lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        started: false
        restartCount: 3
        state:
          waiting: {reason: CrashLoopBackOff, message: "back-off restarting failed container"}
        lastState:
          terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
      {{ end }}
      phase: Running
      startTime: {{ $now | Quote }}
`

// Stages returns the life of nodes and pods in kwok's terms.
func (l PodLifecycle) Stages() (map[internalversion.StageResourceRef][]*internalversion.Stage, error) {
	stages := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	parse := func(manifest string) (*internalversion.Stage, error) {
		stage, err := config.UnmarshalWithType[*internalversion.Stage](manifest)
		if err != nil {
			return nil, fmt.Errorf("parse kwok stage: %w", err)
		}
		stages[stage.Spec.ResourceRef] = append(stages[stage.Spec.ResourceRef], stage)
		return stage, nil
	}
	for _, manifest := range []string{fast.DefaultNodeInit, heartbeat.DefaultNodeHeartbeatWithLease, podfast.DefaultPodDelete} {
		if _, err := parse(manifest); err != nil {
			return nil, err
		}
	}
	for manifest, operator := range map[string]internalversion.SelectorOperator{
		podfast.DefaultPodReady:    internalversion.SelectorOpNotIn,
		podfast.DefaultPodComplete: internalversion.SelectorOpNotIn,
		podFail:                    internalversion.SelectorOpIn,
	} {
		stage, err := parse(manifest)
		if err != nil {
			return nil, err
		}
		l.restrict(stage, operator)
		if manifest != podfast.DefaultPodComplete {
			delay := l.ReadyDelay.Milliseconds()
			stage.Spec.Delay = &internalversion.StageDelay{
				DurationMilliseconds: &delay,
				DurationFrom: &internalversion.ExpressionFrom{JQ: &internalversion.ExpressionJQ{
					Expression: fmt.Sprintf(".metadata.annotations[%q]", ReadyDelayAnnotation),
				}},
			}
		}
	}
	return stages, nil
}

// restrict limits a stage to the failing pods (In) or to the others (NotIn).
func (l PodLifecycle) restrict(stage *internalversion.Stage, operator internalversion.SelectorOperator) {
	stage.Spec.Selector.MatchExpressions = append(stage.Spec.Selector.MatchExpressions, internalversion.MatchExpression{
		JQ: &internalversion.SelectorJQ{
			Key:      fmt.Sprintf(failingPod, FailRatioAnnotation, strconv.FormatFloat(l.FailRatio, 'f', -1, 64)),
			Operator: operator,
			Values:   []string{"true"},
		},
	})
}
