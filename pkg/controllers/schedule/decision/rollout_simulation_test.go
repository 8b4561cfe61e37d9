// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// simulatedRollouts is how many rollouts are simulated beside those that rapid draws.
const simulatedRollouts = 10_000

// Whatever is slow or lost, and however often the template changes before a rollout has ended, to one that does not work, or
// back: over all clusters together no replica is missing, and none is there too many, beyond what the Deployment allows, and
// no more clusters replace pods at once than the policy does. When everything works again it ends with the last template
// everywhere.
func TestRolloutsKeepTheirBoundsAndEnd(t *testing.T) {
	t.Run("drawn", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			if err := simulateRollout(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "one of") }); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("a template that a cluster has had before, and a report of that", func(t *testing.T) {
		if err := simulateRollout(rand.New(rand.NewPCG(10573030254740868354, 6736)).IntN); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("random", func(t *testing.T) {
		seed := rand.Uint64()
		for i := range uint64(simulatedRollouts) {
			r := rand.New(rand.NewPCG(seed, i))
			if err := simulateRollout(r.IntN); err != nil {
				t.Fatalf("seed %d, rollout %d: %v", seed, i, err)
			}
		}
	})
}

// rolledOut is a Deployment in clusters that are simulated. What is decided reaches them late, and what they report is late
// too.
type rolledOut struct {
	choose  func(n int) int
	work    Workload
	policy  *v1alpha1.PlacementPolicy
	spec    v1alpha1.PlacementSpec
	sites   []*rollingSite
	surge   int64
	missing int64
	// losses says that clusters are lost at times. That there may be more pods then holds up no other.
	losses bool
}

type rollingSite struct {
	name         string
	replicas     int
	lost         bool
	template     string // that has reached it
	generation   int64
	most, fewest int // pods, and those available, while it replaces them; as they have reached it
	acted        bool
	pods         []rollingPod
	reported     v1alpha1.ClusterPlacementStatus
	broken       map[string]bool // templates of which no pod becomes available
}

type rollingPod struct {
	template  string
	available bool
}

func simulateRollout(choose func(n int) int) error {
	r := newRolledOut(choose)
	for range 1 + choose(60) {
		if choose(12) == 0 {
			r.change(choose(4) == 0)
		}
		for _, s := range r.sites {
			s.lost = r.losses && choose(20) == 0
			s.act(r, choose)
		}
		if err := r.tick(); err != nil {
			return err
		}
	}
	r.change(false)
	for range 60 * len(r.sites) {
		for _, s := range r.sites {
			s.lost = false
			s.act(r, func(int) int { return 0 })
		}
		if err := r.tick(); err != nil {
			return err
		}
		if !slices.ContainsFunc(r.sites, func(s *rollingSite) bool { return !s.hasAll(r.work.Template) }) {
			return nil
		}
	}
	return fmt.Errorf("it does not come to an end: %s", r)
}

// hasAll says whether all pods are of a template, and available, and no more than there are to be.
func (s *rollingSite) hasAll(template string) bool {
	return len(s.pods) == s.replicas && !slices.ContainsFunc(s.pods, func(p rollingPod) bool { return p.template != template || !p.available })
}

func newRolledOut(choose func(n int) int) *rolledOut {
	tolerance := func() *intstr.IntOrString {
		if choose(2) == 0 {
			return ptr.To(intstr.FromInt(choose(5)))
		}
		return ptr.To(intstr.FromString(strconv.Itoa(choose(5)*25) + "%"))
	}
	strategy := &appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: tolerance(), MaxUnavailable: tolerance()}}
	if choose(10) == 0 {
		strategy = &appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	}
	r := &rolledOut{
		choose: choose, losses: choose(2) == 0, work: Workload{Generation: 1, Template: "1", Rolling: &workload.Rolling{Strategy: strategy}},
		policy: &v1alpha1.PlacementPolicy{},
		spec:   v1alpha1.PlacementSpec{TemplateHash: "1", WorkloadGeneration: 1},
	}
	if choose(2) == 0 {
		r.policy.Spec.Move.ParallelClusters = ptr.To(int32(choose(3)))
	}
	for i := range 1 + choose(5) {
		s := &rollingSite{name: fmt.Sprint("c", i), replicas: choose(6), template: "1", generation: 1, acted: true, broken: map[string]bool{}}
		s.pods = slices.Repeat([]rollingPod{{"1", true}}, s.replicas)
		s.see()
		r.sites = append(r.sites, s)
		r.work.Replicas += int32(s.replicas)
		r.spec.Clusters = append(r.spec.Clusters, v1alpha1.ClusterAssignment{Name: s.name, Replicas: ptr.To(int32(s.replicas))})
	}
	r.spec.Replicas = &r.work.Replicas
	r.surge, r.missing = r.work.Rolling.Bounds(r.work.Replicas)
	return r
}

// change rolls out another template: a new one, of which it may be that no pod becomes available, or one that works of before.
func (r *rolledOut) change(broken bool) {
	r.work.Generation++
	r.work.Template = strconv.FormatInt(r.work.Generation, 10)
	if back := strconv.FormatInt(r.work.Generation-2, 10); !broken && r.choose(3) == 0 && !r.sites[0].broken[back] {
		r.work.Template = back
	}
	for _, s := range r.sites {
		s.broken[r.work.Template] = broken
	}
}

// tick decides anew, as if nothing were remembered but what is written, and looks at what must hold.
func (r *rolledOut) tick() error {
	in := Inputs{Policy: r.policy, Current: r.spec.DeepCopy()}
	for _, s := range r.sites {
		c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: s.name}}
		if !s.lost {
			c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
		}
		in.Clusters, in.Reports = append(in.Clusters, c), append(in.Reports, s.reported)
	}
	takeTurns(&r.spec, r.work, in)
	r.spec.WorkloadGeneration = r.work.Generation
	var pods, available, rolling int64
	for _, s := range r.sites {
		pods += int64(len(s.pods))
		templates := map[string]bool{}
		for _, p := range s.pods {
			if templates[p.template] = true; p.available {
				available++
			}
		}
		if len(templates) > 1 {
			rolling++
		}
	}
	n := int64(r.work.Replicas)
	if pods > n+r.surge && !r.losses || available < n-r.missing {
		return fmt.Errorf("%d pods, and %d available, of %d +%d -%d: %s", pods, available, n, r.surge, r.missing, r)
	}
	if most := int64(ptr.Deref(r.policy.Spec.Move.ParallelClusters, 0)); most > 0 && rolling > most {
		return fmt.Errorf("%d clusters replace pods at once: %s", rolling, r)
	}
	return nil
}

func (r *rolledOut) String() (out string) {
	for i, s := range r.sites {
		out += fmt.Sprintf("\n%s lost %t, has template %s, keeps %q, pods %+v", s.name, s.lost, s.template, r.spec.Clusters[i].TemplateHash, s.pods)
	}
	return out
}

// act has the cluster hear what was decided, replace pods as Kubernetes does, and be seen; each at times.
func (s *rollingSite) act(r *rolledOut, choose func(n int) int) {
	if !s.lost && choose(2) == 0 && r.spec.WorkloadGeneration == r.work.Generation {
		if template := workload.TemplateIn(&r.spec, s.name); template != s.template || s.generation != r.work.Generation {
			s.template, s.generation, s.acted = template, r.work.Generation, false
		}
		surge, missing := r.work.Rolling.BoundsIn(&r.spec, s.name, int32(s.replicas))
		s.most, s.fewest = s.replicas+int(surge), s.replicas-int(missing)
	}
	if choose(2) == 0 {
		s.acted = true
		s.replace(r.work.Rolling.Strategy.Type == appsv1.RecreateDeploymentStrategyType)
	}
	for i := range s.pods {
		if !s.broken[s.pods[i].template] && choose(2) == 0 {
			s.pods[i].available = true
		}
	}
	if !s.lost && choose(2) == 0 {
		s.see()
	}
}

// replace makes pods of the template, as many as may be, and takes others, those first that are not available.
func (s *rollingSite) replace(recreate bool) {
	old := func(p rollingPod) bool { return p.template != s.template }
	if recreate {
		s.pods = slices.DeleteFunc(s.pods, old)
	}
	count := func(is func(rollingPod) bool) (n int) {
		for _, p := range s.pods {
			if is(p) {
				n++
			}
		}
		return n
	}
	available := func(p rollingPod) bool { return p.available }
	for _, takes := range []func(rollingPod) bool{
		func(p rollingPod) bool {
			unready := count(func(p rollingPod) bool { return !old(p) && !p.available })
			return old(p) && !p.available && len(s.pods)-unready > s.fewest
		},
		func(p rollingPod) bool { return old(p) && p.available && count(available) > s.fewest },
	} {
		for i := slices.IndexFunc(s.pods, takes); i >= 0; i = slices.IndexFunc(s.pods, takes) {
			s.pods = slices.Delete(s.pods, i, i+1)
		}
	}
	for len(s.pods) < max(s.most, s.replicas) && len(s.pods)-count(old) < s.replicas {
		s.pods = append(s.pods, rollingPod{template: s.template})
	}
}

func (s *rollingSite) see() {
	s.reported = v1alpha1.ClusterPlacementStatus{Name: s.name, TemplateHash: s.template, Replicas: int32(len(s.pods))}
	if s.acted {
		s.reported.ObservedGeneration = s.generation
	}
	for _, p := range s.pods {
		if p.available {
			s.reported.AvailableReplicas++
		}
		if p.template == s.template {
			s.reported.UpdatedReplicas++
		}
	}
}
