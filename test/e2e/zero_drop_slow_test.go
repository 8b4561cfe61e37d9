// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/test/harness"
)

// Annotations by which pods fare in the members of tests.
const (
	readyDelayAnnotation = "member.drover.dev/ready-delay"
	failRatioAnnotation  = "member.drover.dev/fail-ratio"
)

// Where pods take three seconds to become ready, and a tenth never do, moves take longer, and no request fails. While no new
// pod becomes ready at all, everything stays as it is.
func TestNoRequestFailsWhenPodsAreSlowOrFail(t *testing.T) {
	s := sharedSpace(t)
	s.replaceFailed()
	s.weigh("web", map[string]int64{"east": 1, "west": 1, "eu": 1})
	d := deployment("web", 12)
	d.Spec.Template.Annotations = map[string]string{readyDelayAnnotation: "3s", failRatioAnnotation: "0.1"}
	r := s.resolveDeployment(d, map[string]int32{"east": 4, "west": 4, "eu": 4})
	s.guard("web", 12, 15)
	c := r.send()
	c.during(t, "draining by weight", func() {
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
		s.eventuallyRuns("web", map[string]int32{"west": 6, "eu": 6})
	})
	c.during(t, "filling it again", func() {
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":1}]}}`)
		s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 4, "eu": 4})
		harness.Eventually(t, patience, func() error { return c.isServed("east") })
	})
	c.migrate(t, "east", "west", 4)
	c.during(t, "rolling out a template that takes its time", func() {
		s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":0}},"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
		s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	})
	c.during(t, "rolling out a template of which no pod becomes ready, and undoing it", func() {
		s.kubectl("patch", "deployment", "web", "-p", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{%q:"1"}}}}}`, failRatioAnnotation))
		harness.Eventually(t, patience, func() error {
			for cluster := range s.members {
				if pods := s.failedPods(t.Context(), cluster); len(pods) == 0 {
					return fmt.Errorf("no pod has failed in %s", cluster)
				}
			}
			return nil
		})
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"eu","weight":0}]}}`)
		s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing", "--timeout", patience.String())
		s.kubectl("rollout", "undo", "deployment", "web")
		s.eventuallyRuns("web", map[string]int32{"east": 6, "west": 6})
	})
	c.stop()
}

// failedPods are the pods of the space in a member that do not become ready.
func (s *space) failedPods(ctx context.Context, cluster string) (failed []corev1.Pod) {
	pods, err := s.in(cluster).CoreV1().Pods(s.name).List(ctx, listOptions)
	if err != nil {
		return nil // asked again
	}
	for _, p := range pods.Items {
		if len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil && p.DeletionTimestamp == nil {
			failed = append(failed, p)
		}
	}
	return failed
}

// replaceFailed does what somebody has to do in the end about pods that never become ready: it deletes each when it has been
// there for some time, so that another one comes in its place.
func (s *space) replaceFailed() {
	ctx := s.Context()
	go func() {
		_ = wait.PollUntilContextCancel(ctx, time.Second, false, func(ctx context.Context) (bool, error) {
			for cluster := range s.members {
				for _, p := range s.failedPods(ctx, cluster) {
					if time.Since(p.CreationTimestamp.Time) > 8*time.Second {
						_ = s.in(cluster).CoreV1().Pods(s.name).Delete(ctx, p.Name, deleteOptions) // else with the next look
					}
				}
			}
			return false, nil
		}) // it ends with the test
	}()
}
