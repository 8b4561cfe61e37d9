// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Cluster is what a Cluster is in a snapshot. One that is leaving is being drained.
func Cluster(c *v1alpha1.Cluster) snapshot.Cluster {
	return snapshot.Cluster{
		Name:        c.Name,
		Location:    location(&c.Status.Location),
		Health:      health(c),
		Draining:    c.DeletionTimestamp != nil,
		LoadPercent: loadPercent(c.Status.Allocatable, c.Status.Requested),
	}
}

// health of a cluster is Healthy or Unknown: that its API server does not answer says nothing of what runs there.
func health(c *v1alpha1.Cluster) snapshot.Health {
	ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return snapshot.Health{State: snapshot.Unknown}
	}
	h := snapshot.Health{State: snapshot.Healthy, Since: ready.LastTransitionTime.Time}
	if ready.Status != metav1.ConditionTrue {
		h.State = snapshot.Unknown
	} else if c.Status.LastProbeTime != nil {
		h.LastReport = c.Status.LastProbeTime.Time
	}
	return h
}

// location leaves out what cannot be part of a name, or cannot be read.
func location(at *v1alpha1.Location) snapshot.Location {
	l := snapshot.Location{Continent: at.Continent, Region: label(at.Region)}
	if l.Region != "" {
		l.Zone = label(at.Zone)
	}
	latitude, errLatitude := strconv.ParseFloat(at.Latitude, 64)
	longitude, errLongitude := strconv.ParseFloat(at.Longitude, 64)
	if errLatitude == nil && errLongitude == nil {
		l.Latitude, l.Longitude = &latitude, &longitude
	}
	return l
}

// label makes a label of a region or a zone; empty if it cannot be one, or is a word with a meaning in names.
func label(name string) string {
	name = strings.ToLower(name)
	if len(validation.IsDNS1123Label(name)) > 0 || slices.Contains([]string{"svc", "cluster"}, name) {
		return ""
	}
	return name
}

// loadPercent is how much of the nodes is requested: of processors or memory, whichever is scarcer. It is nil if nothing is
// known of the nodes.
func loadPercent(allocatable, requested corev1.ResourceList) *int32 {
	var load *int32
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		all, used := allocatable[name], requested[name]
		if all.Sign() <= 0 {
			continue
		}
		percent := min(used.AsApproximateFloat64()/all.AsApproximateFloat64()*100, 1000)
		if load == nil || int32(percent) > *load {
			load = new(int32(percent))
		}
	}
	return load
}
