// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// patience is how long a test waits for what takes a second, on a machine that has much else to do.
const patience = 90 * time.Second

var (
	lab *harness.Lab
	// shared is the federation of all tests that leave it, and its members, as they are.
	shared *federation
	// fragile is the federation of the tests that break something in it, one at a time; see breaking.
	fragile *federation
)

// federation is a control plane, and what is joined to it.
type federation struct {
	*harness.Federation
	members map[string]*harness.Member
}

func TestMain(m *testing.M) {
	harness.EtcdMain()
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	var err error
	if lab, err = harness.NewLab("e2e"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := lab.Close(code != 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	start := time.Now()
	if err := startAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "two federations with %d members are ready (%.1fs)\n", len(shared.members)+len(fragile.members), time.Since(start).Seconds())
	parallelize()
	return m.Run()
}

// parallelize lets more tests run at once than there are processors, for nearly all they do is wait.
func parallelize() {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", "10") // cannot fail: the testing package has defined it
	}
}

func startAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	errs := make(chan error, 2)
	go func() {
		var err error
		shared, err = startFederation(ctx, "shared",
			harness.MemberOptions{Name: "east", Region: "us-east1", Zone: "us-east1-b"},
			harness.MemberOptions{Name: "west", Region: "us-west1", Zone: "us-west1-a"},
			harness.MemberOptions{Name: "eu", Region: "europe-west3", Zone: "europe-west3-c"})
		errs <- err
	}()
	go func() {
		var err error
		fragile, err = startFederation(ctx, "fragile", harness.MemberOptions{Name: "north", Region: "n"}, harness.MemberOptions{Name: "south", Region: "s"})
		errs <- err
	}()
	for range 2 {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// startFederation starts a federation and its members, and joins them.
func startFederation(ctx context.Context, name string, members ...harness.MemberOptions) (*federation, error) {
	f := &federation{members: map[string]*harness.Member{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	keep := func(do func() error) func() {
		return func() {
			if err := do(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		}
	}
	wg.Go(keep(func() (err error) {
		f.Federation, err = lab.StartFederation(ctx, name)
		return err
	}))
	for _, o := range members {
		wg.Go(keep(func() error {
			o.ReadyDelay = 300 * time.Millisecond
			o.Args = append(o.Args, "--node-cpu", "8") // two nodes: what tests of capacity count on
			m, err := lab.StartMember(ctx, o)
			mu.Lock()
			defer mu.Unlock()
			f.members[o.Name] = m
			return err
		}))
	}
	wg.Wait()
	for _, m := range f.members {
		if failed != nil {
			break
		}
		failed = f.Join(ctx, m)
	}
	return f, failed
}

// processes are all that the federation consists of.
func (f *federation) processes() []*harness.Process {
	out := []*harness.Process{f.Process}
	for _, m := range f.members {
		out = append(out, m.Process)
	}
	return out
}

var fragility sync.Mutex

// breaking gives a test the fragile federation, to break it. When the test ends, all is as it was before.
func breaking(t *testing.T) *federation {
	t.Helper()
	t.Parallel()
	start := time.Now()
	fragility.Lock()
	t.Logf("waited %.1fs for its turn", time.Since(start).Seconds())
	t.Cleanup(fragility.Unlock)
	t.Cleanup(func() {
		if err := fragile.restore(); err != nil {
			t.Errorf("the federation is not as it was: %v", err)
		}
	})
	harness.ReportOnFailure(t, fragile.processes()...)
	return fragile
}

// restore brings up again what was killed or suspended, and joins again what was unjoined.
func (f *federation) restore() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if exited(f.Process) {
		if err := f.Start(ctx); err != nil {
			return err
		}
	}
	for _, m := range f.members {
		m.Resume()
		if exited(m.Process) {
			if err := m.Start(ctx); err != nil {
				return err
			}
		}
		_, err := f.Plugin().Run(ctx, "join", m.Name, "--cluster-kubeconfig", m.Kubeconfig, "--renew", "--wait", "2m")
		if err != nil {
			return err
		}
	}
	return nil
}

func exited(p *harness.Process) bool {
	select {
	case <-p.Exited():
		return true
	default:
		return false
	}
}

// ready says why a cluster is not ready; nil if it is.
func (f *federation) ready(ctx context.Context, cluster string) error {
	c, err := f.Drover.FederationV1alpha1().Clusters().Get(ctx, cluster, getOptions)
	if err != nil {
		return err
	}
	if !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) {
		return fmt.Errorf("cluster %s is not ready: %+v", cluster, c.Status.Conditions)
	}
	return nil
}

// eventuallyNotReady waits until a cluster is known to be not ready, and returns why.
func (f *federation) eventuallyNotReady(t *testing.T, cluster string) (reason string) {
	t.Helper()
	took := harness.Eventually(t, patience, func() error {
		c, err := f.Drover.FederationV1alpha1().Clusters().Get(t.Context(), cluster, getOptions)
		if err != nil {
			return err
		}
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status == "True" {
			return fmt.Errorf("cluster %s has the condition %+v; want not ready", cluster, ready)
		}
		reason = ready.Reason
		return nil
	})
	t.Logf("cluster %s is known to be not ready after %.1fs: %s", cluster, took.Seconds(), reason)
	return reason
}

func names(members map[string]*harness.Member) []string {
	var out []string
	for name := range members {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
