// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"k8s.io/utils/ptr"

	"drover.dev/drover/test/harness"
)

const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: sum, labels: {app: sum}}
spec:
  completions: 6
  parallelism: 3
  %s
  template:
    spec: {restartPolicy: Never, containers: [{name: sum, image: example.com/sum:1}]}
`

// The completions of a Job are divided by weight, its parallelism beside them, and it is complete when all are.
func TestJobIsDivided(t *testing.T) {
	s := sharedSpace(t)
	s.weigh("sum", map[string]int64{"east": 1, "west": 2})
	s.apply(fmt.Sprintf(job, "backoffLimit: 4"))
	s.kubectl("wait", "job/sum", "--for=condition=complete", "--timeout", patience.String())
	for cluster, want := range map[string][2]int32{"east": {2, 1}, "west": {4, 2}} {
		j, err := s.in(cluster).BatchV1().Jobs(s.name).Get(t.Context(), "sum", getOptions)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int32{ptr.Deref(j.Spec.Completions, -1), ptr.Deref(j.Spec.Parallelism, -1)}; got != want || j.Status.Succeeded != want[0] {
			t.Errorf("%s has %v completions and parallelism, %d succeeded; want %v", cluster, got, j.Status.Succeeded, want)
		}
	}
	s.wantContains(s.kubectl("get", "jobs", "sum"), "Complete", "6/6", "east=2 west=4")
	p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "job-sum", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.kubectl("wait", "placement/job-sum", "--for=condition=Available", "--timeout", patience.String())
	if p.Spec.Revision != 1 {
		t.Errorf("it was decided %d times", p.Spec.Revision)
	}
}

// A Job that is finished goes when it said it would, everywhere, and is not run again in a cluster before.
func TestFinishedJobExpires(t *testing.T) {
	s := sharedSpace(t)
	s.apply(fmt.Sprintf(job, "ttlSecondsAfterFinished: 2"))
	s.kubectl("wait", "job/sum", "--for=condition=complete", "--timeout", patience.String())
	get := func() error {
		_, err := s.Kube.BatchV1().Jobs(s.name).Get(t.Context(), "sum", getOptions)
		return err
	}
	s.eventuallyGone("the Job", get)
	for cluster := range s.members {
		s.eventuallyGone("the Job in "+cluster, func() error {
			_, err := s.in(cluster).BatchV1().Jobs(s.name).Get(t.Context(), "sum", getOptions)
			return err
		})
	}
}

// Indexes cannot be divided: each cluster runs all of them.
func TestIndexedJobIsWhole(t *testing.T) {
	s := sharedSpace(t)
	s.apply(fmt.Sprintf(job, "completionMode: Indexed"))
	s.kubectl("wait", "job/sum", "--for=condition=complete", "--timeout", patience.String())
	harness.Eventually(t, patience, func() error {
		for cluster := range s.members {
			j, err := s.in(cluster).BatchV1().Jobs(s.name).Get(t.Context(), "sum", getOptions)
			if err != nil {
				return err
			}
			if j.Status.Succeeded != 6 {
				return fmt.Errorf("%s completed %d of 6", cluster, j.Status.Succeeded)
			}
		}
		return nil
	})
	s.wantContains(s.kubectl("get", "placement", "job-sum", "-o", "yaml"), "its indexes would be given out in each cluster anew")
}
