// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

const (
	// keptRequests of an object are at hand for the next cluster with the same share: clusters mostly have one of two.
	keptRequests = 2
	// keptBytes is the most that a request may have to be kept.
	keptBytes = 16 << 10
)

// basis is what all manifests of an object are made from. As long as it is the same, they are.
type basis struct {
	source metav1.Object
	// placement is the Placement, where manifests depend on more of it than the share. Else nil.
	placement *v1alpha1.Placement
}

// same says whether manifests made from either are the same. What only a status has changed in makes no difference.
func (b basis) same(other basis) bool {
	if (b.placement == nil) != (other.placement == nil) || b.source.GetUID() != other.source.GetUID() {
		return false
	}
	if p, o := b.placement, other.placement; p != nil && (p.UID != o.UID || p.Generation != o.Generation) {
		return false
	}
	if b.source.GetResourceVersion() == other.source.GetResourceVersion() {
		return true
	}
	generation := b.source.GetGeneration()
	return generation > 0 && generation == other.source.GetGeneration() &&
		maps.Equal(b.source.GetLabels(), other.source.GetLabels()) && maps.Equal(b.source.GetAnnotations(), other.source.GetAnnotations())
}

// share is what the manifests of an object differ in from cluster to cluster.
type share struct {
	// cluster is empty where clusters with as many replicas hold the same.
	cluster string
	// replicas are those that are written, if counted.
	counted  bool
	replicas int32
	// idle: nothing of it is run.
	idle bool
	// template is the hash of its pod template, if that is told.
	template string
}

// shareOf is a cluster's share, and what else its manifest is made from.
func shareOf(cluster string, kind *workload.Kind, obj workload.Object, placement *v1alpha1.Placement) (share, basis) {
	of, from := share{}, basis{source: obj}
	if kind.IsLocal(obj) || len(placement.Spec.Overrides) > 0 {
		of.cluster, from.placement = cluster, placement
	}
	if placement.Spec.Autoscaler != nil {
		from.placement = placement // the replicas are not written
	}
	assigned := workload.Share(&placement.Spec, cluster)
	if kind.Replicas != nil && assigned != nil && assigned.Replicas != nil {
		of.counted, of.replicas = true, *assigned.Replicas
	}
	of.idle, of.template = assigned != nil && assigned.Idle, workload.TemplateIn(&placement.Spec, cluster)
	return of, from
}

// made is what was made of one object.
type made struct {
	basis
	shares map[share]manifest // without JSON
	owned  map[string]string  // ownership, by the digest of the manifest
	kept   []kept             // the newest last
}

type kept struct {
	share
	manifest
}

// manifests remembers what was made of the federation's objects: digests of all that are in use, and the last requests.
// The zero value is ready for use.
type manifests struct {
	mu sync.Mutex
	of map[item]*made
}

// get returns the manifest of a share. It is created where not even its digest is known; else it may lack its JSON.
func (m *manifests) get(it item, from basis, of share, create func() (manifest, error)) (manifest, error) {
	if found, ok := m.find(it, from, of); ok {
		return found, nil
	}
	created, err := create()
	if err != nil {
		return created, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[it]
	if known == nil || !known.same(from) {
		known = &made{basis: from, shares: map[share]manifest{}, owned: map[string]string{}}
		if m.of == nil {
			m.of = map[item]*made{}
		}
		m.of[it] = known
	}
	known.shares[of] = manifest{digest: created.digest, replicas: created.replicas}
	if len(created.json) <= keptBytes {
		known.kept = append(known.kept[max(0, len(known.kept)-keptRequests+1):], kept{of, created})
	}
	return created, nil
}

func (m *manifests) find(it item, from basis, of share) (manifest, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[it]
	if known == nil || !known.same(from) {
		return manifest{}, false
	}
	known.basis = from // the newest object, so that no older one is kept alive
	if i := slices.IndexFunc(known.kept, func(k kept) bool { return k.share == of }); i >= 0 {
		return known.kept[i].manifest, true
	}
	if found, ok := known.shares[of]; ok {
		return found, true
	}
	for other, found := range known.shares {
		if found.replicas != nil && of.differsInReplicas(other) {
			found.replicas = ptr.To(of.replicas)
			known.shares[of] = found
			return found, true
		}
	}
	return manifest{}, false
}

// differsInReplicas says whether what is written of two shares differs in the replicas at the most.
func (s share) differsInReplicas(other share) bool {
	other.replicas = s.replicas
	return s == other && s.counted && !s.idle
}

// ownership is that of a manifest which get has returned. It is empty if it cannot be told.
func (m *manifests) ownership(it item, digest string, find func() string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[it]
	if known == nil {
		return find()
	}
	if _, ok := known.owned[digest]; !ok {
		known.owned[digest] = find()
	}
	return known.owned[digest]
}

// forget drops what was made of an object that is gone.
func (m *manifests) forget(it item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, it)
}
