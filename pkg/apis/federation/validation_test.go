// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
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

func TestValidateCluster(t *testing.T) {
	taints := func(list ...v1alpha1.Taint) func(*v1alpha1.Cluster) {
		return func(c *v1alpha1.Cluster) { c.Spec.Taints = list }
	}
	server := func(url string) func(*v1alpha1.Cluster) {
		return func(c *v1alpha1.Cluster) { c.Spec.Server = url }
	}
	at := func(latitude, longitude string) func(*v1alpha1.Cluster) {
		return func(c *v1alpha1.Cluster) {
			c.Spec.Location.Latitude, c.Spec.Location.Longitude = latitude, longitude
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.Cluster)
		want   []string
	}{
		{"plain", func(*v1alpha1.Cluster) {}, nil},
		{"a path, as of a proxy", server("https://proxy.example.com/clusters/east"), nil},
		{"coordinates", at("-33.8", "180"), nil},
		{"taints", taints(v1alpha1.Taint{Key: "a.b/c", Value: "d", Effect: "NoSchedule"}, v1alpha1.Taint{Key: "a.b/c", Effect: "NoExecute"}), nil},
		{"a name with a dot", func(c *v1alpha1.Cluster) { c.Name = "a.b" }, []string{"metadata.name: Invalid value: \"a.b\""}},
		{"the name that stands for all", func(c *v1alpha1.Cluster) { c.Name = "*" }, []string{"metadata.name: Invalid value: \"*\""}},
		{"no server", server(""), []string{"spec.server: Required value: the URL of the cluster's API server"}},
		{"not https", server("http://a"), []string{"spec.server: Invalid value: \"http://a\": must be an https URL"}},
		{"no host", server("https://"), []string{"spec.server: Invalid value"}},
		{"no URL", server("10.0.0.1:6443"), []string{"spec.server: Invalid value"}},
		{"a password in it", server("https://u:secret@a"), []string{"spec.server: Invalid value: \"https://u:xxxxx@a\": must not hold user"}},
		{"a query", server("https://a?b"), []string{"spec.server: Invalid value"}},
		{"no credentials", func(c *v1alpha1.Cluster) { c.Spec.CredentialsSecret = v1alpha1.SecretReference{} }, []string{"spec.credentialsSecret.namespace: Required value", "spec.credentialsSecret.name: Required value"}},
		{"off the map", at("90.1", "-180.1"), []string{"spec.location.latitude: Invalid value: \"90.1\": must be decimal degrees between -90 and 90", "spec.location.longitude: Invalid value: \"-180.1\""}},
		{"no numbers", at("33°N", "NaN"), []string{"spec.location.latitude: Invalid value", "spec.location.longitude: Invalid value"}},
		{"a taint twice", taints(v1alpha1.Taint{Key: "k", Effect: "NoExecute"}, v1alpha1.Taint{Key: "k", Value: "v", Effect: "NoExecute"}), []string{"spec.taints[1]: Duplicate value: \"k:NoExecute\""}},
		{"a taint of nothing", taints(v1alpha1.Taint{Value: "a b"}), []string{"spec.taints[0].key: Invalid value", "spec.taints[0].value: Invalid value", "spec.taints[0].effect: Unsupported value: \"\": supported values: \"NoExecute\", \"NoSchedule\""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "east"}, Spec: v1alpha1.ClusterSpec{Server: "https://10.0.0.1:6443", CredentialsSecret: v1alpha1.SecretReference{Namespace: "a", Name: "b"}}}
			tt.change(c)
			expect(t, compact(validateCluster(c, nil)), tt.want...)
		})
	}
	bad := &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{CABundle: []byte("no certificate")}}
	if got := warnCluster(bad, nil); len(got) != 1 || !strings.Contains(got[0], "spec.caBundle") {
		t.Errorf("an unusable CA: warned of %q", got)
	}
	if got := warnCluster(&v1alpha1.Cluster{}, nil); got != nil {
		t.Errorf("no CA: warned of %q", got)
	}
}

// compact keeps one error of those that say the same kind of thing of the same field.
func compact(errs field.ErrorList) field.ErrorList {
	var out field.ErrorList
	for _, err := range errs {
		if !slices.ContainsFunc(out, func(e *field.Error) bool { return e.Field == err.Field && e.Type == err.Type }) {
			out = append(out, err)
		}
	}
	return out
}

func TestValidatePlacementPolicy(t *testing.T) {
	clusters := func(list ...v1alpha1.ClusterWeight) func(*v1alpha1.PlacementPolicySpec) {
		return func(s *v1alpha1.PlacementPolicySpec) { s.Clusters = list }
	}
	tolerations := func(list ...v1alpha1.Toleration) func(*v1alpha1.PlacementPolicySpec) {
		return func(s *v1alpha1.PlacementPolicySpec) { s.Tolerations = list }
	}
	like := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
	preferred := func(list ...v1alpha1.PreferredClusters) func(*v1alpha1.PlacementPolicySpec) {
		return func(s *v1alpha1.PlacementPolicySpec) { s.ClusterAffinity = &v1alpha1.ClusterAffinity{Preferred: list} }
	}
	spread := func(list ...v1alpha1.Spread) func(*v1alpha1.PlacementPolicySpec) {
		return func(s *v1alpha1.PlacementPolicySpec) { s.Spread = list }
	}
	beside := func(topology v1alpha1.Topology, weight int32) v1alpha1.WorkloadAffinity {
		return v1alpha1.WorkloadAffinity{Workload: v1alpha1.AffineWorkload{Name: "db"}, Topology: topology, Weight: &weight}
	}
	affinity := func(list ...v1alpha1.WorkloadAffinity) func(*v1alpha1.PlacementPolicySpec) {
		return func(s *v1alpha1.PlacementPolicySpec) { s.WorkloadAffinity = list }
	}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.PlacementPolicySpec)
		want   []string
	}{
		{"empty", func(*v1alpha1.PlacementPolicySpec) {}, nil},
		{"weights", clusters(v1alpha1.ClusterWeight{Name: "east", Weight: ptr.To[int64](0)}, v1alpha1.ClusterWeight{Name: "*", Weight: ptr.To[int64](1<<31 - 1)}), nil},
		{"bounds", clusters(v1alpha1.ClusterWeight{Name: "east", MinReplicas: 2, MaxReplicas: ptr.To[int32](2), Priority: -1}), nil},
		{"a maximum of 0", clusters(v1alpha1.ClusterWeight{Name: "east", MaxReplicas: ptr.To[int32](0)}), nil},
		{"tolerations", tolerations(v1alpha1.Toleration{Key: "k", Value: "v"}, v1alpha1.Toleration{Operator: "Exists"}, v1alpha1.Toleration{Key: "k", Operator: "Exists", Effect: "NoExecute"}), nil},
		{"failover at once", func(s *v1alpha1.PlacementPolicySpec) { s.Failover.After = &metav1.Duration{} }, nil},
		{"a selector that is none", func(s *v1alpha1.PlacementPolicySpec) { s.Selector = like }, []string{"spec.selector.matchExpressions[0].operator: Invalid value"}},
		{"an affinity that is none", func(s *v1alpha1.PlacementPolicySpec) {
			s.ClusterAffinity = &v1alpha1.ClusterAffinity{Required: &like}
		}, []string{"spec.clusterAffinity.required.matchExpressions[0].operator: Invalid value"}},
		{"a cluster without name", clusters(v1alpha1.ClusterWeight{}), []string{"spec.clusters[0].name: Required value"}},
		{"a cluster name that is none", clusters(v1alpha1.ClusterWeight{Name: "e*"}), []string{"spec.clusters[0].name: Invalid value: \"e*\""}},
		{"a cluster twice", clusters(v1alpha1.ClusterWeight{Name: "east"}, v1alpha1.ClusterWeight{Name: "west"}, v1alpha1.ClusterWeight{Name: "east"}), []string{"spec.clusters[2].name: Duplicate value: \"east\""}},
		{"* twice", clusters(v1alpha1.ClusterWeight{Name: "*"}, v1alpha1.ClusterWeight{Name: "*"}), []string{"spec.clusters[1].name: Duplicate value: \"*\""}},
		{"a negative weight", clusters(v1alpha1.ClusterWeight{Name: "east", Weight: ptr.To[int64](-1)}), []string{"spec.clusters[0].weight: Invalid value: -1: must be between 0 and 2147483647"}},
		{"a weight beyond", clusters(v1alpha1.ClusterWeight{Name: "east", Weight: ptr.To[int64](1 << 31)}), []string{"spec.clusters[0].weight: Invalid value: 2147483648"}},
		{"negative bounds", clusters(v1alpha1.ClusterWeight{Name: "east", MinReplicas: -2, MaxReplicas: ptr.To[int32](-1)}), []string{"spec.clusters[0].minReplicas: Invalid value: -2", "spec.clusters[0].maxReplicas: Invalid value: -1"}},
		{"a maximum below the minimum", clusters(v1alpha1.ClusterWeight{Name: "east", MinReplicas: 2, MaxReplicas: ptr.To[int32](1)}), []string{"spec.clusters[0].maxReplicas: Invalid value: 1: must not be less than minReplicas"}},
		{"a negative overflow", func(s *v1alpha1.PlacementPolicySpec) { s.Overflow.After = &metav1.Duration{Duration: -time.Second} }, []string{"spec.overflow.after: Invalid value: \"-1s\": must not be negative"}},
		{"a negative surge", func(s *v1alpha1.PlacementPolicySpec) { s.Move.MaxSurge = ptr.To(intstr.FromInt32(-1)) }, []string{"spec.move.maxSurge: Invalid value: \"-1\": must be greater than or equal to 0"}},
		{"more than all unavailable", func(s *v1alpha1.PlacementPolicySpec) { s.Move.MaxUnavailable = ptr.To(intstr.FromString("101%")) }, []string{"spec.move.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"}},
		{"a surge that is no number", func(s *v1alpha1.PlacementPolicySpec) { s.Move.MaxSurge = ptr.To(intstr.FromString("many")) }, []string{"spec.move.maxSurge: Invalid value: \"many\": must be an integer or percentage (e.g '5%')"}},
		{"no moves", func(s *v1alpha1.PlacementPolicySpec) { s.Rebalance.MaxMovesPerMinute = ptr.To[int32](0) }, []string{"spec.rebalance.maxMovesPerMinute: Invalid value: 0: must be greater than or equal to 1"}},
		{"a negative number of clusters at once", func(s *v1alpha1.PlacementPolicySpec) { s.Move.ParallelClusters = ptr.To[int32](-1) }, []string{"spec.move.parallelClusters: Invalid value: -1: must be greater than or equal to 0"}},
		{"a negative time to settle", func(s *v1alpha1.PlacementPolicySpec) { s.Move.Settle = &metav1.Duration{Duration: -time.Second} }, []string{"spec.move.settle: Invalid value: \"-1s\": must not be negative"}},
		{"a negative failover", func(s *v1alpha1.PlacementPolicySpec) { s.Failover.After = &metav1.Duration{Duration: -time.Second} }, []string{"spec.failover.after: Invalid value: \"-1s\": must not be negative"}},
		{"a mode that is none", func(s *v1alpha1.PlacementPolicySpec) { s.Rebalance.Mode = "Sometimes" }, []string{"spec.rebalance.mode: Unsupported value: \"Sometimes\": supported values: \"Automatic\", \"Never\", \"OnChange\""}},
		{"a division", func(s *v1alpha1.PlacementPolicySpec) { s.Division = v1alpha1.Whole }, nil},
		{"a division that is none", func(s *v1alpha1.PlacementPolicySpec) { s.Division = "Half" }, []string{"spec.division: Unsupported value: \"Half\": supported values: \"Divide\", \"Whole\""}},
		{"a conflict that is none", func(s *v1alpha1.PlacementPolicySpec) { s.Conflict = "Overwrite" }, []string{"spec.conflict: Unsupported value: \"Overwrite\": supported values: \"Adopt\", \"Fail\""}},
		{"an operator that is none", tolerations(v1alpha1.Toleration{Key: "k", Operator: "In"}), []string{"spec.tolerations[0].operator: Unsupported value: \"In\""}},
		{"no key, and a value", tolerations(v1alpha1.Toleration{Value: "v"}), []string{"spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty"}},
		{"a value that is not compared", tolerations(v1alpha1.Toleration{Key: "k", Operator: "Exists", Value: "v"}), []string{"spec.tolerations[0].value: Invalid value: \"v\": value must be empty when `operator` is Exists"}},
		{"a key and an effect that are none", tolerations(v1alpha1.Toleration{Key: "a b", Effect: "NoSleep"}), []string{"spec.tolerations[0].key: Invalid value: \"a b\"", "spec.tolerations[0].effect: Unsupported value: \"NoSleep\""}},

		{"preferences", preferred(v1alpha1.PreferredClusters{Weight: -100}, v1alpha1.PreferredClusters{Weight: 100}, v1alpha1.PreferredClusters{}), nil},
		{"preferences beyond", preferred(v1alpha1.PreferredClusters{Weight: -101}, v1alpha1.PreferredClusters{Weight: 101}), []string{
			"spec.clusterAffinity.preferred[0].weight: Invalid value: -101: must be between -100 and 100", "spec.clusterAffinity.preferred[1].weight: Invalid value: 101",
		}},
		{"a preference of nothing", preferred(v1alpha1.PreferredClusters{Weight: 1, Selector: like}), []string{"spec.clusterAffinity.preferred[0].selector.matchExpressions[0].operator: Invalid value"}},
		{"workloads to be near", affinity(beside("", 100), beside("zone", -100), beside("region", 1), beside("continent", -1), v1alpha1.WorkloadAffinity{Workload: v1alpha1.AffineWorkload{Name: "db"}, Required: true}), nil},
		{"a workload without name", affinity(v1alpha1.WorkloadAffinity{}), []string{"spec.workloadAffinity[0].workload.name: Required value: the workload to follow, or keep apart from"}},
		{"a workload that has no clusters of its own", affinity(v1alpha1.WorkloadAffinity{Workload: v1alpha1.AffineWorkload{Kind: "Service", Name: "web"}}), []string{"spec.workloadAffinity[0].workload.kind: Unsupported value: \"Service\": supported values: \"Deployment\""}},
		{"near by a label", affinity(beside("example.com/rack", 1)), []string{"spec.workloadAffinity[0].topology: Unsupported value: \"example.com/rack\": supported values: \"cluster\", \"continent\", \"region\", \"zone\""}},
		{"neither near nor apart", affinity(beside("zone", 0)), []string{"spec.workloadAffinity[0].weight: Invalid value: 0: must not be 0: positive to follow, negative to keep apart"}},
		{"too near, and too far apart", affinity(beside("zone", 101), beside("zone", -101)), []string{"spec.workloadAffinity[0].weight: Invalid value: 101: must be between -100 and 100", "spec.workloadAffinity[1].weight: Invalid value: -101"}},
		{"spread", spread(v1alpha1.Spread{Topology: "region", MinDomains: 2}, v1alpha1.Spread{Topology: "cluster", MinDomains: 1}, v1alpha1.Spread{Topology: "example.com/rack", MinDomains: 1000}), nil},
		{"spread over nothing", spread(v1alpha1.Spread{MinDomains: 2}), []string{"spec.spread[0].topology: Required value: continent, region, zone, cluster, or the key of a label of clusters"}},
		{"spread over what no label can be", spread(v1alpha1.Spread{Topology: "a b", MinDomains: 2}), []string{"spec.spread[0].topology: Invalid value: \"a b\""}},
		{"spread twice", spread(v1alpha1.Spread{Topology: "zone", MinDomains: 2}, v1alpha1.Spread{Topology: "region", MinDomains: 2}, v1alpha1.Spread{Topology: "zone", MinDomains: 3}), []string{"spec.spread[2].topology: Duplicate value: \"zone\""}},
		{"spread over no domain", spread(v1alpha1.Spread{Topology: "zone"}, v1alpha1.Spread{Topology: "region", MinDomains: -1}), []string{"spec.spread[0].minDomains: Invalid value: 0: must be greater than or equal to 1", "spec.spread[1].minDomains: Invalid value: -1"}},
		{"an override that cannot work", func(s *v1alpha1.PlacementPolicySpec) { s.Overrides = []v1alpha1.Override{{Clusters: []string{"east"}}} }, []string{"spec.overrides[0]: Required value: a jsonPatch or a strategicMerge"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &v1alpha1.PlacementPolicy{}
			tt.change(&p.Spec)
			v1alpha1.SetObjectDefaults_PlacementPolicy(p)
			expect(t, validatePlacementPolicy(p, nil), tt.want...)
		})
	}
}

func TestDefaults(t *testing.T) {
	p := &v1alpha1.PlacementPolicy{Spec: v1alpha1.PlacementPolicySpec{Clusters: []v1alpha1.ClusterWeight{{Name: "east"}, {Name: "west", Weight: ptr.To[int64](0)}}, Tolerations: []v1alpha1.Toleration{{Key: "k"}}}}
	p.Spec.WorkloadAffinity = []v1alpha1.WorkloadAffinity{{Workload: v1alpha1.AffineWorkload{Name: "db"}}, {Workload: v1alpha1.AffineWorkload{Name: "db"}, Topology: "zone", Weight: ptr.To[int32](-1), Required: true}}
	v1alpha1.SetObjectDefaults_PlacementPolicy(p)
	want := v1alpha1.PlacementPolicySpec{
		Clusters:    []v1alpha1.ClusterWeight{{Name: "east", Weight: ptr.To[int64](1)}, {Name: "west", Weight: ptr.To[int64](0)}},
		Tolerations: []v1alpha1.Toleration{{Key: "k", Operator: "Equal"}}, Failover: v1alpha1.Failover{After: &metav1.Duration{Duration: 5 * time.Minute}},
		Move:      v1alpha1.Move{MaxSurge: ptr.To(intstr.FromString("25%")), MaxUnavailable: ptr.To(intstr.FromInt32(0)), Settle: &metav1.Duration{Duration: 10 * time.Second}, ParallelClusters: ptr.To[int32](0)},
		Overflow:  v1alpha1.Overflow{After: &metav1.Duration{Duration: time.Minute}},
		Rebalance: v1alpha1.Rebalance{Mode: "OnChange", MaxMovesPerMinute: ptr.To[int32](10)}, Conflict: "Fail",
		WorkloadAffinity: []v1alpha1.WorkloadAffinity{
			{Workload: v1alpha1.AffineWorkload{Kind: "Deployment", Name: "db"}, Topology: "cluster", Weight: ptr.To[int32](100)},
			{Workload: v1alpha1.AffineWorkload{Kind: "Deployment", Name: "db"}, Topology: "zone", Weight: ptr.To[int32](-1), Required: true},
		},
	}
	if diff := cmp.Diff(want, p.Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestValidatePlacement(t *testing.T) {
	workload := v1alpha1.WorkloadReference{Kind: "Deployment", Name: "web"}
	one, negative := ptr.To[int32](1), ptr.To[int32](-1)
	expect(t, validatePlacement(&v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Workload: workload, Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: one}, {Name: "west"}}}}, nil))
	expect(t, validatePlacement(&v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: negative}, {Name: "east"}}}}, nil),
		"spec.workload: Required value", "spec.clusters[0].replicas: Invalid value: -1", "spec.clusters[1].name: Duplicate value: \"east\"")
}

func TestFormatClusters(t *testing.T) {
	n := func(n int32) *int32 { return &n }
	for _, tt := range []struct {
		clusters []v1alpha1.ClusterAssignment
		want     string
	}{
		{nil, "<none>"},
		{[]v1alpha1.ClusterAssignment{{Name: "east", Replicas: n(4)}, {Name: "west", Replicas: n(2)}}, "east=4 west=2"},
		{[]v1alpha1.ClusterAssignment{{Name: "east", Replicas: n(4)}, {Name: "west", Replicas: n(0)}}, "east=4 west=0"},
		{[]v1alpha1.ClusterAssignment{{Name: "east", Replicas: n(4), Target: n(6)}, {Name: "west", Replicas: n(0), Target: n(2)}, {Name: "eu", Replicas: n(1), Target: n(1)}}, "east=4>6 west=0>2 eu=1"},
		{[]v1alpha1.ClusterAssignment{{Name: "east"}, {Name: "west"}}, "east west"},
	} {
		if got := FormatClusters(&v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Clusters: tt.clusters}}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestPlacementName(t *testing.T) {
	long, other := strings.Repeat("a", 253), strings.Repeat("a", 252)+"b"
	if got := v1alpha1.PlacementName("Deployment", "web"); got != "deployment-web" {
		t.Errorf("%q", got)
	}
	a, b := v1alpha1.PlacementName("Deployment", long), v1alpha1.PlacementName("Deployment", other)
	if len(a) > 253 || a == b || a != v1alpha1.PlacementName("Deployment", long) {
		t.Errorf("%d characters; told apart: %v", len(a), a != b)
	}
}
