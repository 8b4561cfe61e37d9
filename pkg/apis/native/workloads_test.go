// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func webSelector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
}

func webTemplate() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}},
	}
}

func replicaSet(change ...func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet {
	r := &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Selector: webSelector(), Template: webTemplate()}}
	for _, c := range change {
		c(r)
	}
	return defaulted(r)
}

func TestReplicaSet(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*appsv1.ReplicaSet)
		want   []string
	}{
		{"plain", func(*appsv1.ReplicaSet) {}, nil},
		{"negative numbers", func(r *appsv1.ReplicaSet) { r.Spec.Replicas, r.Spec.MinReadySeconds = ptr.To[int32](-1), -1 }, []string{"spec.replicas: Invalid value: -1", "spec.minReadySeconds: Invalid value: -1"}},
		{"an empty selector", func(r *appsv1.ReplicaSet) { r.Spec.Selector = &metav1.LabelSelector{} }, []string{`spec.selector: Invalid value: {}: empty selector is invalid for replicaset`}},
		{"pods that end", func(r *appsv1.ReplicaSet) {
			r.Spec.Template.Spec.RestartPolicy, r.Spec.Template.Spec.ActiveDeadlineSeconds = "Never", ptr.To[int64](1)
		}, []string{
			`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`, `spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateReplicaSet(replicaSet(tt.change), nil), tt.want...) })
	}
	expect(t, validateReplicaSet(replicaSet(func(r *appsv1.ReplicaSet) { r.Spec.Replicas = ptr.To[int32](0) }), replicaSet()))
	expect(t, validateReplicaSet(replicaSet(), replicaSet(func(r *appsv1.ReplicaSet) { r.Spec.Selector.MatchLabels["tier"] = "a" })), "spec.selector: Invalid value")
	if r := replicaSet(); *r.Spec.Replicas != 1 || r.Spec.Template.Spec.Containers[0].Ports[0].Protocol != "TCP" {
		t.Errorf("by default %+v", r.Spec)
	}
}

func statefulSet(change ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{ServiceName: "web", Selector: webSelector(), Template: webTemplate()}}
	for _, c := range change {
		c(s)
	}
	return defaulted(s)
}

func TestStatefulSet(t *testing.T) {
	rolling := func(partition int32, unavailable string) func(*appsv1.StatefulSet) {
		return func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition, MaxUnavailable: ptr.To(intstr.Parse(unavailable))}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*appsv1.StatefulSet)
		want   []string
	}{
		{"plain", func(*appsv1.StatefulSet) {}, nil},
		{"without a service", func(s *appsv1.StatefulSet) { s.Spec.ServiceName = "" }, nil},
		{"a service that can be none", func(s *appsv1.StatefulSet) { s.Spec.ServiceName = "Web" }, []string{`spec.serviceName: Invalid value: "Web"`}},
		{"in parallel", func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = "Parallel" }, nil},
		{"some other way", func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = "Random" }, []string{`spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`}},
		{"a partition", rolling(2, "25%"), nil},
		{"a negative partition", rolling(-2, "1"), []string{"spec.updateStrategy.rollingUpdate.partition: Invalid value: -2"}},
		{"more than all unavailable", rolling(0, "101%"), []string{"spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value"}},
		{"on delete, and rolling", func(s *appsv1.StatefulSet) { rolling(1, "1")(s); s.Spec.UpdateStrategy.Type = "OnDelete" }, []string{"spec.updateStrategy.rollingUpdate: Invalid value"}},
		{"a strategy that is none", func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = "Some" }, []string{"spec.updateStrategy: Invalid value"}},
		{"a negative first number", func(s *appsv1.StatefulSet) { s.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: -1} }, []string{"spec.ordinals.start: Invalid value: -1"}},
		{"a selector that does not match", func(s *appsv1.StatefulSet) { s.Spec.Template.Labels = nil }, []string{"spec.template.metadata.labels: Invalid value"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateStatefulSet(statefulSet(tt.change), nil), tt.want...) })
	}
	expect(t, validateStatefulSet(statefulSet(func(s *appsv1.StatefulSet) {
		s.Spec.Replicas, s.Spec.UpdateStrategy.Type, s.Spec.Template.Spec.Containers[0].Image = ptr.To[int32](5), "OnDelete", "nginx:2"
	}), statefulSet()))
	expect(t, validateStatefulSet(statefulSet(), statefulSet(func(s *appsv1.StatefulSet) {
		s.Spec.ServiceName, s.Spec.PodManagementPolicy, s.Spec.Selector.MatchLabels["tier"] = "old", "Parallel", "a"
		s.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{}}
	})), "spec.selector: Invalid value", "spec.serviceName: Invalid value", "spec.podManagementPolicy: Invalid value", "spec.volumeClaimTemplates: Invalid value")
	if s := statefulSet(); *s.Spec.Replicas != 1 || s.Spec.PodManagementPolicy != "OrderedReady" || s.Spec.UpdateStrategy.Type != "RollingUpdate" {
		t.Errorf("by default %+v", s.Spec)
	}
}

func daemonSet(change ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Selector: webSelector(), Template: webTemplate()}}
	for _, c := range change {
		c(d)
	}
	return defaulted(d)
}

func TestDaemonSet(t *testing.T) {
	expect(t, validateDaemonSet(daemonSet(), nil))
	expect(t, validateDaemonSet(daemonSet(func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = "Recreate" }), nil), `spec.updateStrategy.type: Unsupported value: "Recreate"`)
	expect(t, validateDaemonSet(&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{MinReadySeconds: -1, UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: "OnDelete"}}}, nil),
		"spec.selector: Required value", "spec.template.metadata.labels: Invalid value", "spec.template.spec.containers: Required value", "spec.minReadySeconds: Invalid value: -1")
	expect(t, validateDaemonSet(daemonSet(), daemonSet(func(d *appsv1.DaemonSet) { d.Spec.Selector.MatchLabels["tier"] = "a" })), "spec.selector: Invalid value")
	if d := daemonSet(); d.Spec.UpdateStrategy.Type != "RollingUpdate" {
		t.Errorf("by default %+v", d.Spec.UpdateStrategy)
	}
}

func TestControllerRevision(t *testing.T) {
	revision := func(number int64, data string) *appsv1.ControllerRevision {
		return &appsv1.ControllerRevision{Revision: number, Data: runtime.RawExtension{Raw: []byte(data)}}
	}
	expect(t, validateControllerRevision(revision(1, `{"spec":{}}`), nil))
	expect(t, validateControllerRevision(revision(-1, ""), nil), "revision: Invalid value: -1", "data: Required value: data is mandatory")
	expect(t, validateControllerRevision(revision(1, "{"), nil), "data: Invalid value")
	expect(t, validateControllerRevision(revision(1, "[]"), nil), "data: Required value: data must be a valid JSON object")
	expect(t, validateControllerRevision(revision(2, "{}"), revision(1, "{}")))
	expect(t, validateControllerRevision(revision(1, `{"a":1}`), revision(1, "{}")), "data: Invalid value")
}
