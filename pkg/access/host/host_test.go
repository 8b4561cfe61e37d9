// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var (
	alice  = &user.DefaultInfo{Name: "alice"}
	hosted = hostUser{alice}
)

// asked writes down what an authorizer is asked, and allows it.
type asked struct {
	authorizer.AuthorizerFunc
	authorizer.RuleResolver
	got []string
}

func newAsked() *asked {
	a := &asked{}
	a.AuthorizerFunc = func(_ context.Context, about authorizer.Attributes) (authorizer.Decision, string, error) {
		a.got = append(a.got, about.GetVerb()+" "+about.GetResource()+"."+about.GetAPIGroup()+about.GetPath())
		return authorizer.DecisionAllow, "", nil
	}
	return a
}

// Who is asked depends on where the user is from, not on the name; and the host is asked for Drover's own group alone.
func TestAuthorizer(t *testing.T) {
	for _, tt := range []struct {
		name      string
		who       user.Info
		verb      string
		group     string
		host, own string
		denied    bool
	}{
		{name: "the federation's", who: alice, verb: "get", group: "apps", own: "get deployments.apps"},
		{name: "the host's, natively", who: hosted, verb: "get", group: "apps", host: "get deployments.federation.drover.dev"},
		{name: "the host's, by the own group", who: hosted, verb: "create", group: v1alpha1.GroupName, host: "create deployments.federation.drover.dev"},
		{name: "the host's impersonates", who: hosted, verb: "impersonate", denied: true},
		{name: "the federation's impersonates", who: alice, verb: "impersonate", own: "impersonate deployments."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, own := newAsked(), newAsked()
			z := &Authorizer{host: host, own: own}
			a := authorizer.AttributesRecord{User: tt.who, Verb: tt.verb, APIGroup: tt.group, Resource: "deployments", ResourceRequest: true}
			decision, _, err := z.Authorize(t.Context(), a)
			if err != nil || (decision == authorizer.DecisionDeny) != tt.denied {
				t.Errorf("decision is %v, %v", decision, err)
			}
			if again := z.ConditionsAwareAuthorize(t.Context(), a); again.IsAllow() == tt.denied {
				t.Errorf("with conditions the decision is %v", again)
			}
			for what, is := range map[string][2]any{"host": {host.got, tt.host}, "federation": {own.got, tt.own}} {
				if got, want := is[0].([]string), is[1].(string); (want == "") != (len(got) == 0) || len(got) > 0 && got[0] != want {
					t.Errorf("the %s is asked %q, want %q", what, got, want)
				}
			}
		})
	}
}

func TestRulesOfTheHostsUsersAreNotGuessed(t *testing.T) {
	if rules, _, incomplete, err := (&Authorizer{own: newAsked()}).RulesFor(t.Context(), hosted, "default"); len(rules) > 0 || !incomplete || err == nil {
		t.Errorf("got %v, incomplete %v, %v", rules, incomplete, err)
	}
}

func lister(namespaces ...*corev1.Namespace) corelisters.NamespaceLister {
	store := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, ns := range namespaces {
		_ = store.Add(ns) // has a name
	}
	return corelisters.NewNamespaceLister(store)
}

func namespace(name, uid string) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	ns.UID = "uid-" + ns.UID
	if uid != "" {
		ns.Annotations = map[string]string{v1alpha1.AnnotationHostNamespace: uid}
	}
	return ns
}

func ending(ns *corev1.Namespace) *corev1.Namespace {
	now := metav1.Now()
	ns.DeletionTimestamp = &now
	return ns
}

func TestAdmitNamespace(t *testing.T) {
	for _, tt := range []struct {
		name         string
		who          user.Info
		host, own    *corev1.Namespace
		made         bool
		refused      func(error) bool
		hostSeesLate bool
	}{
		{name: "the host has it, the federation not", who: hosted, host: namespace("shop", ""), made: true},
		{name: "the host has it, and was not seen to", who: hosted, host: namespace("shop", ""), hostSeesLate: true, made: true},
		{name: "both have it", who: hosted, host: namespace("shop", ""), own: namespace("shop", "")},
		{name: "the host does not have it", who: hosted, own: namespace("shop", ""), refused: apierrors.IsNotFound},
		{name: "it ends at the host", who: hosted, host: ending(namespace("shop", "")), refused: apierrors.IsForbidden},
		{name: "the federation's own users do not need the host", who: alice, own: namespace("shop", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, own := fake.NewClientset(), fake.NewClientset()
			n := &Namespaces{host: host, own: own, hostLister: lister(), ownLister: lister()}
			if tt.host != nil {
				if _, err := host.CoreV1().Namespaces().Create(t.Context(), tt.host, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				if !tt.hostSeesLate {
					n.hostLister = lister(tt.host)
				}
			}
			if tt.own != nil {
				n.ownLister = lister(tt.own)
			}
			gvk := schema.GroupVersionKind{Group: v1alpha1.GroupName, Version: "v1alpha1", Kind: "Deployment"}
			attributes := admission.NewAttributesRecord(nil, nil, gvk, "shop", "web", v1alpha1.SchemeGroupVersion.WithResource("deployments"), "", admission.Create, nil, false, tt.who)
			err := n.Admit(t.Context(), attributes, nil)
			if tt.refused == nil && err != nil || tt.refused != nil && !tt.refused(err) {
				t.Errorf("admitted: %v", err)
			}
			_, err = own.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
			if made := err == nil; made != tt.made {
				t.Errorf("made in the federation: %v, want %v", made, tt.made)
			}
		})
	}
}

// Only what was made for a namespace of the host goes with it, and only if that is seen to be deleted.
func TestNamespaceGoesWithTheHosts(t *testing.T) {
	atHost := func(uid string) *corev1.Namespace {
		ns := namespace("shop", "")
		ns.UID = "host"
		if uid != "" {
			ns.UID = "another"
		}
		return ns
	}
	for _, tt := range []struct {
		name      string
		host, own *corev1.Namespace
		gone      bool
	}{
		{name: "made for it", host: ending(atHost("")), own: namespace("shop", "host"), gone: true},
		{name: "made for an earlier one", host: ending(atHost("another")), own: namespace("shop", "host")},
		{name: "made in the federation", host: ending(atHost("")), own: namespace("shop", "")},
		{name: "not deleted at the host", host: atHost(""), own: namespace("shop", "host")},
		{name: "missing at the host", host: namespace("other", ""), own: namespace("shop", "host")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own := fake.NewClientset(tt.own)
			n := &Namespaces{own: own, hostLister: lister(tt.host)}
			if _, err := n.reconcile(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			_, err := own.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
			if gone := apierrors.IsNotFound(err); gone != tt.gone {
				t.Errorf("gone: %v, want %v", gone, tt.gone)
			}
		})
	}
}

// Rights do not help against it.
func TestShield(t *testing.T) {
	const agent = "kube-controller-manager/v1.37.1 (linux/amd64) kubernetes/abc/system:serviceaccount:kube-system:generic-garbage-collector"
	for _, tt := range []struct {
		name      string
		who       user.Info
		namespace string
		verb      string
		agent     string
		want      int
	}{
		{"the federation's own namespace", hosted, v1alpha1.SystemNamespace, "list", "", http.StatusNotFound},
		{"for the federation's own users", alice, v1alpha1.SystemNamespace, "list", "", http.StatusOK},
		{"another namespace", hosted, "shop", "list", "", http.StatusOK},
		{"all namespaces", hosted, "", "list", "", http.StatusOK},
		{"the collector looks", hosted, "shop", "watch", agent, http.StatusOK},
		{"the collector deletes", hosted, "shop", "delete", agent, http.StatusForbidden},
		{"the collector orphans", hosted, "shop", "patch", agent, http.StatusForbidden},
		{"a namespace is emptied", hosted, "shop", "deletecollection", "kube-controller-manager/v1.37.1 namespace-controller", http.StatusOK},
		{"the federation's own user of that name", alice, "shop", "delete", agent, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := request.WithRequestInfo(request.WithUser(t.Context(), tt.who), &request.RequestInfo{IsResourceRequest: true, Namespace: tt.namespace, Verb: tt.verb})
			recorder, asked := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody).WithContext(ctx)
			asked.Header.Set("User-Agent", tt.agent)
			Shield(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), scheme.Codecs).ServeHTTP(recorder, asked)
			if recorder.Code != tt.want {
				t.Errorf("got %d, want %d", recorder.Code, tt.want)
			}
		})
	}
}

// The host is told of Drover's own group alone, the federation's users of all.
func TestOwnOpenAPI(t *testing.T) {
	const all = `{"paths":{"apis/apps/v1":{"serverRelativeURL":"/a"},"apis/federation.drover.dev/v1alpha1":{"serverRelativeURL":"/b"}}}`
	const own = `{"paths":{"apis/federation.drover.dev/v1alpha1":{"serverRelativeURL":"/b"}}}`
	served := OwnOpenAPI(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Etag", "all")
		_, _ = w.Write([]byte(all))
	}))
	for _, tt := range []struct {
		who  user.Info
		path string
		etag string
		want string
	}{
		{hosted, "/openapi/v3", "", own},
		{hosted, "/openapi/v3/", "", own},
		{hosted, "/openapi/v3", "all", own},
		{hosted, "/openapi/v3/apis/federation.drover.dev/v1alpha1", "", all},
		{alice, "/openapi/v3", "", all},
	} {
		recorder, asked := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, tt.path, http.NoBody).WithContext(request.WithUser(t.Context(), tt.who))
		if tt.etag != "" {
			asked.Header.Set("If-None-Match", tt.etag)
		}
		served.ServeHTTP(recorder, asked)
		if recorder.Code != http.StatusOK || recorder.Body.String() != tt.want {
			t.Errorf("%T at %s: got %d %s, want %s", tt.who, tt.path, recorder.Code, recorder.Body, tt.want)
		}
	}
}
