// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

var controllerRevisions = appsv1.SchemeGroupVersion.WithResource("controllerrevisions")

// keepTemplates has a decision hold the pod templates that clusters keep until it is their turn: those that the decision
// before held, and those that are among the revisions of the workload. What is found in neither, each cluster has itself.
func (c *Controller) keepTemplates(key workload.Key, obj workload.Object, was, next *v1alpha1.PlacementSpec) error {
	for _, a := range next.Clusters {
		is := func(t v1alpha1.PlacementTemplate) bool { return t.Hash == a.TemplateHash }
		if a.TemplateHash == "" || slices.ContainsFunc(next.Templates, is) {
			continue
		}
		if i := slices.IndexFunc(was.Templates, is); i >= 0 {
			next.Templates = append(next.Templates, was.Templates[i])
			continue
		}
		recorded, err := c.recorded(key, obj, a.TemplateHash)
		if err != nil {
			return err
		}
		next.Templates = append(next.Templates, recorded...)
	}
	slices.SortFunc(next.Templates, func(a, b v1alpha1.PlacementTemplate) int { return cmp.Compare(a.Hash, b.Hash) })
	return nil
}

// recorded finds the pod template of a hash among the revisions of a workload.
func (c *Controller) recorded(key workload.Key, obj workload.Object, hash string) ([]v1alpha1.PlacementTemplate, error) {
	resource := controllerRevisions
	if key.Kind == workload.Deployment {
		resource = workload.ReplicaSet.Resource
	}
	records, err := c.revisions[resource].GetIndexer().ByIndex(cache.NamespaceIndex, key.Namespace)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if !metav1.IsControlledBy(record.(metav1.Object), obj) {
			continue
		}
		if template := workload.RevisionTemplate(record); template != nil && workload.RevisionHash(template, 0) == hash {
			raw, err := json.Marshal(template)
			return []v1alpha1.PlacementTemplate{{Hash: hash, Template: v1alpha1.JSON{Raw: raw}}}, err
		}
	}
	return nil, nil
}
