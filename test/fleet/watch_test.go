// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/members"
	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

var selected = func(o *metav1.ListOptions) { o.LabelSelector = "watched=true" }

// run runs an informer until the test ends.
func run(t *testing.T, informer cache.SharedIndexInformer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { informer.RunWithContext(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatal("never synced")
	}
}

func write(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"watched": "true"}}}
	harness.Eventually(t, patience, func() error { // the first request may find its connection closed
		_, err := client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Create(t.Context(), config, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
}

func arrives(t *testing.T, informer cache.SharedIndexInformer, name string) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		if _, ok, err := informer.GetStore().GetByKey(metav1.NamespaceDefault + "/" + name); !ok {
			return fmt.Errorf("%s has not arrived, %w", name, err)
		}
		return nil
	})
}

// TestInformers sees typed informers and those of metadata go on after their watches were dropped, with and without what
// was missed meanwhile.
func TestInformers(t *testing.T) {
	c, client := one(t)
	metas, err := metadata.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	typed := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(selected)).Core().V1().ConfigMaps().Informer()
	bare := metadatainformer.NewFilteredMetadataInformer(metas, members.ConfigMaps, metav1.NamespaceAll, 0, cache.Indexers{}, selected).Informer()
	write(t, client, "before")
	for _, informer := range []cache.SharedIndexInformer{typed, bare} {
		run(t, informer)
	}
	for i, disturb := range []func(){
		func() {},
		c.DropWatches,
		func() { c.Compact(); c.DropWatches() },
		func() { fault(t, c, fleet.Faults{Refuse: true}); fault(t, c, fleet.Faults{}) },
	} {
		disturb()
		name := fmt.Sprintf("after-%d", i)
		write(t, client, name)
		arrives(t, typed, name)
		arrives(t, bare, name)
	}
	if err := client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Delete(t.Context(), "before", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		if n, m := len(typed.GetStore().List()), len(bare.GetStore().List()); n != 4 || m != 4 {
			return fmt.Errorf("after one of five was deleted, %d and %d are known", n, m)
		}
		return nil
	})
}

// TestWatchFrom sees a watch begin where it is told to, and 410 Gone where that is forgotten.
func TestWatchFrom(t *testing.T) {
	c, client := one(t)
	configs := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	write(t, client, "one")
	one, err := configs.Get(t.Context(), "one", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, client, "two")
	if e := firstEvent(t, client, one.ResourceVersion); e.Type != watch.Added || e.Object.(*corev1.ConfigMap).Name != "two" {
		t.Errorf("after one came %v", e)
	}
	c.Compact()
	write(t, client, "three")
	if e := firstEvent(t, client, one.ResourceVersion); !apierrors.IsResourceExpired(apierrors.FromObject(e.Object)) {
		t.Errorf("from a version that is forgotten came %v", e)
	}
}

func firstEvent(t *testing.T, client kubernetes.Interface, from string) watch.Event {
	t.Helper()
	w, err := client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Watch(t.Context(), metav1.ListOptions{ResourceVersion: from})
	var refused *apierrors.StatusError
	if errors.As(err, &refused) {
		return watch.Event{Type: watch.Error, Object: &refused.ErrStatus}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	return <-w.ResultChan()
}
