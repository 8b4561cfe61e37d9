// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// placed is the Placement of a Service in the clusters that report.
func placed(kind, name string, reports ...v1alpha1.ClusterPlacementStatus) *v1alpha1.Placement {
	p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: v1alpha1.PlacementName(kind, name)}}
	p.Spec.Workload = v1alpha1.WorkloadReference{Kind: kind, Name: name}
	for _, r := range reports {
		p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterAssignment{Name: r.Name})
	}
	p.Status.Clusters = reports
	return p
}

// report is what a cluster reports that serves at an address.
func report(cluster, ip string, ready int32) v1alpha1.ClusterPlacementStatus {
	return v1alpha1.ClusterPlacementStatus{Name: cluster, ReadyEndpoints: ready, Addresses: []v1alpha1.Address{{IP: ip}}}
}

// backend is what a snapshot has of such a cluster.
func backend(cluster, ip string, ready int32, change ...func(*snapshot.Backend)) snapshot.Backend {
	b := snapshot.Backend{Cluster: cluster, Addresses: []string{ip}, ReadyEndpoints: &ready, Health: snapshot.Health{State: snapshot.Healthy}}
	if ready == 0 {
		b.State = snapshot.Unhealthy
	}
	for _, c := range change {
		c(&b)
	}
	return b
}

func weighing(weight, priority int32) func(*snapshot.Backend) {
	return func(b *snapshot.Backend) { b.Weight, b.Priority = &weight, priority }
}

func web(ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: ports}}
}

func policy(name string, spec v1alpha1.TrafficPolicySpec) *v1alpha1.TrafficPolicy {
	p := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: spec}
	v1alpha1.SetObjectDefaults_TrafficPolicy(p)
	return p
}

func TestService(t *testing.T) {
	leaving := placed("Service", "web", report("east", "192.0.2.1", 2), report("west", "192.0.2.2", 1))
	leaving.Spec.Clusters = leaving.Spec.Clusters[:1]
	withdrawn := placed("Service", "web", report("east", "192.0.2.1", 2), report("west", "192.0.2.2", 1))
	withdrawn.Spec.Clusters[1].Traffic = &v1alpha1.AssignedTraffic{State: v1alpha1.TrafficLeaving}
	coming := placed("Service", "web")
	coming.Spec.Clusters = []v1alpha1.ClusterAssignment{{Name: "east"}}
	away := report("west", "192.0.2.2", 3)
	away.Reason = v1alpha1.ReasonNotConnected
	odd := v1alpha1.ClusterPlacementStatus{Name: "east", ReadyEndpoints: 1, Addresses: []v1alpha1.Address{
		{IP: "::ffff:192.0.2.1"}, {IP: "192.0.2.1"}, {IP: "2001:DB8::1"}, {IP: "no address"}, {Hostname: "LB.example.com."}, {Hostname: "b.example.com"}, {Hostname: "a_b"},
	}}
	both := placed("Service", "web", report("east", "192.0.2.1", 2), report("west", "192.0.2.2", 1))
	for _, tt := range []struct {
		name      string
		service   *corev1.Service
		placement *v1alpha1.Placement
		policies  []*v1alpha1.TrafficPolicy
		want      snapshot.Service
	}{
		{"not placed yet", web(), nil, nil, snapshot.Service{}},
		{"ports: the named ones", web(corev1.ServicePort{Name: "http", Port: 80}, corev1.ServicePort{Port: 81}, corev1.ServicePort{Name: "dns", Port: 53, Protocol: "UDP"}), nil, nil, snapshot.Service{
			Ports: []snapshot.Port{{Name: "http", Protocol: "TCP", Port: 80}, {Name: "dns", Protocol: "UDP", Port: 53}},
		}},
		{"ready, and not", web(), placed("Service", "web", report("east", "192.0.2.1", 2), report("west", "192.0.2.2", 0)), nil, snapshot.Service{
			Backends: []snapshot.Backend{backend("east", "192.0.2.1", 2), backend("west", "192.0.2.2", 0)},
		}},
		{"out of contact: what it reported last", web(), placed("Service", "web", away), nil, snapshot.Service{
			Backends: []snapshot.Backend{backend("west", "192.0.2.2", 3, func(b *snapshot.Backend) { b.State = snapshot.Unknown })},
		}},
		{"leaving a cluster", web(), leaving, nil, snapshot.Service{
			Backends: []snapshot.Backend{backend("east", "192.0.2.1", 2), backend("west", "192.0.2.2", 1, func(b *snapshot.Backend) { b.Draining = true })},
		}},
		{"its clients are led elsewhere first", web(), withdrawn, nil, snapshot.Service{
			Backends: []snapshot.Backend{backend("east", "192.0.2.1", 2), backend("west", "192.0.2.2", 1, func(b *snapshot.Backend) { b.KeepsPercent = new(int32(0)) })},
		}},
		{"not there yet", web(), coming, nil, snapshot.Service{
			Backends: []snapshot.Backend{backend("east", "", 0, func(b *snapshot.Backend) { b.Addresses = nil })},
		}},
		{"addresses of all sorts", web(), placed("Service", "web", odd), nil, snapshot.Service{Backends: []snapshot.Backend{
			backend("east", "", 1, func(b *snapshot.Backend) {
				b.Addresses, b.Hostname = []string{"192.0.2.1", "2001:db8::1"}, "lb.example.com"
			}),
		}}},
		{"weights; who is not named is not answered", web(), both, []*v1alpha1.TrafficPolicy{policy("web", v1alpha1.TrafficPolicySpec{
			Mode: "Weighted", TTLSeconds: new(int32(7)), WhenNoneHealthy: "LastKnown", Saturation: &v1alpha1.Saturation{Low: 70, High: 90},
			Clusters: []v1alpha1.ClusterTraffic{{Name: "east", Weight: new(int64(95)), Priority: 3}},
		})}, snapshot.Service{
			Mode: "Weighted", TTLSeconds: 7, WhenNoneHealthy: "LastKnown", Saturation: &snapshot.Saturation{Low: 70, High: 90},
			Backends: []snapshot.Backend{backend("east", "192.0.2.1", 2, weighing(95, 3)), backend("west", "192.0.2.2", 1, weighing(0, 0))},
		}},
		{"every other cluster", web(), both, []*v1alpha1.TrafficPolicy{policy("web", v1alpha1.TrafficPolicySpec{
			Clusters: []v1alpha1.ClusterTraffic{{Name: "*", Weight: new(int64(2))}, {Name: "west", Weight: new(int64(0))}},
		})}, snapshot.Service{
			Mode: "Geo", TTLSeconds: 20, WhenNoneHealthy: "NoData",
			Backends: []snapshot.Backend{backend("east", "192.0.2.1", 2, weighing(2, 0)), backend("west", "192.0.2.2", 1, weighing(0, 0))},
		}},
		{"the first policy by name, of those for it", web(), nil, []*v1alpha1.TrafficPolicy{
			policy("b", v1alpha1.TrafficPolicySpec{Target: v1alpha1.TrafficTarget{Name: "web"}, TTLSeconds: new(int32(9))}),
			policy("a", v1alpha1.TrafficPolicySpec{Target: v1alpha1.TrafficTarget{Name: "web"}, TTLSeconds: new(int32(8))}),
			policy("aa", v1alpha1.TrafficPolicySpec{Target: v1alpha1.TrafficTarget{Kind: "Ingress", Name: "web"}}),
			policy("ab", v1alpha1.TrafficPolicySpec{}),
		}, snapshot.Service{Mode: "Geo", TTLSeconds: 8, WhenNoneHealthy: "NoData"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Namespace, tt.want.Name = "default", "web"
			if diff := cmp.Diff(tt.want, Service(tt.service, tt.placement, tt.policies)); diff != "" {
				t.Errorf("service (-want +got):\n%s", diff)
			}
		})
	}
}

// shop is an Ingress of hosts that sends requests to Services.
func shop(hosts []string, services ...string) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop"}}
	for _, host := range hosts {
		rule := networkingv1.IngressRule{Host: host}
		rule.HTTP = &networkingv1.HTTPIngressRuleValue{}
		for _, s := range services {
			rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: s}}})
		}
		i.Spec.Rules = append(i.Spec.Rules, rule)
	}
	return i
}

func TestIngress(t *testing.T) {
	at := placed("Ingress", "shop", report("east", "192.0.2.1", 0), report("west", "192.0.2.2", 0))
	hosts := []string{"shop.drover.test", "*.shop.drover.test"}
	for _, tt := range []struct {
		name     string
		ingress  *networkingv1.Ingress
		behind   map[string]*v1alpha1.Placement
		backends []snapshot.Backend
		none     bool
	}{
		{"no host", shop([]string{""}, "web"), nil, nil, true},
		{"no Service: it needs no pods", shop(hosts), nil, []snapshot.Backend{backend("east", "192.0.2.1", 1), backend("west", "192.0.2.2", 1)}, false},
		{"Services that are not placed", shop(hosts, "web"), nil, []snapshot.Backend{backend("east", "192.0.2.1", 0), backend("west", "192.0.2.2", 0)}, false},
		{"ready in one cluster", shop(hosts, "web"), map[string]*v1alpha1.Placement{
			"web": placed("Service", "web", report("east", "", 2), report("west", "", 0)),
		}, []snapshot.Backend{backend("east", "192.0.2.1", 2), backend("west", "192.0.2.2", 0)}, false},
		{"where most of its Services are ready", shop(hosts, "web", "api", "gone"), map[string]*v1alpha1.Placement{
			"web": placed("Service", "web", report("east", "", 9), report("west", "", 1)),
			"api": placed("Service", "api", report("east", "", 0), report("west", "", 2)),
		}, []snapshot.Backend{backend("east", "192.0.2.1", 0), backend("west", "192.0.2.2", 3)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Ingress(tt.ingress, at, nil, func(service string) *v1alpha1.Placement { return tt.behind[service] })
			if ok == tt.none {
				t.Fatalf("in the snapshot: %v", ok)
			}
			if diff := cmp.Diff(tt.backends, got.Backends); ok && diff != "" {
				t.Errorf("backends (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(hosts, got.Hosts); ok && diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCluster(t *testing.T) {
	conditions := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, LastTransitionTime: metav1.NewTime(noon)}}
	}
	probed := metav1.NewTime(noon.Add(time.Minute))
	resources := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	for _, tt := range []struct {
		name    string
		cluster v1alpha1.Cluster
		want    snapshot.Cluster
	}{
		{"never seen", v1alpha1.Cluster{}, snapshot.Cluster{Health: snapshot.Health{State: snapshot.Unknown}}},
		{"ready", v1alpha1.Cluster{Status: v1alpha1.ClusterStatus{
			Conditions: conditions("True"), LastProbeTime: &probed,
			Location:    v1alpha1.Location{Continent: "europe", Region: "Europe-West1", Zone: "europe-west1-b", Latitude: "50.5", Longitude: "-3"},
			Allocatable: resources("10", "100Gi"), Requested: resources("2500m", "60Gi"),
		}}, snapshot.Cluster{
			Health:      snapshot.Health{State: snapshot.Healthy, Since: noon, LastReport: probed.Time},
			Location:    snapshot.Location{Continent: "europe", Region: "europe-west1", Zone: "europe-west1-b", Latitude: new(50.5), Longitude: new(-3.0)},
			LoadPercent: new(int32(60)),
		}},
		{"lost", v1alpha1.Cluster{Status: v1alpha1.ClusterStatus{Conditions: conditions("False"), LastProbeTime: &probed}}, snapshot.Cluster{
			Health: snapshot.Health{State: snapshot.Unknown, Since: noon},
		}},
		{"leaving", v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &probed}}, snapshot.Cluster{
			Health: snapshot.Health{State: snapshot.Unknown}, Draining: true,
		}},
		{"a region that no name can have, and half a place", v1alpha1.Cluster{Status: v1alpha1.ClusterStatus{
			Location: v1alpha1.Location{Region: "svc", Zone: "a", Latitude: "1"}, Allocatable: resources("0", "0"),
		}}, snapshot.Cluster{Health: snapshot.Health{State: snapshot.Unknown}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cluster.Name, tt.want.Name = "east", "east"
			if diff := cmp.Diff(tt.want, Cluster(&tt.cluster)); diff != "" {
				t.Errorf("cluster (-want +got):\n%s", diff)
			}
		})
	}
}
