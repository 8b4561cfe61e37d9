// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func etcd(t *testing.T, f *federation) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + filepath.Join(f.dataDir, "etcd", "client.sock")}, DialTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // a test that is over
	return client
}

// Events end by themselves, after about an hour; nothing else does.
func TestEventsExpire(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	must[*corev1.Event](t)(f.kube.CoreV1().Events(namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "short"}, InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Namespace: namespace, Name: "web"},
	}, metav1.CreateOptions{}))
	must[*corev1.ConfigMap](t)(f.kube.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "long"}}, metav1.CreateOptions{}))
	client := etcd(t, f)
	for key, want := range map[string]time.Duration{
		"/registry/drover/events/" + namespace + "/short":    time.Hour,
		"/registry/drover/configmaps/" + namespace + "/long": 0,
	} {
		got, err := client.Get(ctx, key)
		if err != nil || len(got.Kvs) != 1 {
			t.Fatalf("%s: %d found, %v", key, got.Count, err)
		}
		if want == 0 {
			if got.Kvs[0].Lease != 0 {
				t.Errorf("%s has a lease", key)
			}
			continue
		}
		lease, err := client.TimeToLive(ctx, clientv3.LeaseID(got.Kvs[0].Lease))
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Duration(lease.TTL) * time.Second; left < want-time.Minute || left > want+5*time.Minute {
			t.Errorf("%s has %s left", key, left)
		}
	}
}

func TestEventsAreSelectedByWhatTheyAreOf(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	for name, kind := range map[string]string{"a": "Deployment", "b": "Service"} {
		must[*corev1.Event](t)(f.kube.CoreV1().Events(namespace).Create(ctx, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: name}, InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: "web", UID: "uid-" + "1"},
			Reason: "Tested", Type: corev1.EventTypeWarning, Source: corev1.EventSource{Component: "test"},
		}, metav1.CreateOptions{}))
	}
	for selector, want := range map[string]int{
		"involvedObject.kind=Deployment,involvedObject.name=web": 1, "involvedObject.uid=uid-1": 2, "type=Normal": 0, "type!=Normal": 2,
		"reason=Tested,source=test": 2, "involvedObject.namespace=" + namespace: 2, "metadata.name=b": 1,
	} {
		list, err := f.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil || len(list.Items) != want {
			t.Errorf("%s selects %d, want %d; %v", selector, len(list.Items), want, err)
		}
	}
	// As kubectl describe asks for the secrets of a type, and others for namespaces in a phase.
	if _, err := f.kube.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Opaque"}); err != nil {
		t.Error(err)
	}
	list, err := f.kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Active,metadata.name=" + namespace})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d namespaces, %v", len(list.Items), err)
	}
}

// Some kinds are selected by what they are, or how far they are.
func TestKindsAreSelectedByTheirFields(t *testing.T) {
	selectors := map[string][2]string{
		"Job":     {"status.successful=0", "status.successful=1"},
		"Service": {"spec.type=ClusterIP,spec.clusterIP!=None", "spec.clusterIP=None"},
	}
	eachKind(t, func(t *testing.T, s subject) {
		selector, ok := selectors[s.Kind.Kind]
		if !ok {
			t.Skip("has no such fields")
		}
		created := s.create(t, "selected")
		merge(t, created, s.status)
		if _, err := s.client().UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{1, 0} {
			list, err := s.client().List(t.Context(), metav1.ListOptions{FieldSelector: selector[i]})
			if err != nil || len(list.Items) != want {
				t.Errorf("%s selects %d, want %d; %v", selector[i], len(list.Items), want, err)
			}
		}
	})
}
