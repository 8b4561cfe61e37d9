// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"

	"drover.dev/drover/test/harness"
)

// Two API servers on three members of etcd: one of each dies under load, and nothing that was acknowledged is lost, nor do
// those who watch miss anything.
func TestReplicas(t *testing.T) {
	t.Parallel()
	etcd, err := lab.StartEtcdCluster(t.Context(), "replicas")
	if err != nil {
		t.Fatal(err)
	}
	first, err := lab.StartAPIServer(t.Context(), "first", etcd.Servers, etcd.Flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Kill)
	second, err := lab.StartReplica(t.Context(), "second", first, etcd.Servers, etcd.Flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Kill)
	harness.ReportOnFailure(t, first.Process, second.Process)
	address, err := lab.Balance(first.Config.Host, second.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(first.Config)
	config.Host = address
	config.Timeout = 0 // watches
	client := kubernetes.NewForConfigOrDie(config)
	harness.Eventually(t, patience, func() error {
		_, err := client.CoreV1().Namespaces().Get(t.Context(), "default", getOptions)
		return err
	})

	watching, stop := context.WithCancel(t.Context())
	factory := kubeinformers.NewSharedInformerFactoryWithOptions(client, 0, kubeinformers.WithNamespace("default"))
	seen := factory.Core().V1().ConfigMaps().Lister()
	factory.StartWithContext(watching)
	t.Cleanup(factory.Shutdown)
	t.Cleanup(stop)
	factory.WaitForCacheSync(watching.Done())

	load := newLoad(t, client)
	load.eventuallyAcknowledges(50)
	first.Kill()
	load.eventuallyAcknowledges(50)
	etcd.Kill(0)
	load.eventuallyAcknowledges(50)
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	load.eventuallyAcknowledges(50)
	second.Kill()
	load.eventuallyAcknowledges(50)
	written := load.stop()
	t.Logf("%d writes were acknowledged; the longest time without one was %.1fs", len(written), load.gap.Seconds())

	if err := second.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := etcd.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for name, server := range map[string]*harness.Server{"first": first, "second": second} {
		list, err := server.Kube.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{LabelSelector: "load"})
		if err != nil {
			t.Fatal(err)
		}
		lost := maps.Clone(written)
		for _, c := range list.Items {
			if written[c.Name] == c.Data["value"] {
				delete(lost, c.Name)
			}
		}
		if len(lost) > 0 {
			t.Errorf("the %s API server has lost %v", name, lost)
		}
	}
	harness.Eventually(t, patience, func() error { return hasSeen(seen, written) })
}

// hasSeen says what a watcher does not know of what was written.
func hasSeen(seen corelisters.ConfigMapLister, written map[string]string) error {
	for name, value := range written {
		c, err := seen.ConfigMaps("default").Get(name)
		if err != nil {
			return fmt.Errorf("who watches does not know of %s: %w", name, err)
		}
		if c.Data["value"] != value {
			return fmt.Errorf("who watches knows %s as %q, want %q", name, c.Data["value"], value)
		}
	}
	return nil
}

// load creates ConfigMaps and changes them, and remembers what was acknowledged.
type load struct {
	*testing.T
	client   kubernetes.Interface
	stopping context.CancelFunc
	writers  sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]string // by name, the value that was acknowledged last
	last         time.Time
	gap          time.Duration
}

func newLoad(t *testing.T, client kubernetes.Interface) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{T: t, client: client, stopping: cancel, acknowledged: map[string]string{}, last: time.Now()}
	for writer := range 4 {
		l.writers.Go(func() { l.write(ctx, writer) })
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// write writes until it is stopped, each thing until it is acknowledged: what is there already was written by an attempt whose
// answer was lost.
func (l *load) write(ctx context.Context, writer int) {
	configMaps := l.client.CoreV1().ConfigMaps("default")
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("load-%d-%d", writer, i)
		l.attempt(ctx, name, "created", func(ctx context.Context) error {
			c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"load": ""}}, Data: map[string]string{"value": "created"}}
			_, err := configMaps.Create(ctx, c, createOptions)
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		l.attempt(ctx, name, "changed", func(ctx context.Context) error {
			_, err := configMaps.Patch(ctx, name, types.MergePatchType, []byte(`{"data":{"value":"changed"}}`), patchOptions)
			if apierrors.IsNotFound(err) {
				l.Errorf("%s was created, and is not there", name)
			}
			return err
		})
	}
}

// attempt does one write until it is acknowledged. What is under way when the load stops is waited for.
func (l *load) attempt(ctx context.Context, name, value string, do func(context.Context) error) {
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err := do(one)
		cancel()
		if err != nil {
			continue
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acknowledged[name] = value
		l.gap, l.last = max(l.gap, time.Since(l.last)), time.Now()
		return
	}
}

// eventuallyAcknowledges waits until so many more things were written.
func (l *load) eventuallyAcknowledges(more int) {
	l.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.acknowledged)
	}
	want := count() + more
	harness.Eventually(l, patience, func() error {
		if got := count(); got < want {
			return fmt.Errorf("%d things were written, want %d", got, want)
		}
		return nil
	})
}

func (l *load) stop() map[string]string {
	l.stopping()
	l.writers.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acknowledged)
}
