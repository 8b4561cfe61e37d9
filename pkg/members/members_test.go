// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestCredentialsFrom(t *testing.T) {
	for _, tt := range []struct {
		name string
		data map[string]string
		want Credentials
		bad  bool
	}{
		{"a token", map[string]string{"token": "t"}, Credentials{Token: "t"}, false},
		{"a certificate", map[string]string{"tls.crt": "c", "tls.key": "k"}, Credentials{CertData: "c", KeyData: "k"}, false},
		{"a certificate without its key", map[string]string{"tls.crt": "c"}, Credentials{}, true},
		{"nothing", nil, Credentials{}, true},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "drover-system", Name: "cluster-east"}, Data: map[string][]byte{}}
		for key, value := range tt.data {
			secret.Data[key] = []byte(value)
		}
		got, err := CredentialsFrom(secret)
		if (err != nil) != tt.bad {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.bad {
			if !strings.Contains(err.Error(), "drover-system/cluster-east") || !strings.Contains(err.Error(), "--renew") {
				t.Errorf("%s: the error does not help: %v", tt.name, err)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestTrim(t *testing.T) {
	meta := func() metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Name: "web", ResourceVersion: "5", Generation: 2,
			Labels:      map[string]string{"a": "b", v1alpha1.LabelManaged: "true"},
			Annotations: map[string]string{"c": "d", v1alpha1.AnnotationFederation: "f", v1alpha1.AnnotationDigest: "x"},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)},
				{Manager: "drover", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)},
			},
		}
	}
	trimmed := meta()
	trimmed.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "drover", Operation: metav1.ManagedFieldsOperationApply, FieldsType: DigestFields(metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`))}}
	trimmed.Labels = map[string]string{v1alpha1.LabelManaged: "true"}
	trimmed.Annotations = map[string]string{v1alpha1.AnnotationFederation: "f", v1alpha1.AnnotationDigest: "x"}
	sliced, ofWeb := meta(), *trimmed.DeepCopy()
	sliced.Labels[discoveryv1.LabelServiceName] = "web"
	ofWeb.Labels[discoveryv1.LabelServiceName] = "web"
	stuck := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}
	for _, tt := range []struct {
		name     string
		in, want any
	}{
		{
			"a Deployment keeps its replicas and status",
			&appsv1.Deployment{ObjectMeta: meta(), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](3), Selector: &metav1.LabelSelector{}}, Status: appsv1.DeploymentStatus{Replicas: 2}},
			&appsv1.Deployment{ObjectMeta: trimmed, Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](3)}, Status: appsv1.DeploymentStatus{Replicas: 2}},
		},
		{
			"a Deployment keeps that its rollout was given up",
			&appsv1.Deployment{ObjectMeta: meta(), Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}, stuck}}},
			&appsv1.Deployment{ObjectMeta: trimmed, Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{stuck}}},
		},
		{
			"a Service keeps its status",
			&corev1.Service{ObjectMeta: meta(), Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.1"}, Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}}}}},
			&corev1.Service{ObjectMeta: trimmed, Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}}}}},
		},
		{
			"an Ingress keeps its status",
			&networkingv1.Ingress{ObjectMeta: meta(), Spec: networkingv1.IngressSpec{IngressClassName: ptr.To("nginx")}},
			&networkingv1.Ingress{ObjectMeta: trimmed},
		},
		{
			"an EndpointSlice keeps who is ready, and of which Service",
			&discoveryv1.EndpointSlice{ObjectMeta: sliced, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, NodeName: ptr.To("n"), Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}}},
			&discoveryv1.EndpointSlice{ObjectMeta: ofWeb, Endpoints: []discoveryv1.Endpoint{{Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}}},
		},
		{"anything else keeps its marks", &metav1.PartialObjectMetadata{ObjectMeta: meta()}, &metav1.PartialObjectMetadata{ObjectMeta: trimmed}},
		{"a tombstone passes", cache.DeletedFinalStateUnknown{Key: "k"}, cache.DeletedFinalStateUnknown{Key: "k"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := trim(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("trimmed (-want +got):\n%s", diff)
			}
			again, err := trim(got)
			if err != nil {
				t.Fatal(err)
			}
			if before, after := owned(tt.want), owned(again); before != after {
				t.Errorf("trimmed twice, the fields owned are another digest: %q of %q", after, before)
			}
		})
	}
}

func owned(obj any) string {
	if m, ok := obj.(metav1.Object); ok {
		return OwnedFields(m)
	}
	return ""
}

func TestOwnedFields(t *testing.T) {
	entry := func(manager string, operation metav1.ManagedFieldsOperationType, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	of := func(entries ...metav1.ManagedFieldsEntry) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{ManagedFields: entries}}
	}
	scaled := func(manager string) metav1.ManagedFieldsEntry {
		e := entry(manager, metav1.ManagedFieldsOperationApply, `{"f:spec":{"f:replicas":{}}}`)
		e.Subresource = "scale"
		return e
	}
	drover := entry("drover", metav1.ManagedFieldsOperationApply, `{"f:data":{"f:a":{}}}`)
	want := OwnedFields(of(drover))
	if want == "" {
		t.Fatal("nothing is owned")
	}
	for _, tt := range []struct {
		name string
		obj  *corev1.ConfigMap
		same bool
	}{
		{"others own more", of(entry("kubectl", metav1.ManagedFieldsOperationUpdate, `{"f:data":{"f:b":{}}}`), drover), true},
		{"it was written at another time", of(func() metav1.ManagedFieldsEntry { e := drover; e.Time = ptr.To(metav1.Now()); return e }()), true},
		{"another's replicas are at its scale", of(drover, scaled("kubectl")), true},
		{"it has scaled it, too", of(drover, scaled("drover")), false},
		{"a field was taken over", of(entry("drover", metav1.ManagedFieldsOperationApply, `{"f:data":{}}`)), false},
		{"nothing is owned", of(), false},
		{"what was updated, not applied, is not counted", of(entry("drover", metav1.ManagedFieldsOperationUpdate, `{"f:data":{"f:a":{}}}`)), false},
	} {
		if got := OwnedFields(tt.obj); (got == want) != tt.same {
			t.Errorf("%s: %q, first %q", tt.name, got, want)
		}
		trimmed, err := trim(tt.obj.DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		if got, cached := OwnedFields(tt.obj), OwnedFields(trimmed.(metav1.Object)); got != cached {
			t.Errorf("%s: %q as returned, %q as cached", tt.name, got, cached)
		}
	}
}

// Replicas are owned alike, whether they were applied with all the rest or by themselves.
func TestOwnedReplicas(t *testing.T) {
	of := func(fields string, scaled bool) *appsv1.Deployment {
		d := &appsv1.Deployment{}
		entry := metav1.ManagedFieldsEntry{Manager: "drover", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fields)}
		if d.ManagedFields = append(d.ManagedFields, entry); scaled {
			entry.FieldsV1, entry.Subresource = metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`), "scale"
			d.ManagedFields = append([]metav1.ManagedFieldsEntry{entry}, d.ManagedFields...)
		}
		return d
	}
	for _, tt := range []struct{ whole, rest string }{
		{`{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:paused":{},"f:replicas":{},"f:selector":{}}}`, `{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:paused":{},"f:selector":{}}}`},
		{`{"f:spec":{"f:replicas":{},"f:selector":{}}}`, `{"f:spec":{"f:selector":{}}}`},
		{`{"f:spec":{"f:paused":{},"f:replicas":{}}}`, `{"f:spec":{"f:paused":{}}}`},
	} {
		whole, scaled, left := of(tt.whole, false), of(tt.rest, true), of(tt.rest, false)
		if OwnedFields(whole) != OwnedFields(scaled) || !OwnsReplicas(whole) || !OwnsReplicas(scaled) {
			t.Errorf("%s: %q is owned if applied as a whole, %q if scaled", tt.whole, OwnedFields(whole), OwnedFields(scaled))
		}
		if OwnedFields(left) == OwnedFields(whole) || OwnsReplicas(left) {
			t.Errorf("%s: it does not tell whether replicas are owned", tt.rest)
		}
	}
	if scaled := of(`{}`, true); OwnedFields(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: scaled.ManagedFields[:1]}}) != "" {
		t.Error("what is only scaled is not owned")
	}
}

func TestSummarize(t *testing.T) {
	list := func(cpu, memory, pods string) corev1.ResourceList {
		return corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory), "pods": resource.MustParse(pods)}
	}
	node := func(ready corev1.ConditionStatus, zone string, change ...func(*corev1.Node)) corev1.Node {
		n := corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"topology.kubernetes.io/region": "us-east1", "topology.kubernetes.io/zone": zone}},
			Status:     corev1.NodeStatus{Capacity: list("4", "8Gi", "110"), Allocatable: list("3", "7Gi", "100"), Conditions: []corev1.NodeCondition{{Type: "MemoryPressure", Status: "True"}, {Type: "Ready", Status: ready}}},
		}
		n.Status.Capacity["example.com/gpu"] = resource.MustParse("1")
		for _, c := range change {
			c(&n)
		}
		return n
	}
	pod := func(node string, phase corev1.PodPhase, cpu string) corev1.Pod {
		return corev1.Pod{
			Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{
				{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}}, {},
			}},
			Status: corev1.PodStatus{Phase: phase},
		}
	}
	with := func(l corev1.ResourceList, name corev1.ResourceName, quantity string) corev1.ResourceList {
		l[name] = resource.MustParse(quantity)
		return l
	}
	cordoned := func(n *corev1.Node) { n.Spec.Unschedulable = true }
	unknown := func(n *corev1.Node) { n.Status.Conditions = nil }
	got := summarize(
		[]corev1.Node{node("True", "a"), node("True", "b"), node("False", "a"), node("Unknown", "a"), node("True", "a", cordoned), node("True", "a", unknown)},
		[]corev1.Pod{pod("n", "Running", "500m"), pod("n", "Pending", "250m"), pod("", "Pending", "9"), pod("n", "Succeeded", "9"), pod("n", "Failed", "9")},
	)
	want := Resources{
		Nodes: v1alpha1.NodeSummary{Total: 6, Ready: 2}, Region: "us-east1",
		Capacity: with(list("24", "48Gi", "660"), "example.com/gpu", "6"), Allocatable: list("6", "14Gi", "200"),
		Requested: corev1.ResourceList{"cpu": resource.MustParse("750m"), "pods": resource.MustParse("2")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if one := summarize([]corev1.Node{node("True", "a"), node("True", "a")}, nil); one.Zone != "a" {
		t.Errorf("zone %q of nodes that are all in a", one.Zone)
	}
	if none := summarize(nil, nil); none.Capacity == nil || len(none.Capacity) > 0 || none.Region != "" {
		t.Errorf("of no nodes: %+v", none)
	}
}

func TestConnectRefusesWhatCannotWork(t *testing.T) {
	if _, err := connect("east", endpoint{server: "https://10.0.0.1", caBundle: "no certificate"}, "t", newLimiter()); !errors.Is(err, ErrUnusableCA) {
		t.Errorf("an unusable CA: %v", err)
	}
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate either")}))
	if _, err := connect("east", endpoint{server: "https://10.0.0.1", caBundle: broken}, "t", newLimiter()); !errors.Is(err, ErrUnusableCA) {
		t.Errorf("a broken CA: %v", err)
	}
	if _, err := connect("east", endpoint{server: "https://10.0.0.1", certData: "x", keyData: "y"}, "", newLimiter()); err == nil || !strings.Contains(err.Error(), "cluster east") {
		t.Errorf("a broken certificate: %v", err)
	}
}

// serve answers as a member's API server would, and returns how it is reached.
func serve(t *testing.T, handler http.HandlerFunc) endpoint {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return endpoint{server: server.URL, caBundle: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))}
}

func TestProbe(t *testing.T) {
	ready, version := "ok", `{"gitVersion": "v1.37.1"}`
	var tokens []string
	ep := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/readyz":
			if ready == "" {
				http.Error(w, "[-]etcd failed", http.StatusInternalServerError)
				return
			}
			_, _ = io.WriteString(w, ready)
		case "/version":
			_, _ = io.WriteString(w, version)
		}
	})
	m, err := connect("east", ep, "first", newLimiter())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Probe(t.Context()); err != nil || got.KubernetesVersion != "v1.37.1" {
		t.Errorf("probe: %+v, %v", got, err)
	}
	m.token.Store(ptr.To("second"))
	version = "no JSON"
	if _, err := m.Probe(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "version: ") {
		t.Errorf("a version that is none: %v", err)
	}
	if diff := cmp.Diff([]string{"Bearer first", "Bearer first", "Bearer second", "Bearer second"}, tokens); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	ready = "[+]ping ok [-]etcd"
	if _, err := m.Probe(t.Context()); err == nil || err.Error() != "readyz: "+ready {
		t.Errorf("not ready: %v", err)
	}
	ready = ""
	if _, err := m.Probe(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "readyz: ") {
		t.Errorf("not ready: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// Releasing takes off Drover's marks and its fields, and nothing else; only if the object is still the one that was seen.
func TestReleasePatch(t *testing.T) {
	var patch map[string]any
	status := http.StatusOK
	ep := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch || r.URL.Path != "/apis/apps/v1/namespaces/default/deployments/web" || r.Header.Get("Content-Type") != "application/merge-patch+json" {
			t.Errorf("%s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status != http.StatusOK {
			_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)
			return
		}
		_, _ = io.WriteString(w, `{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "web"}}`)
	})
	m, err := connect("east", ep, "t", newLimiter())
	if err != nil {
		t.Fatal(err)
	}
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "web", UID: "uid-1", ResourceVersion: "7",
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "drover", Operation: "Apply"}, {Manager: "kubectl", Operation: "Update"}},
	}}
	if err := m.Release(t.Context(), Deployments, obj); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"metadata": map[string]any{
		"labels":        map[string]any{"federation.drover.dev/managed": nil},
		"annotations":   map[string]any{"federation.drover.dev/federation": nil, "federation.drover.dev/source-uid": nil, "federation.drover.dev/source-generation": nil, "federation.drover.dev/template-hash": nil, "federation.drover.dev/digest": nil},
		"managedFields": []any{map[string]any{"manager": "kubectl", "operation": "Update"}}, "uid": "uid-1", "resourceVersion": "7",
	}}
	if diff := cmp.Diff(want, patch); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	obj.ManagedFields = obj.ManagedFields[:1]
	if err := m.Release(t.Context(), Deployments, obj); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{map[string]any{}}, patch["metadata"].(map[string]any)["managedFields"]); diff != "" {
		t.Errorf("managed fields (-want +got):\n%s", diff)
	}
	status = http.StatusNotFound
	if err := m.Release(t.Context(), Deployments, obj); err != nil {
		t.Errorf("it is gone already: %v", err)
	}
}

func TestSet(t *testing.T) {
	ep := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "east"}, Spec: v1alpha1.ClusterSpec{Server: ep.server, CABundle: []byte(ep.caBundle)}}
	var gone []string
	set := NewSet(t.Context())
	set.Listen(Listener{Disconnected: func(name string) { gone = append(gone, name) }})
	first, err := set.Connect(cluster, Credentials{Token: "first"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Synced() {
		t.Error("it is synced, and has seen nothing")
	}
	same, err := set.Connect(cluster, Credentials{Token: "second"})
	if err != nil || same != first || *first.token.Load() != "second" {
		t.Errorf("a new token connects anew: %v", err)
	}
	cluster.Spec.TLSServerName = "kubernetes"
	second, err := set.Connect(cluster, Credentials{Token: "second"})
	if err != nil || second == first || set.Get("east") != second {
		t.Errorf("another endpoint does not: %v", err)
	}
	cluster.Spec.CABundle = []byte("broken")
	if _, err := set.Connect(cluster, Credentials{Token: "second"}); !errors.Is(err, ErrUnusableCA) || set.Get("east") != nil {
		t.Errorf("an unusable CA: %v; the member is still there: %v", err, set.Get("east") != nil)
	}
	set.Disconnect("east")
	set.DisconnectAll()
	if diff := cmp.Diff([]string{"east", "east"}, gone); diff != "" {
		t.Errorf("told of (-want +got):\n%s", diff)
	}
}

// Informers that back off from members that refuse connections hold nobody up for longer than patience goes, however many
// they are.
func TestDisconnectAllIsBounded(t *testing.T) {
	const count = 30
	set := NewSet(t.Context())
	for i := range count {
		m := &Member{Name: strconv.Itoa(i)}
		m.running, m.cancel = context.WithCancel(t.Context())
		backsOff := make(chan struct{})
		m.done.Go(func() { <-backsOff })
		t.Cleanup(func() { close(backsOff) })
		set.members[m.Name] = m
	}
	began := time.Now()
	set.DisconnectAll()
	if took := time.Since(began); took > count*stopPatience/2 {
		t.Errorf("it took %s: one member after another", took)
	}
	if left := set.List(); len(left) > 0 {
		t.Errorf("%d are left", len(left))
	}
}

// A kind that a member refuses keeps it from no other, unless nothing goes without it.
func TestRefused(t *testing.T) {
	lists := map[string]schema.GroupVersionKind{}
	for gvk := range scheme.Scheme.AllKnownTypes() {
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		lists[plural.GroupVersion().String()+"/"+plural.Resource] = gvk.GroupVersion().WithKind(gvk.Kind + "List")
	}
	for refused, synced := range map[schema.GroupVersionResource]bool{CronJobs: true, Deployments: true, Secrets: false} {
		ep := serve(t, func(w http.ResponseWriter, r *http.Request) {
			path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/apis/"), "/api/")
			switch {
			case path == refused.GroupVersion().String()+"/"+refused.Resource:
				http.Error(w, "no", http.StatusForbidden)
			case r.URL.Query().Get("sendInitialEvents") == "true":
				http.Error(w, "list first", http.StatusBadRequest)
			case r.URL.Query().Get("watch") != "":
				<-r.Context().Done()
			default:
				list := lists[path]
				if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
					list = metav1.SchemeGroupVersion.WithKind("PartialObjectMetadataList")
				}
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{
					"apiVersion": list.GroupVersion().String(), "kind": list.Kind, "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{},
				})
			}
		})
		set := NewSet(t.Context())
		connected := make(chan string, 1)
		set.Listen(Listener{Connected: func(name string) { connected <- name }})
		m, err := set.Connect(&v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "east"}, Spec: v1alpha1.ClusterSpec{Server: ep.server, CABundle: []byte(ep.caBundle)}}, Credentials{Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if synced {
			select {
			case <-connected:
			case <-time.After(time.Minute):
				t.Fatalf("without %s nothing is known of the others", refused)
			}
			if !apierrors.IsForbidden(m.Refused(refused)) || m.Refused(Services) != nil {
				t.Errorf("refused are %s: %v, and services: %v", refused, m.Refused(refused), m.Refused(Services))
			}
		} else if !cache.WaitForCacheSync(t.Context().Done(), func() bool { _, tried := m.refused.Load(refused); return tried }) || m.Synced() || m.Refused(refused) != nil {
			t.Errorf("without %s it goes on", refused)
		}
		set.DisconnectAll()
	}
}
