// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
)

// expect compares errors with what they start with: the field, and what is wrong with it.
func expect(t *testing.T, errs field.ErrorList, want ...string) {
	t.Helper()
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	slices.Sort(got)
	slices.Sort(want)
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("errors (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func row(t *testing.T, name string) kind.Kind {
	t.Helper()
	for _, k := range Kinds() {
		if k.Kind == name {
			return k
		}
	}
	t.Fatalf("no kind %s", name)
	return kind.Kind{}
}

// defaulted is an object as it comes to validation.
func defaulted[T runtime.Object](obj T) T {
	scheme := runtime.NewScheme()
	AddDefaults(scheme)
	scheme.Default(obj)
	return obj
}

func deployment(change ...func(*appsv1.Deployment)) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}}},
	}}
	for _, c := range change {
		c(d)
	}
	return defaulted(d)
}

func TestDeployment(t *testing.T) {
	containers := func(list ...corev1.Container) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers = list }
	}
	for _, tt := range []struct {
		name   string
		change func(*appsv1.Deployment)
		want   []string
	}{
		{"plain", func(*appsv1.Deployment) {}, nil},
		{"by expression", func(d *appsv1.Deployment) {
			d.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "In", Values: []string{"web", "api"}}}}
		}, nil},
		{"negative replicas", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](-1) }, []string{"spec.replicas: Invalid value: -1: must be greater than or equal to 0"}},
		{"negative minReadySeconds", func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = -1 }, []string{"spec.minReadySeconds: Invalid value: -1"}},
		{"a negative limit of revisions", func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = ptr.To[int32](-1) }, []string{"spec.revisionHistoryLimit: Invalid value: -1"}},
		{"recreated", func(d *appsv1.Deployment) { d.Spec.Strategy.Type = "Recreate" }, nil},
		{"recreated, and rolling", func(d *appsv1.Deployment) {
			d.Spec.Strategy.Type, d.Spec.Strategy.RollingUpdate = "Recreate", &appsv1.RollingUpdateDeployment{}
		}, []string{"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"}},
		{"a strategy that is none", func(d *appsv1.Deployment) { d.Spec.Strategy.Type = "Some" }, []string{`spec.strategy: Unsupported value: {"type":"Some"}: supported values: "Recreate", "RollingUpdate"`}},
		{"no selector", func(d *appsv1.Deployment) { d.Spec.Selector = nil }, []string{"spec.selector: Required value", "spec.template.metadata.labels: Invalid value"}},
		{"an empty selector", func(d *appsv1.Deployment) { d.Spec.Selector = &metav1.LabelSelector{} }, []string{"spec.selector: Invalid value"}},
		{"a selector that is none", func(d *appsv1.Deployment) {
			d.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Like"}}
		}, []string{"spec.selector.matchExpressions[0].operator: Invalid value"}},
		{"a selector that does not match", func(d *appsv1.Deployment) { d.Spec.Template.Labels = nil }, []string{"spec.template.metadata.labels: Invalid value"}},
		{"a label that is none", func(d *appsv1.Deployment) { d.Spec.Template.Labels["no label"] = "x" }, []string{"spec.template.metadata.labels: Invalid value"}},
		{"an annotation that is none", func(d *appsv1.Deployment) { d.Spec.Template.Annotations = map[string]string{"no key": "x"} }, []string{"spec.template.metadata.annotations: Invalid value"}},
		{"no containers", containers(), []string{"spec.template.spec.containers: Required value"}},
		{"a container without name and image", containers(corev1.Container{}), []string{"spec.template.spec.containers[0].name: Required value", "spec.template.spec.containers[0].image: Required value"}},
		{"a container with a bad name", containers(corev1.Container{Name: "Web", Image: "x"}), []string{"spec.template.spec.containers[0].name: Invalid value: \"Web\""}},
		{"an image of blanks", containers(corev1.Container{Name: "web", Image: " "}), []string{"spec.template.spec.containers[0].image: Required value"}},
		{"two containers of a name", containers(corev1.Container{Name: "web", Image: "x"}, corev1.Container{Name: "web", Image: "x"}), []string{"spec.template.spec.containers[1].name: Duplicate value: \"web\""}},
		{"an init container of the name", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "web", Image: "x"}}
		}, []string{"spec.template.spec.containers[0].name: Duplicate value: \"web\""}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateDeployment(deployment(tt.change), nil), tt.want...) })
	}
	t.Run("updates", func(t *testing.T) {
		expect(t, validateDeployment(deployment(func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](9) }), deployment()))
		other := func(d *appsv1.Deployment) {
			d.Spec.Selector.MatchLabels, d.Spec.Template.Labels = map[string]string{"app": "x"}, map[string]string{"app": "x"}
		}
		errs := validateDeployment(deployment(other), deployment())
		expect(t, errs, "spec.selector: Invalid value")
		if !strings.HasSuffix(errs[0].Error(), "field is immutable") {
			t.Error(errs[0])
		}
	})
	if got := *deployment().Spec.Replicas; got != 1 {
		t.Errorf("%d replicas by default", got)
	}
	if got := *deployment(func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](0) }).Spec.Replicas; got != 0 {
		t.Errorf("0 replicas become %d", got)
	}
	strategy := deployment(func(d *appsv1.Deployment) {
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: ptr.To(intstr.FromInt32(1))}
	}).Spec.Strategy
	if strategy.Type != "RollingUpdate" || strategy.RollingUpdate.MaxUnavailable.String() != "25%" || strategy.RollingUpdate.MaxSurge.String() != "1" {
		t.Errorf("by default %+v", strategy)
	}
	if limit := deployment().Spec.RevisionHistoryLimit; *limit != 10 {
		t.Errorf("by default %d revisions", *limit)
	}
}

func service(change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}}}
	for _, c := range change {
		c(s)
	}
	return defaulted(s)
}

func TestService(t *testing.T) {
	ports := func(list ...corev1.ServicePort) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Spec.Ports = list }
	}
	for _, tt := range []struct {
		name   string
		change func(*corev1.Service)
		want   []string
	}{
		{"plain", func(*corev1.Service) {}, nil},
		{"two ports", ports(corev1.ServicePort{Name: "a", Port: 80}, corev1.ServicePort{Name: "b", Port: 443}), nil},
		{"one port, two protocols", ports(corev1.ServicePort{Name: "a", Port: 53}, corev1.ServicePort{Name: "b", Port: 53, Protocol: "UDP"}), nil},
		{"headless, without ports", func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.Ports = "None", nil }, nil},
		{"an external name", func(s *corev1.Service) {
			s.Spec = corev1.ServiceSpec{Type: "ExternalName", ExternalName: "example.com"}
		}, nil},
		{"an external name without one", func(s *corev1.Service) { s.Spec.Type = "ExternalName" }, []string{"spec.externalName: Required value"}},
		{"a type that is none", func(s *corev1.Service) { s.Spec.Type = "Balancer" }, []string{"spec.type: Unsupported value: \"Balancer\""}},
		{"no ports", ports(), []string{"spec.ports: Required value"}},
		{"a selector that is none", func(s *corev1.Service) { s.Spec.Selector = map[string]string{"no key": ""} }, []string{"spec.selector: Invalid value"}},
		{"two ports, one without name", ports(corev1.ServicePort{Port: 80}, corev1.ServicePort{Name: "b", Port: 443}), []string{"spec.ports[0].name: Required value"}},
		{"two ports of a name", ports(corev1.ServicePort{Name: "a", Port: 80}, corev1.ServicePort{Name: "a", Port: 443}), []string{"spec.ports[1].name: Duplicate value: \"a\""}},
		{"two ports of a number", ports(corev1.ServicePort{Name: "a", Port: 80}, corev1.ServicePort{Name: "b", Port: 80}), []string{"spec.ports[1]: Duplicate value: \"80/TCP\""}},
		{"a port name that is none", ports(corev1.ServicePort{Name: "A", Port: 80}), []string{"spec.ports[0].name: Invalid value: \"A\""}},
		{"a port out of range", ports(corev1.ServicePort{Port: 65536}), []string{"spec.ports[0].port: Invalid value: 65536", "spec.ports[0].targetPort: Invalid value: 65536"}},
		{"a target port that is no name", ports(corev1.ServicePort{Port: 80, TargetPort: intstr.FromString("h!")}), []string{"spec.ports[0].targetPort: Invalid value: \"h!\""}},
		{"a protocol that is none", ports(corev1.ServicePort{Port: 80, Protocol: "HTTP"}), []string{"spec.ports[0].protocol: Unsupported value: \"HTTP\""}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateService(service(tt.change), nil), tt.want...) })
	}
	want := corev1.ServiceSpec{
		Type: "ClusterIP", SessionAffinity: "None", Selector: map[string]string{"app": "web"},
		Ports: []corev1.ServicePort{{Port: 80, Protocol: "TCP", TargetPort: intstr.FromInt32(80)}},
	}
	if diff := cmp.Diff(want, service().Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	given := service(ports(corev1.ServicePort{Port: 53, Protocol: "UDP", TargetPort: intstr.FromString("dns")}))
	if p := given.Spec.Ports[0]; p.Protocol != "UDP" || p.TargetPort.StrVal != "dns" {
		t.Errorf("defaults overwrite what is given: %+v", p)
	}
}

func TestIngress(t *testing.T) {
	backend := func() networkingv1.IngressBackend {
		return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	}
	ingress := func(host string, change func(*networkingv1.HTTPIngressPath)) *networkingv1.Ingress {
		path := networkingv1.HTTPIngressPath{Path: "/", PathType: ptr.To(networkingv1.PathTypePrefix), Backend: backend()}
		change(&path)
		return &networkingv1.Ingress{Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{path}}}}}}}
	}
	as := func(host string) *networkingv1.Ingress {
		return ingress(host, func(*networkingv1.HTTPIngressPath) {})
	}
	path := func(change func(*networkingv1.HTTPIngressPath)) *networkingv1.Ingress { return ingress("", change) }
	none, both := networkingv1.IngressBackend{}, backend()
	both.Resource = &corev1.TypedLocalObjectReference{Name: "bucket"}
	const at = "spec.rules[0].http.paths[0]"
	for _, tt := range []struct {
		name    string
		ingress *networkingv1.Ingress
		want    []string
	}{
		{"plain", as("web.example.com"), nil},
		{"a wildcard", as("*.example.com"), nil},
		{"a default backend", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{DefaultBackend: ptr.To(backend())}}, nil},
		{"a rule without paths", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "a.b"}}}}, nil},
		{"any path, as the class reads it", path(func(p *networkingv1.HTTPIngressPath) {
			p.PathType, p.Path = ptr.To(networkingv1.PathTypeImplementationSpecific), ""
		}), nil},
		{"a backend that is no Service", path(func(p *networkingv1.HTTPIngressPath) {
			p.Backend = networkingv1.IngressBackend{Resource: &corev1.TypedLocalObjectReference{Name: "bucket"}}
		}), nil},
		{"nothing", &networkingv1.Ingress{}, []string{"spec: Invalid value"}},
		{"a host that is none", as("Web"), []string{"spec.rules[0].host: Invalid value: \"Web\""}},
		{"a wildcard in the middle", as("a.*.com"), []string{"spec.rules[0].host: Invalid value: \"a.*.com\""}},
		{"an empty list of paths", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}}}}, []string{"spec.rules[0].http.paths: Required value"}},
		{"no path type", path(func(p *networkingv1.HTTPIngressPath) { p.PathType = nil }), []string{at + ".pathType: Required value"}},
		{"a path type that is none", path(func(p *networkingv1.HTTPIngressPath) { p.PathType = ptr.To(networkingv1.PathType("Regex")) }), []string{at + ".pathType: Unsupported value: \"Regex\""}},
		{"a relative path", path(func(p *networkingv1.HTTPIngressPath) { p.Path = "a" }), []string{at + ".path: Invalid value: \"a\": must be an absolute path"}},
		{"no backend", path(func(p *networkingv1.HTTPIngressPath) { p.Backend = none }), []string{at + ".backend: Required value"}},
		{"two backends", path(func(p *networkingv1.HTTPIngressPath) { p.Backend = both }), []string{at + ".backend: Invalid value"}},
		{"a Service without name and port", path(func(p *networkingv1.HTTPIngressPath) {
			p.Backend.Service = &networkingv1.IngressServiceBackend{}
		}), []string{at + ".backend.service.name: Required value", at + ".backend.service.port: Required value"}},
		{"a port by name and number", path(func(p *networkingv1.HTTPIngressPath) { p.Backend.Service.Port.Name = "http" }), []string{at + ".backend.service.port: Invalid value: \"http\""}},
		{"a port out of range", path(func(p *networkingv1.HTTPIngressPath) { p.Backend.Service.Port.Number = 70000 }), []string{at + ".backend.service.port.number: Invalid value: 70000"}},
		{"a default backend without a port", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web"}}}}, []string{"spec.defaultBackend.service.port: Required value"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateIngress(tt.ingress, nil), tt.want...) })
	}
}

func TestConfigMap(t *testing.T) {
	big := strings.Repeat("x", maxConfigSize)
	for _, tt := range []struct {
		name     string
		new, old *corev1.ConfigMap
		want     []string
	}{
		{"plain", &corev1.ConfigMap{Data: map[string]string{"a.b-c_d": "x"}, BinaryData: map[string][]byte{"b": {0}}}, nil, nil},
		{"as large as may be", &corev1.ConfigMap{Data: map[string]string{"a": big}}, nil, nil},
		{"too large together", &corev1.ConfigMap{Data: map[string]string{"a": big}, BinaryData: map[string][]byte{"b": {0}}}, nil, []string{"[]: Too long: may not be more than 1048576 bytes"}},
		{"a key that is none", &corev1.ConfigMap{Data: map[string]string{"a/b": ""}}, nil, []string{"data[a/b]: Invalid value: \"a/b\""}},
		{"a binary key that is none", &corev1.ConfigMap{BinaryData: map[string][]byte{"..": nil}}, nil, []string{"binaryData[..]: Invalid value: \"..\""}},
		{"a key in both", &corev1.ConfigMap{Data: map[string]string{"a": ""}, BinaryData: map[string][]byte{"a": nil}}, nil, []string{"data[a]: Invalid value: \"a\": duplicate of key present in binaryData"}},
		{"made immutable", &corev1.ConfigMap{Immutable: ptr.To(true), Data: map[string]string{"a": ""}}, &corev1.ConfigMap{}, nil},
		{"immutable, and the same", &corev1.ConfigMap{Immutable: ptr.To(true), Data: map[string]string{"a": ""}}, &corev1.ConfigMap{Immutable: ptr.To(true), Data: map[string]string{"a": ""}}, nil},
		{"immutable, and changed", &corev1.ConfigMap{Data: map[string]string{"a": "x"}, BinaryData: map[string][]byte{"b": nil}}, &corev1.ConfigMap{Immutable: ptr.To(true)}, []string{"immutable: Forbidden", "data: Forbidden", "binaryData: Forbidden"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateConfigMap(tt.new, tt.old), tt.want...) })
	}
}

func TestSecret(t *testing.T) {
	of := func(kind corev1.SecretType, keys ...string) *corev1.Secret {
		s := &corev1.Secret{Type: kind, Data: map[string][]byte{}}
		for _, key := range keys {
			s.Data[key] = []byte("x")
		}
		return s
	}
	frozen := func(s *corev1.Secret) *corev1.Secret { s.Immutable = ptr.To(true); return s }
	for _, tt := range []struct {
		name     string
		new, old *corev1.Secret
		want     []string
	}{
		{"plain", of("Opaque", "a"), nil, nil},
		{"a type of one's own", of("example.com/x"), nil, nil},
		{"TLS", of("kubernetes.io/tls", "tls.crt", "tls.key"), nil, nil},
		{"TLS without a key", of("kubernetes.io/tls", "tls.crt"), nil, []string{"data[tls.key]: Required value"}},
		{"a registry without its configuration", of("kubernetes.io/dockerconfigjson"), nil, []string{"data[.dockerconfigjson]: Required value"}},
		{"an SSH key without one", of("kubernetes.io/ssh-auth"), nil, []string{"data[ssh-privatekey]: Required value"}},
		{"a key that is none", of("Opaque", "a b"), nil, []string{"data[a b]: Invalid value: \"a b\""}},
		{"too large", &corev1.Secret{Data: map[string][]byte{"a": make([]byte, maxConfigSize+1)}}, nil, []string{"data: Too long"}},
		{"another type", of("x"), of("Opaque"), []string{"type: Invalid value"}},
		{"immutable, and the same", frozen(of("Opaque", "a")), frozen(of("Opaque", "a")), nil},
		{"immutable, and changed", of("Opaque", "b"), frozen(of("Opaque", "a")), []string{"immutable: Forbidden", "data: Forbidden"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateSecret(tt.new, tt.old), tt.want...) })
	}
	if got := defaulted(&corev1.Secret{}); got.Type != "Opaque" {
		t.Errorf("type %q by default", got.Type)
	}
	folded := &corev1.Secret{Data: map[string][]byte{"a": []byte("1"), "b": []byte("1")}, StringData: map[string]string{"b": "2", "c": "2"}}
	row(t, "Secret").Prepare(folded, nil)
	if diff := cmp.Diff(&corev1.Secret{Data: map[string][]byte{"a": []byte("1"), "b": []byte("2"), "c": []byte("2")}}, folded); diff != "" {
		t.Errorf("stringData (-want +got):\n%s", diff)
	}
	only := &corev1.Secret{StringData: map[string]string{"a": "1"}}
	row(t, "Secret").Prepare(only, nil)
	if string(only.Data["a"]) != "1" {
		t.Errorf("stringData alone: %v", only.Data)
	}
}

func TestLease(t *testing.T) {
	lease := func(duration, transitions int32) *coordinationv1.Lease {
		return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: &duration, LeaseTransitions: &transitions}}
	}
	expect(t, validateLease(&coordinationv1.Lease{}, nil))
	expect(t, validateLease(lease(1, 0), nil))
	expect(t, validateLease(lease(0, -1), nil), "spec.leaseDurationSeconds: Invalid value: 0", "spec.leaseTransitions: Invalid value: -1")
}

func TestNamespace(t *testing.T) {
	k := row(t, "Namespace")
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NamespaceStatus{Phase: "Terminating"}}
	k.Prepare(made, nil)
	want := &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"kubernetes.io/metadata.name": "a"}},
		Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{"kubernetes"}}, Status: corev1.NamespaceStatus{Phase: "Active"},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	updated := &corev1.Namespace{}
	k.Prepare(updated, made)
	if diff := cmp.Diff(made.Spec, updated.Spec); diff != "" {
		t.Errorf("an update changes the finalizers (-before +after):\n%s", diff)
	}
	// Who selects namespaces by their name must not be misled.
	relabelled := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"kubernetes.io/metadata.name": "b"}}}
	k.Prepare(relabelled, made)
	if got := relabelled.Labels[corev1.LabelMetadataName]; got != "a" {
		t.Errorf("an update names the namespace %q in its label", got)
	}
	if len(k.ValidateName("a-b")) > 0 || len(k.ValidateName("a.b")) == 0 {
		t.Error("names of namespaces are not DNS labels")
	}
}
