// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	resourcehelper "k8s.io/component-helpers/resource"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Health is what a probe finds out: that the API server answers, and its version, if it has the time to say that.
type Health struct {
	KubernetesVersion string
}

// Probe asks the member how it is.
func (m *Member) Probe(ctx context.Context) (Health, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, probing{}, true), RequestTimeout/2)
	defer cancel()
	body, err := m.Client.Discovery().RESTClient().Get().AbsPath("/readyz").MaxRetries(0).DoRaw(ctx)
	if err != nil {
		return Health{}, fmt.Errorf("readyz: %w", err)
	}
	if string(body) != "ok" {
		return Health{}, fmt.Errorf("readyz: %.200s", body)
	}
	body, err = m.Client.Discovery().RESTClient().Get().AbsPath("/version").MaxRetries(0).DoRaw(ctx)
	if apierrors.IsTooManyRequests(err) {
		return Health{}, nil // health checks are exempt from an API server's limits, this is not
	}
	if err != nil {
		return Health{}, fmt.Errorf("version: %w", err)
	}
	var v version.Info
	if err := json.Unmarshal(body, &v); err != nil {
		return Health{}, fmt.Errorf("version: %w", err)
	}
	return Health{KubernetesVersion: v.GitVersion}, nil
}

// Resources is what a member has for pods, and what pods ask of it.
type Resources struct {
	Nodes                            v1alpha1.NodeSummary
	Region, Zone                     string
	Capacity, Allocatable, Requested corev1.ResourceList
}

// Measure counts the member's nodes and the requests of its pods.
func (m *Member) Measure(ctx context.Context) (Resources, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*RequestTimeout)
	defer cancel()
	// From the API server's cache: a measure a second old is as good.
	nodes, err := m.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return Resources{}, fmt.Errorf("list nodes: %w", err)
	}
	r := summarize(nodes.Items, nil)
	// Page by page: of a large cluster all pods at once would fill memory.
	options := metav1.ListOptions{Limit: podsAtOnce}
	for {
		pods, err := m.Client.CoreV1().Pods("").List(ctx, options)
		if err != nil {
			return Resources{}, fmt.Errorf("list pods: %w", err)
		}
		r.addPods(pods.Items)
		if options.Continue = pods.Continue; options.Continue == "" {
			return r, nil
		}
	}
}

// podsAtOnce is how many pods are read by one request.
const podsAtOnce = 500

func summarize(nodes []corev1.Node, pods []corev1.Pod) Resources {
	r := Resources{Capacity: corev1.ResourceList{}, Allocatable: corev1.ResourceList{}, Requested: corev1.ResourceList{}}
	regions, zones := map[string]bool{}, map[string]bool{}
	for i := range nodes {
		node := &nodes[i]
		r.Nodes.Total++
		add(r.Capacity, node.Status.Capacity)
		regions[node.Labels[corev1.LabelTopologyRegion]] = true
		zones[node.Labels[corev1.LabelTopologyZone]] = true
		if takesPods(node) {
			r.Nodes.Ready++
			add(r.Allocatable, node.Status.Allocatable)
		}
	}
	r.Region, r.Zone = only(regions), only(zones)
	r.addPods(pods)
	return r
}

// addPods counts what pods request that run, or are about to.
func (r *Resources) addPods(pods []corev1.Pod) {
	for i := range pods {
		pod := &pods[i]
		if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		add(r.Requested, resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}))
		add(r.Requested, corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")})
	}
}

func add(sum, more corev1.ResourceList) {
	for name, quantity := range more {
		total := sum[name]
		total.Add(quantity)
		sum[name] = total
	}
}

func takesPods(node *corev1.Node) bool {
	if node.Spec.Unschedulable {
		return false
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// only is the one value that all nodes have; empty where they differ: such a cluster has no single zone.
func only(values map[string]bool) string {
	if len(values) != 1 {
		return ""
	}
	for value := range values {
		return value
	}
	return ""
}
