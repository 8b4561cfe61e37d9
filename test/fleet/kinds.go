// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"hash/fnv"
	"net/netip"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
)

// unserved are the native kinds of the federation that Drover has nothing to do with in a member.
var unserved = []string{"Event", "Lease", "ControllerRevision", "IngressClass"}

// memberKinds are the kinds of a member: those that are served natively by a federation, without what makes them
// federated, and those that Drover reads, or makes when a cluster joins.
func memberKinds() []kind.Kind {
	var out []kind.Kind
	for _, k := range native.Kinds() {
		if slices.Contains(unserved, k.Kind) {
			continue
		}
		k.Finalizers = nil
		k.Columns = columns(k.Columns)
		switch k.Kind {
		case "Deployment":
			k.Prepare = func(obj, _ runtime.Object) { defaultDeployment(obj.(*appsv1.Deployment)) }
		case "Service":
			k.Prepare = func(obj, old runtime.Object) { allocateClusterIP(obj.(*corev1.Service), old) }
		}
		out = append(out, k)
	}
	nodes := plain(corev1.SchemeGroupVersion.WithKind("Node"), "nodes", "node", false, &corev1.Node{}, &corev1.NodeList{})
	nodes.Status = kind.Of(func(n *corev1.Node) any { return &n.Status })
	pods := plain(corev1.SchemeGroupVersion.WithKind("Pod"), "pods", "pod", true, &corev1.Pod{}, &corev1.PodList{})
	pods.Status = kind.Of(func(p *corev1.Pod) any { return &p.Status })
	pods.Fields = kind.Of(func(p *corev1.Pod) fields.Set {
		return fields.Set{"spec.nodeName": p.Spec.NodeName, "status.phase": string(p.Status.Phase)}
	})
	return append(out, nodes, pods,
		plain(discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"), "endpointslices", "endpointslice", true, &discoveryv1.EndpointSlice{}, &discoveryv1.EndpointSliceList{}),
	)
}

// columns are those of a federation, as they are in a cluster.
func columns(federated []kind.Column) (out []kind.Column) {
	for _, c := range federated {
		if c.Name == "Cluster-IP" {
			c.Value = kind.Of(func(s *corev1.Service) any { return s.Spec.ClusterIP })
		}
		if !c.Clusters {
			out = append(out, c)
		}
	}
	return out
}

func plain(gvk schema.GroupVersionKind, resource, singular string, namespaced bool, empty, list runtime.Object) kind.Kind {
	return kind.Kind{
		GroupVersionKind: gvk, Resource: resource, Singular: singular, Namespaced: namespaced,
		New: empty.DeepCopyObject, NewList: list.DeepCopyObject,
	}
}

// defaultDeployment fills in what Kubernetes does: fields that Drover does not set, and is to leave alone.
func defaultDeployment(d *appsv1.Deployment) {
	s := &d.Spec
	setDefault(&s.RevisionHistoryLimit, ptr.To[int32](10))
	setDefault(&s.ProgressDeadlineSeconds, ptr.To[int32](600))
	setDefault(&s.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if s.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType && s.Strategy.RollingUpdate == nil {
		s.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: ptr.To(intstr.FromString("25%")), MaxUnavailable: ptr.To(intstr.FromString("25%"))}
	}
	pod := &s.Template.Spec
	setDefault(&pod.RestartPolicy, corev1.RestartPolicyAlways)
	setDefault(&pod.DNSPolicy, corev1.DNSClusterFirst)
	setDefault(&pod.SchedulerName, corev1.DefaultSchedulerName)
	setDefault(&pod.TerminationGracePeriodSeconds, ptr.To[int64](30))
	setDefault(&pod.SecurityContext, &corev1.PodSecurityContext{})
	for i := range pod.Containers {
		c := &pod.Containers[i]
		setDefault(&c.ImagePullPolicy, corev1.PullIfNotPresent)
		setDefault(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
		setDefault(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	}
}

func setDefault[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// allocateClusterIP gives a new Service an IP, and keeps that of one that is updated. Two Services may get the same.
func allocateClusterIP(s *corev1.Service, old runtime.Object) {
	if s.Spec.Type == corev1.ServiceTypeExternalName || s.Spec.ClusterIP != "" {
		return
	}
	if previous, ok := old.(*corev1.Service); ok {
		s.Spec.ClusterIP, s.Spec.ClusterIPs = previous.Spec.ClusterIP, previous.Spec.ClusterIPs
		return
	}
	h := fnv.New32a()
	h.Write([]byte(s.Namespace + "/" + s.Name))
	n := h.Sum32()
	s.Spec.ClusterIP = netip.AddrFrom4([4]byte{10, 96, byte(n >> 8), byte(n)}).String()
	s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
}
