// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"
	discoveryfake "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	droverfake "drover.dev/drover/pkg/generated/clientset/versioned/fake"
)

const (
	federationUID = "federation-uid"
	memberURL     = "https://10.0.0.1:6443"
)

var expires = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// world is a federation and a member to be, both fakes.
type world struct {
	out                bytes.Buffer
	federation, member *kubefake.Clientset
	drover             *droverfake.Clientset
	// denied are the accesses the member refuses, as verb and resource.
	denied map[string]bool
}

func newWorld(objects ...runtime.Object) *world {
	w := &world{denied: map[string]bool{}}
	w.federation = kubefake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.SystemNamespace, UID: federationUID}})
	w.drover = droverfake.NewSimpleClientset(objects...)
	w.drover.Discovery().(*discoveryfake.FakeDiscovery).Resources = []*metav1.APIResourceList{{GroupVersion: v1alpha1.SchemeGroupVersion.String()}}
	w.drover.PrependReactor("create", "clusters", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create := action.(clienttesting.CreateActionImpl)
		return len(create.CreateOptions.DryRun) > 0, create.Object, nil // the fake would store it
	})
	w.member = kubefake.NewClientset()
	w.member.Discovery().(*discoveryfake.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.37.1"}
	w.member.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		at := review.Spec.ResourceAttributes
		review.Status.Allowed = !w.denied[at.Verb+" "+at.Resource]
		return true, review, nil
	})
	w.member.PrependReactor("create", "serviceaccounts/token", func(action clienttesting.Action) (bool, runtime.Object, error) {
		request := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest).DeepCopy()
		request.Status = authenticationv1.TokenRequestStatus{Token: "the-token", ExpirationTimestamp: metav1.NewTime(expires)}
		return true, request, nil
	})
	return w
}

func (w *world) streams() Streams {
	return Streams{In: strings.NewReader(""), Out: &w.out, ErrOut: &w.out}
}

func (w *world) progress() *progress { return &progress{out: &w.out, now: time.Now} }

func (w *world) connectFederation() *federation {
	return &federation{kube: w.federation, drover: w.drover, connection: &connection{
		kubeconfig: kubeconfig{fileFlag: kubeconfigFlag, contextFlag: contextFlag, needs: needsFederation}, name: "the federation",
		files: "admin.kubeconfig", contextName: "federation", contexts: []string{"federation"},
		config: &rest.Config{Host: "https://127.0.0.1:7443"},
	}}
}

func (w *world) connectMember(name string) *member {
	return &member{
		kube: w.member, withToken: func(string) (kubernetes.Interface, error) { return w.member, nil },
		connection: &connection{
			kubeconfig: kubeconfig{file: "east.kubeconfig", fileFlag: clusterKubeconfigFlag, contextFlag: clusterContextFlag, needs: needsMember}, name: "cluster " + name,
			files: "east.kubeconfig", contextName: "admin@east", contexts: []string{"admin@east", "dev@east"}, clusterName: "east", userName: "admin",
			config: &rest.Config{Host: memberURL, TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), ServerName: "kubernetes"}},
		},
	}
}

func (w *world) join(name string, change ...func(*JoinOptions)) *join {
	o := NewJoinOptions(w.streams(), &FederationOptions{})
	o.Name, o.Wait = name, 0
	for _, change := range change {
		change(o)
	}
	return &join{
		JoinOptions: o, progress: w.progress(), federation: w.connectFederation(), member: w.connectMember(name),
		poll: time.Millisecond, patience: 10 * time.Millisecond,
	}
}

func (w *world) unjoin(name string, change ...func(*UnjoinOptions)) *unjoin {
	o := NewUnjoinOptions(w.streams(), &FederationOptions{})
	o.Name, o.Timeout = name, 50*time.Millisecond
	for _, change := range change {
		change(o)
	}
	return &unjoin{UnjoinOptions: o, progress: w.progress(), federation: w.connectFederation(), poll: time.Millisecond}
}

// cluster returns a Cluster as join makes it.
func cluster(name, server string) *v1alpha1.Cluster {
	return &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name + "-uid"), Finalizers: []string{v1alpha1.FinalizerLeave}},
		Spec:       v1alpha1.ClusterSpec{Server: server},
	}
}

// claimed returns a member's namespace as join makes it.
func claimed(federation, cluster string) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.SystemNamespace, UID: "member-uid"}}
	claim{federation: federation, server: "https://127.0.0.1:7443", cluster: cluster}.mark(ns)
	return ns
}

func add(t *testing.T, tracker clienttesting.ObjectTracker, objects ...runtime.Object) {
	t.Helper()
	for _, object := range objects {
		if err := tracker.Add(object); err != nil {
			t.Fatal(err)
		}
	}
}

// writes are what was written to a fake, as verb and resource; questions and dry runs are none.
func writes(fake *clienttesting.Fake) []string {
	var out []string
	for _, action := range fake.Actions() {
		switch a := action.(type) {
		case clienttesting.CreateActionImpl:
			if len(a.CreateOptions.DryRun) > 0 || strings.HasSuffix(a.Resource.Resource, "reviews") {
				continue
			}
		case clienttesting.UpdateActionImpl, clienttesting.PatchActionImpl, clienttesting.DeleteActionImpl:
		default:
			continue
		}
		resource := action.GetResource().Resource
		if action.GetSubresource() != "" {
			resource += "/" + action.GetSubresource()
		}
		out = append(out, action.GetVerb()+" "+resource)
	}
	return out
}

// wantError checks that an error says everything it must.
func wantError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", says)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
}

func forbidden(resource, name string) error {
	return apierrors.NewForbidden(corev1.Resource(resource), name, nil)
}
