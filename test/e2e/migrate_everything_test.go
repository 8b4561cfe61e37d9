// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/test/harness"
)

// shop is ten workloads, and what they refer to.
func shop() string {
	const workload = `
apiVersion: apps/v1
kind: %[1]s
metadata: {name: %[2]s, labels: {app: %[2]s}}
spec:
  selector: {matchLabels: {app: %[2]s}}
  %[3]s
  template:
    metadata: {labels: {app: %[2]s}, annotations: {example.com/note: kept}}
    spec:
      serviceAccountName: shop
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "example.com/%[2]s:1", envFrom: [{configMapRef: {name: %[2]s}}, {secretRef: {name: %[2]s}}]}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: %[2]s}, data: {name: %[2]s}}
---
{apiVersion: v1, kind: Secret, metadata: {name: %[2]s}, stringData: {token: token-of-%[2]s}}
---
`
	var out strings.Builder
	for i := range 7 {
		fmt.Fprintf(&out, workload, "Deployment", fmt.Sprintf("web-%d", i), "replicas: 1")
		fmt.Fprintf(&out, "{apiVersion: v1, kind: Service, metadata: {name: web-%[1]d}, spec: {selector: {app: web-%[1]d}, ports: [{port: 80}]}}\n---\n", i)
	}
	fmt.Fprintf(&out, workload, "StatefulSet", "db", "serviceName: db")
	fmt.Fprintf(&out, workload, "DaemonSet", "agent", "")
	out.WriteString(`
{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {schedule: 0 3 1 1 *, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "example.com/nightly:1"}]}}}}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop}, spec: {defaultBackend: {service: {name: web-0, port: {number: 80}}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web-1}, spec: {minReplicas: 1, maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-1}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web-2}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: web-2}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shop}, spec: {podSelector: {}, policyTypes: [Ingress]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: shop}, spec: {hard: {pods: "50"}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: shop}, spec: {limits: [{type: Container, defaultRequest: {cpu: 1m}}]}}
`)
	return out.String()
}

// Fifty workloads in five namespaces, of which the federation knew nothing, are taken over in one cluster, at the second
// attempt since the first is killed, and migrated to another: there they are as they were, with all that they refer to, and the first has nothing of them any more.
func TestImportedClusterIsMigrated(t *testing.T) {
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	manifest := shop()
	var spaces []*space
	var namespaces []string
	for range 5 {
		s := unfederated(t, manifest)
		spaces, namespaces = append(spaces, s), append(namespaces, s.name)
	}
	all, start := strings.Join(namespaces, ","), time.Now()
	interruptImport(t, all)
	out, err := importEast(t.Context(), all, "--yes")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	spaces[0].wantContains(out, "created in the federation", "are Drover's in east", "no pod was restarted")
	t.Logf("taken over after %.1fs", time.Since(start).Seconds())
	was := map[string]map[string]any{}
	for _, s := range spaces {
		for name, o := range objectsIn(t, s.members["east"], s.name) {
			was[s.name+" "+name] = written(o)
		}
	}
	if workloads := countWorkloads(was); workloads != 50 {
		t.Fatalf("%d workloads, want 50", workloads)
	}
	name := namespaces[0]
	t.Cleanup(func() {
		_ = shared.Drover.FederationV1alpha1().Migrations().Delete(context.Background(), name, deleteOptions)
	})
	out, err = shared.Plugin().Run(t.Context(), "migrate", "--name", name, "--from", "east", "--to", "west", "-n", all, "--steps", "100", "--soak", "0s", "--finish", "--yes", "--wait")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("finished after %.1fs:\n%s", time.Since(start).Seconds(), out)
	for _, s := range spaces {
		harness.Eventually(t, patience, func() error {
			is := map[string]map[string]any{}
			for name, o := range objectsIn(t, s.members["west"], s.name) {
				is[s.name+" "+name] = written(o)
			}
			want := map[string]map[string]any{}
			for name, o := range was {
				if strings.HasPrefix(name, s.name+" ") {
					want[name] = o
				}
			}
			if diff := cmp.Diff(want, is); diff != "" {
				return fmt.Errorf("%s (-east before +west):\n%s", s.name, diff)
			}
			if left := objectsIn(t, s.members["east"], s.name); len(left) > 0 {
				return fmt.Errorf("east has still %d objects in %s, such as %v", len(left), s.name, firstOf(left))
			}
			return nil
		})
		ns, err := s.in("west").CoreV1().Namespaces().Get(t.Context(), s.name, getOptions)
		if err != nil || ns.Labels["team"] != "red" || ns.Annotations["owner"] != "ann" {
			t.Errorf("namespace in west: %v, %v %v", err, ns.Labels, ns.Annotations)
		}
	}
}

// interruptImport begins to import namespaces of east, and kills that when it has begun to write.
func interruptImport(t *testing.T, namespaces string) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	done := make(chan error, 1)
	go func() {
		_, err := importEast(ctx, namespaces, "--yes")
		done <- err
	}()
	harness.Eventually(t, patience, func() error {
		for _, namespace := range strings.Split(namespaces, ",") {
			list, err := shared.Kube.CoreV1().Secrets(namespace).List(t.Context(), listOptions)
			if err != nil || len(list.Items) > 0 {
				return err
			}
		}
		return errors.New("nothing is written")
	})
	kill()
	if err := <-done; err == nil {
		t.Fatal("the import was done before it was killed")
	}
}

func countWorkloads(objects map[string]map[string]any) (n int) {
	for _, o := range objects {
		switch o["kind"] {
		case "Deployment", "StatefulSet", "DaemonSet", "CronJob":
			n++
		}
	}
	return n
}

func firstOf[T any](all map[string]T) string {
	first := ""
	for name := range all {
		if first == "" || name < first {
			first = name
		}
	}
	return first
}
