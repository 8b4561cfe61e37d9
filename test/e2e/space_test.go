// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

var (
	getOptions    = metav1.GetOptions{}
	listOptions   = metav1.ListOptions{}
	createOptions = metav1.CreateOptions{}
	deleteOptions = metav1.DeleteOptions{}
	patchOptions  = metav1.PatchOptions{}
)

// space is a namespace of its own for one test, in the federation and, as Drover makes it there, in the members.
type space struct {
	*testing.T
	*federation
	name string
}

// newSpace makes a namespace that is deleted when the test ends.
func newSpace(t *testing.T, f *federation) *space {
	t.Helper()
	s := &space{T: t, federation: f}
	ns, err := f.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(t.Name(), "/", "-"), "_", "-")) + "-",
	}}, createOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.name = ns.Name
	t.Cleanup(s.end)
	return s
}

// sharedSpace makes a namespace in the shared federation, for a test that runs beside others.
func sharedSpace(t *testing.T) *space {
	t.Helper()
	t.Parallel()
	harness.ReportOnFailure(t, shared.processes()...)
	return newSpace(t, shared)
}

// end shows what is in the namespace if the test failed, and deletes it.
func (s *space) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.Failed() {
		out, err := s.Kubectl().Run(ctx, "get", "-n", s.name, "all,ingresses,placementpolicies,trafficpolicies,placements,events", "-o", "wide")
		s.Logf("in the federation, namespace %s (%v):\n%s", s.name, err, out)
		for name, m := range s.members {
			out, err := m.Kubectl().Run(ctx, "get", "-n", s.name, "all,ingresses,configmaps,secrets,serviceaccounts,networkpolicies,resourcequotas,limitranges,poddisruptionbudgets", "-o", "wide", "--request-timeout", "5s")
			s.Logf("in %s (%v):\n%s", name, err, out)
		}
	}
	if err := s.Kube.CoreV1().Namespaces().Delete(ctx, s.name, deleteOptions); err != nil && !apierrors.IsNotFound(err) {
		s.Logf("delete namespace %s: %v", s.name, err)
	}
}

// kubectl is what the test's user types: kubectl in the namespace. It has to succeed.
func (s *space) kubectl(args ...string) string {
	s.Helper()
	out, err := s.Kubectl().Run(s.Context(), append([]string{"-n", s.name}, args...)...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// kubectlFails types what has to fail, and returns what kubectl says.
func (s *space) kubectlFails(args ...string) string {
	s.Helper()
	return s.kubectlRefuses("", args...)
}

// kubectlRefuses is kubectlFails with a manifest on standard input.
func (s *space) kubectlRefuses(manifest string, args ...string) string {
	s.Helper()
	out, err := s.Kubectl().RunWithInput(s.Context(), manifest, append([]string{"-n", s.name}, args...)...)
	var failed *harness.CommandError
	if !errors.As(err, &failed) {
		s.Fatalf("kubectl %s: got %v and\n%s\nwant it to fail", strings.Join(args, " "), err, out)
	}
	return failed.Stderr
}

// apply applies a manifest.
func (s *space) apply(manifest string) {
	s.Helper()
	if _, err := s.Kubectl().RunWithInput(s.Context(), manifest, "-n", s.name, "apply", "-f", "-"); err != nil {
		s.Fatal(err)
	}
}

// in is the client of a member.
func (s *space) in(cluster string) kubernetes.Interface {
	s.Helper()
	m := s.members[cluster]
	if m == nil {
		s.Fatalf("there is no member %s", cluster)
	}
	return m.Client
}

// deploy creates a Deployment, and a policy for it with the clusters' weights; none is no policy.
func (s *space) deploy(name string, replicas int32, weights map[string]int64) *appsv1.Deployment {
	s.Helper()
	if len(weights) > 0 {
		s.weigh(name, weights)
	}
	d, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), deployment(name, replicas), createOptions)
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// weigh creates a policy for the workloads of one name.
func (s *space) weigh(name string, weights map[string]int64, change ...func(*v1alpha1.PlacementPolicy)) {
	s.Helper()
	p := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	p.Spec.Selector.MatchLabels = map[string]string{"app": name}
	for cluster, weight := range weights {
		p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterWeight{Name: cluster, Weight: ptr.To(weight)})
	}
	for _, c := range change {
		c(p)
	}
	if _, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Create(s.Context(), p, createOptions); err != nil {
		s.Fatal(err)
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	app := func() map[string]string { return map[string]string{"app": name} }
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: app()},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: app()},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: app()},
				Spec: corev1.PodSpec{
					Containers:                    []corev1.Container{{Name: "web", Image: "example.com/web:1"}},
					TerminationGracePeriodSeconds: ptr.To[int64](1), // a namespace in a member waits for half of it
				},
			},
		},
	}
}

// expose creates a Service of type LoadBalancer for the Deployment of that name.
func (s *space) expose(name string) {
	s.Helper()
	_, err := s.Kube.CoreV1().Services(s.name).Create(s.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 8080}}},
	}, createOptions)
	if err != nil {
		s.Fatal(err)
	}
}

// eventuallyRuns waits until each member runs its share, with all pods ready, and until the federation says so too.
// Clusters that are not named have none of it.
func (s *space) eventuallyRuns(name string, want map[string]int32) {
	s.Helper()
	took := harness.Eventually(s, patience, func() error { return s.runs(name, want) })
	s.Logf("%s runs as %v after %.1fs", name, want, took.Seconds())
}

func (s *space) runs(name string, want map[string]int32) error {
	var sum int32
	for _, cluster := range names(s.members) {
		share, placed := want[cluster]
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
		switch {
		case apierrors.IsNotFound(err) && !placed:
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", cluster, err)
		case !placed:
			return fmt.Errorf("%s has %d replicas of %s, want none of it", cluster, *d.Spec.Replicas, name)
		case *d.Spec.Replicas != share || d.Status.ReadyReplicas != share || d.Status.Replicas != share:
			return fmt.Errorf("%s has %d replicas of %s, %d of %d ready; want %d", cluster, *d.Spec.Replicas, name, d.Status.ReadyReplicas, d.Status.Replicas, share)
		}
		sum += share
	}
	return s.reports(name, sum)
}

// reports says what a Deployment's status in the federation lacks to be rolled out with so many replicas.
func (s *space) reports(name string, replicas int32) error {
	d, err := s.Kube.AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
	if err != nil {
		return err
	}
	st := d.Status
	if st.ObservedGeneration < d.Generation || st.Replicas != replicas || st.ReadyReplicas != replicas || st.UpdatedReplicas != replicas || st.AvailableReplicas != replicas {
		return fmt.Errorf("the federation reports of generation %d of %s: %+v; want %d replicas", d.Generation, name, st, replicas)
	}
	return nil
}

// placed is what the Placement of a Deployment says.
func (s *space) placed(name string) map[string]int32 {
	s.Helper()
	p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(s.Context(), v1alpha1.PlacementName("Deployment", name), getOptions)
	if err != nil {
		s.Fatal(err)
	}
	return shares(p)
}

func shares(p *v1alpha1.Placement) map[string]int32 {
	out := map[string]int32{}
	for _, c := range p.Spec.Clusters {
		out[c.Name] = ptr.Deref(c.Replicas, 0)
	}
	return out
}

// podUIDs tells pods from others that replaced them.
func (s *space) podUIDs(cluster string) map[string]bool {
	s.Helper()
	pods, err := s.in(cluster).CoreV1().Pods(s.name).List(s.Context(), listOptions)
	if err != nil {
		s.Fatal(err)
	}
	out := map[string]bool{}
	for _, p := range pods.Items {
		out[string(p.UID)] = true
	}
	return out
}

// wantSamePods fails if the pods in a member are not those they were.
func (s *space) wantSamePods(cluster string, before map[string]bool) {
	s.Helper()
	if after := s.podUIDs(cluster); !maps.Equal(before, after) {
		s.Errorf("pods in %s were replaced: %v, now %v", cluster, before, after)
	}
}

// addresses are those the federation shows for a Service.
func (s *space) addresses(service string) []string {
	s.Helper()
	svc, err := s.Kube.CoreV1().Services(s.name).Get(s.Context(), service, getOptions)
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, in := range svc.Status.LoadBalancer.Ingress {
		out = append(out, in.IP)
	}
	return out
}

// eventuallyAddresses waits until the federation shows so many addresses of a Service.
func (s *space) eventuallyAddresses(service string, n int) []string {
	s.Helper()
	var got []string
	harness.Eventually(s, patience, func() error {
		if got = s.addresses(service); len(got) != n {
			return fmt.Errorf("service %s has the addresses %v, want %d", service, got, n)
		}
		return nil
	})
	return got
}

// eventuallyGone waits until a get finds nothing.
func (s *space) eventuallyGone(what string, get func() error) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		switch err := get(); {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		default:
			return fmt.Errorf("%s is still there", what)
		}
	})
}

// wantNoMarks fails if an object in a member has anything that says it is Drover's.
func (s *space) wantNoMarks(obj metav1.Object) {
	s.Helper()
	for _, marks := range []map[string]string{obj.GetLabels(), obj.GetAnnotations()} {
		for key := range marks {
			if strings.HasPrefix(key, v1alpha1.GroupName+"/") {
				s.Errorf("%s has still the mark %s", obj.GetName(), key)
			}
		}
	}
	for _, fields := range obj.GetManagedFields() {
		if fields.Manager == v1alpha1.FieldManager {
			s.Errorf("%s has still fields that %s manages", obj.GetName(), fields.Manager)
		}
	}
}

// wantContains fails unless a text has all parts.
func (s *space) wantContains(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.Errorf("want %q in:\n%s", part, text)
		}
	}
}
