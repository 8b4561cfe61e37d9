// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers"
)

// refusals are the requests that a client was not allowed to make.
type refusals struct {
	sync.Mutex
	seen []string
}

func (r *refusals) watch(config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err == nil && response.StatusCode == http.StatusForbidden && !ending(response) {
				r.Lock()
				defer r.Unlock()
				if what := request.Method + " " + request.URL.Path; !slices.Contains(r.seen, what) {
					r.seen = append(r.seen, what)
				}
			}
			return response, err
		})
	})
}

// ending says whether something is refused because its namespace is being terminated. That is nobody's lack of rights.
func ending(response *http.Response) bool {
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && bytes.Contains(body, []byte(corev1.NamespaceTerminatingCause))
}

func (r *refusals) list() []string {
	r.Lock()
	defer r.Unlock()
	return slices.Clone(r.seen)
}

// The controllers need no more than the role that is made for them.
func TestControllersByTheirRole(t *testing.T) {
	f, ctx := startFor(t, noControllers), t.Context()
	config := f.as(t, "drover-controllers", "system:drover:controllers")
	var refused refusals
	refused.watch(config)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	options := controllers.NewOptions()
	options.Identity = "test"
	go func() { ended <- options.Run(running, config) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})

	here := f.namespace(t)
	must[*corev1.Secret](t)(f.kube.CoreV1().Secrets("drover-system").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster-nowhere", Labels: map[string]string{v1alpha1.LabelCluster: "nowhere"}}, Data: map[string][]byte{"token": []byte("x")},
	}, metav1.CreateOptions{}))
	must[*v1alpha1.Cluster](t)(f.own.FederationV1alpha1().Clusters().Create(ctx, &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "nowhere"},
		Spec:       v1alpha1.ClusterSpec{Server: "https://127.0.0.1:1", CredentialsSecret: v1alpha1.SecretReference{Namespace: "drover-system", Name: "cluster-nowhere"}},
	}, metav1.CreateOptions{}))
	eventually(t, "the cluster has a status", func() string {
		if len(must[*v1alpha1.Cluster](t)(f.own.FederationV1alpha1().Clusters().Get(ctx, "nowhere", metav1.GetOptions{})).Status.Conditions) == 0 {
			return "not yet"
		}
		return ""
	})
	must[*v1alpha1.PlacementPolicy](t)(f.own.FederationV1alpha1().PlacementPolicies(here).Create(ctx, policy("all", v1alpha1.ClusterWeight{Name: "*", Weight: ptr.To[int64](1)}), metav1.CreateOptions{}))
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(here).Create(ctx, deployment("web", 1), metav1.CreateOptions{}))
	must[*corev1.Service](t)(f.kube.CoreV1().Services(here).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{}))
	must[*v1alpha1.TrafficPolicy](t)(f.own.FederationV1alpha1().TrafficPolicies(here).Create(ctx, &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, metav1.CreateOptions{}))
	eventually(t, "both are placed, and the policies and the deployment have a status", func() string {
		placements := must[*v1alpha1.PlacementList](t)(f.own.FederationV1alpha1().Placements(here).List(ctx, metav1.ListOptions{}))
		all := must[*v1alpha1.PlacementPolicy](t)(f.own.FederationV1alpha1().PlacementPolicies(here).Get(ctx, "all", metav1.GetOptions{}))
		web := must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(here).Get(ctx, "web", metav1.GetOptions{}))
		traffic := must[*v1alpha1.TrafficPolicy](t)(f.own.FederationV1alpha1().TrafficPolicies(here).Get(ctx, "web", metav1.GetOptions{}))
		if len(placements.Items) != 2 || len(all.Status.Conditions) == 0 || len(traffic.Status.Conditions) == 0 || len(web.Status.Conditions) == 0 {
			return fmt.Sprintf("%d placements, conditions %v and %v; refused: %v", len(placements.Items), all.Status.Conditions, web.Status.Conditions, refused.list())
		}
		return ""
	})
	if err := f.kube.CoreV1().Namespaces().Delete(ctx, here, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", func() string {
		if _, err := f.kube.CoreV1().Namespaces().Get(ctx, here, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprint("refused: ", refused.list())
		}
		return ""
	})
	if list := refused.list(); len(list) > 0 {
		t.Errorf("refused: %v", list)
	}
}
