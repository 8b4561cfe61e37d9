// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestValidateTrafficPolicy(t *testing.T) {
	clusters := func(list ...v1alpha1.ClusterTraffic) func(*v1alpha1.TrafficPolicySpec) {
		return func(s *v1alpha1.TrafficPolicySpec) { s.Clusters = list }
	}
	saturation := func(low, high int32) func(*v1alpha1.TrafficPolicySpec) {
		return func(s *v1alpha1.TrafficPolicySpec) { s.Saturation = &v1alpha1.Saturation{Low: low, High: high} }
	}
	ttl := func(seconds int32) func(*v1alpha1.TrafficPolicySpec) {
		return func(s *v1alpha1.TrafficPolicySpec) { s.TTLSeconds = &seconds }
	}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.TrafficPolicySpec)
		want   []string
	}{
		{"empty", func(*v1alpha1.TrafficPolicySpec) {}, nil},
		{"clusters", clusters(v1alpha1.ClusterTraffic{Name: "east", Weight: ptr.To[int64](0)}, v1alpha1.ClusterTraffic{Name: "*", Priority: -1}), nil},
		{"an Ingress", func(s *v1alpha1.TrafficPolicySpec) { s.Target = v1alpha1.TrafficTarget{Kind: "Ingress", Name: "shop"} }, nil},
		{"watermarks", saturation(0, 100), nil},
		{"no name", clusters(v1alpha1.ClusterTraffic{}), []string{"spec.clusters[0].name: Required value"}},
		{"a name twice", clusters(v1alpha1.ClusterTraffic{Name: "east"}, v1alpha1.ClusterTraffic{Name: "east"}), []string{"spec.clusters[1].name: Duplicate value: \"east\""}},
		{"a name that is none", clusters(v1alpha1.ClusterTraffic{Name: "East"}), []string{"spec.clusters[0].name: Invalid value: \"East\""}},
		{"weights beyond", clusters(v1alpha1.ClusterTraffic{Name: "east", Weight: ptr.To[int64](-1)}, v1alpha1.ClusterTraffic{Name: "west", Weight: ptr.To[int64](1 << 31)}), []string{
			"spec.clusters[0].weight: Invalid value: -1: must be between 0 and 2147483647", "spec.clusters[1].weight: Invalid value: 2147483648",
		}},
		{"a target that has no clients", func(s *v1alpha1.TrafficPolicySpec) { s.Target.Kind = "Deployment" }, []string{"spec.target.kind: Unsupported value: \"Deployment\": supported values: \"Ingress\", \"Service\""}},
		{"a target's name that is none", func(s *v1alpha1.TrafficPolicySpec) { s.Target.Name = "a b" }, []string{"spec.target.name: Invalid value: \"a b\""}},
		{"a mode that is none", func(s *v1alpha1.TrafficPolicySpec) { s.Mode = "Random" }, []string{"spec.mode: Unsupported value: \"Random\": supported values: \"Failover\", \"Geo\", \"Weighted\""}},
		{"an answer that is none", func(s *v1alpha1.TrafficPolicySpec) { s.WhenNoneHealthy = "All" }, []string{"spec.whenNoneHealthy: Unsupported value: \"All\": supported values: \"LastKnown\", \"NoData\""}},
		{"kept for no time", ttl(0), []string{"spec.ttlSeconds: Invalid value: 0: must be between 1 and 86400"}},
		{"kept for long", ttl(86401), []string{"spec.ttlSeconds: Invalid value: 86401"}},
		{"watermarks the wrong way round", saturation(90, 70), []string{"spec.saturation.high: Invalid value: 70: must be greater than low, and at most 100"}},
		{"watermarks beyond", saturation(-1, 101), []string{"spec.saturation.high: Invalid value: 101", "spec.saturation.low: Invalid value: -1: must be between 0 and 99"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &v1alpha1.TrafficPolicy{}
			tt.change(&p.Spec)
			v1alpha1.SetObjectDefaults_TrafficPolicy(p)
			expect(t, validateTrafficPolicy(p, nil), tt.want...)
		})
	}
}

func TestTrafficPolicyDefaults(t *testing.T) {
	p := &v1alpha1.TrafficPolicy{Spec: v1alpha1.TrafficPolicySpec{Clusters: []v1alpha1.ClusterTraffic{{Name: "east"}, {Name: "west", Weight: ptr.To[int64](0)}}}}
	v1alpha1.SetObjectDefaults_TrafficPolicy(p)
	want := v1alpha1.TrafficPolicySpec{
		Target: v1alpha1.TrafficTarget{Kind: "Service"}, Mode: "Geo", TTLSeconds: ptr.To[int32](20), WhenNoneHealthy: "NoData",
		Clusters: []v1alpha1.ClusterTraffic{{Name: "east", Weight: ptr.To[int64](1)}, {Name: "west", Weight: ptr.To[int64](0)}},
	}
	if diff := cmp.Diff(want, p.Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestFormatTarget(t *testing.T) {
	for want, p := range map[string]v1alpha1.TrafficPolicy{
		"service/web":  {ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.TrafficPolicySpec{Target: v1alpha1.TrafficTarget{Kind: "Service"}}},
		"ingress/shop": {ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.TrafficPolicySpec{Target: v1alpha1.TrafficTarget{Kind: "Ingress", Name: "shop"}}},
	} {
		if got := FormatTarget(&p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
