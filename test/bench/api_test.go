//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/test/harness"
)

const (
	// listed is how many ConfigMaps a list is of, with 1 KiB in each.
	listed  = 1000
	content = 1 << 10
	// perSample is how many requests are made where another row has one sample: they are short, and of a thousand the ten slowest
	// are other ones each time.
	perSample = 40
)

// apiServer is one that is asked the same as the other.
type apiServer struct {
	name      string
	client    kubernetes.Interface
	namespace string
	watched   watch.Interface
}

// startAPIServer starts a drover apiserver on an etcd as the members have: one that does not wait for the disk, and is not in
// this process, where it would wait for what the clients are busy with.
func startAPIServer(b *testing.B) kubernetes.Interface {
	b.Helper()
	processes, err := harness.NewLab("bench-api")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = processes.Close(false) }) // a directory for temporary files may be left
	etcd, err := processes.StartEtcdApart(b.Context(), "api")
	if err != nil {
		b.Fatal(err)
	}
	server, err := processes.StartAPIServer(b.Context(), "api", etcd)
	if err != nil {
		b.Fatal(err)
	}
	kube, err := connect(server.Config)
	if err != nil {
		b.Fatal(err)
	}
	harness.Eventually(b, patience, func() error {
		_, err := kube.CoreV1().Namespaces().Get(b.Context(), metav1.NamespaceDefault, metav1.GetOptions{})
		return err
	})
	return kube
}

// apiServers are Drover's and a member's kube-apiserver, each with what is to be listed.
func apiServers(b *testing.B) []*apiServer {
	b.Helper()
	kube := startAPIServer(b)
	servers := []*apiServer{{name: "direct", client: lab.clusters[0].client}, {name: "drover", client: kube}}
	for _, s := range servers {
		ns, err := s.client.CoreV1().Namespaces().Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-api-"}}, metav1.CreateOptions{})
		if err != nil {
			b.Fatal(err)
		}
		s.namespace = ns.Name
		b.Cleanup(func() {
			_ = s.client.CoreV1().Namespaces().Delete(context.WithoutCancel(b.Context()), s.namespace, metav1.DeleteOptions{}) // what is left goes with the lab
		})
		for i := range listed {
			s.create(b, fmt.Sprintf("listed-%d", i))
		}
		s.watched, err = s.client.CoreV1().ConfigMaps(s.namespace).Watch(b.Context(), metav1.ListOptions{LabelSelector: "watched"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.watched.Stop)
	}
	return servers
}

func (s *apiServer) create(b *testing.B, name string) {
	b.Helper()
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}, Data: map[string]string{"content": strings.Repeat("x", content)}}
	if strings.HasPrefix(name, "one-") {
		c.Labels["watched"] = ""
	}
	if _, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(b.Context(), c, metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
}

// delivered waits until the watch tells of an event, and returns when that was.
func (s *apiServer) delivered(b *testing.B, want watch.EventType) time.Time {
	b.Helper()
	select {
	case event := <-s.watched.ResultChan():
		if event.Type != want {
			b.Fatalf("the watch of %s tells of %s %v, want %s", s.name, event.Type, event.Object, want)
		}
		return time.Now()
	case <-time.After(patience):
		b.Fatalf("the watch of %s tells of nothing", s.name)
		return time.Time{}
	}
}

// BenchmarkAPI is row h: one request to Drover's API server, and the same to a member's kube-apiserver.
func BenchmarkAPI(b *testing.B) {
	servers := apiServers(b)
	requests := []string{"create a ConfigMap", "a watch tells of it", "get it", "list 1,000"}
	took := map[string]figures{}
	for _, request := range requests {
		took[request] = figures{}
	}
	rounds := *samples * perSample
	for round := range rounds + 1 {
		for i := range servers {
			s := servers[(round+i)%len(servers)]
			one := s.requests(b, fmt.Sprintf("one-%d", round))
			for i, request := range requests {
				if round > 0 { // the first one is to warm up
					took[request][s.name] = append(took[request][s.name], one[i])
				}
			}
		}
	}
	for i, request := range requests {
		for _, p := range []int{50, 99} {
			report(b, row{key: fmt.Sprintf("h-%d-p%d", i, p), what: fmt.Sprintf("(h) %s, p%d of %d", request, p, rounds), took: took[request].percentile(p)})
		}
	}
}

// requests makes one of each request, and returns how long each took.
func (s *apiServer) requests(b *testing.B, name string) [4]time.Duration {
	b.Helper()
	ctx, configMaps := b.Context(), s.client.CoreV1().ConfigMaps(s.namespace)
	began := time.Now()
	told := make(chan time.Time, 1)
	go func() { told <- s.delivered(b, watch.Added) }()
	s.create(b, name)
	created := time.Now()
	watched := <-told
	getting := time.Now()
	if _, err := configMaps.Get(ctx, name, metav1.GetOptions{}); err != nil {
		b.Fatal(err)
	}
	got := time.Now()
	if err := configMaps.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		b.Fatal(err)
	}
	s.delivered(b, watch.Deleted)
	listing := time.Now()
	list, err := configMaps.List(ctx, metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	end := time.Now()
	if len(list.Items) < listed {
		b.Fatalf("%s lists %d, want %d", s.name, len(list.Items), listed)
	}
	return [4]time.Duration{created.Sub(began), watched.Sub(began), got.Sub(getting), end.Sub(listing)}
}
