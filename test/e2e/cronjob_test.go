// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"

	"drover.dev/drover/test/harness"
)

// A CronJob makes its Jobs in each cluster.
func TestCronJob(t *testing.T) {
	s := sharedSpace(t)
	s.apply(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: tick, image: example.com/tick:1}]}}}
`)
	harness.Eventually(t, patience, func() error {
		for cluster := range s.members {
			jobs, err := s.in(cluster).BatchV1().Jobs(s.name).List(t.Context(), listOptions)
			if err != nil {
				return err
			}
			if len(jobs.Items) == 0 {
				return fmt.Errorf("%s has made no Job yet", cluster)
			}
		}
		c, err := s.Kube.BatchV1().CronJobs(s.name).Get(t.Context(), "tick", getOptions)
		if err == nil && (c.Status.LastScheduleTime == nil || c.Status.LastSuccessfulTime == nil) {
			err = errors.New("the federation knows of no Job that was run")
		}
		return err
	})
	jobs, err := s.Kube.BatchV1().Jobs(s.name).List(t.Context(), listOptions)
	if err != nil || len(jobs.Items) > 0 {
		t.Errorf("Jobs are the clusters', but the federation has %d of them: %v", len(jobs.Items), err)
	}
	s.kubectl("patch", "cronjob", "tick", "-p", `{"spec":{"suspend":true}}`)
	harness.Eventually(t, patience, func() error {
		for cluster := range s.members {
			c, err := s.in(cluster).BatchV1().CronJobs(s.name).Get(t.Context(), "tick", getOptions)
			if err != nil {
				return err
			}
			if c.Spec.Suspend == nil || !*c.Spec.Suspend {
				return fmt.Errorf("%s is not suspended", cluster)
			}
		}
		return nil
	})
}
