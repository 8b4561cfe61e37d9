// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// write creates namespaces, then the policies that keep all where it is, then the objects.
func (i *importing) write(ctx context.Context) error {
	i.templates, i.waiting, i.refused = map[string]any{}, map[string]object{}, map[string]string{}
	for _, o := range i.begun {
		i.waiting[o.key()] = o
	}
	needed := namespacesOf(append(slices.Clone(i.missing), i.begun...))
	for _, ns := range i.namespaces {
		if !slices.Contains(needed, ns.GetName()) {
			continue
		}
		if err := i.create(ctx, ns); err != nil {
			return err
		}
		if err := i.adopt(ctx, ns.GetName()); err != nil {
			return err
		}
	}
	for _, o := range i.missing {
		if err := i.createAsItIs(ctx, o); err != nil {
			return err
		}
	}
	if created := len(i.waiting) - len(i.begun); created > 0 {
		i.line("%s created in the federation", count(int64(created), "object"))
	}
	return nil
}

// adopt has a policy in a namespace that keeps what is there in the cluster, and lets Drover take it over.
func (i *importing) adopt(ctx context.Context, namespace string) error {
	const doing = "create the policy that keeps things where they are, in "
	policies := i.federation.drover.FederationV1alpha1().PlacementPolicies(namespace)
	wanted := policyOf(i.Cluster, namespace)
	_, err := policies.Create(ctx, wanted, metav1.CreateOptions{FieldManager: fieldManager})
	if apierrors.IsAlreadyExists(err) {
		err = i.setConflict(ctx, namespace, v1alpha1.ConflictAdopt)
	}
	return i.federation.explain(doing+namespace, err)
}

func (i *importing) setConflict(ctx context.Context, namespace string, conflict v1alpha1.ConflictPolicy) error {
	patch := fmt.Appendf(nil, `{"spec":{"conflict":%q}}`, conflict)
	_, err := i.federation.drover.FederationV1alpha1().PlacementPolicies(namespace).
		Patch(ctx, policyOf(i.Cluster, namespace).Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

// createAsItIs creates an object as it is in the cluster right now: since it was read, somebody may have changed it.
func (i *importing) createAsItIs(ctx context.Context, o object) error {
	now, err := i.there.Resource(o.resource).Namespace(o.GetNamespace()).Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // it is gone, and so it shall be
	}
	if err != nil {
		return i.member.explain("get "+o.String(), err)
	}
	if leftOut(o.resource, now).text != "" {
		return nil
	}
	fresh := object{o.resource, now}
	if template := templateOf(fresh); template != nil {
		i.templates[o.key()] = template
	}
	if err := i.create(ctx, fresh); err != nil {
		return err
	}
	if i.refused[o.key()] == "" {
		i.waiting[o.key()] = o
	}
	return nil
}

// templateOf is the template of the pods that an object makes; nil if it makes none.
func templateOf(o object) any {
	path := []string{"spec", "template"}
	if o.resource == members.CronJobs {
		path = []string{"spec", "jobTemplate"}
	}
	template, _, _ := unstructured.NestedFieldCopy(o.Object, path...)
	return template
}

// create creates an object of the cluster in the federation. What the federation refuses is remembered.
func (i *importing) create(ctx context.Context, o object) error {
	wanted := cleaned(o)
	annotations := wanted.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationImportedFrom] = i.Cluster
	wanted.SetAnnotations(annotations)
	_, err := i.here.Resource(o.resource).Namespace(o.GetNamespace()).Create(ctx, wanted, metav1.CreateOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil // by an import at the same time
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		i.refused[o.key()] = o.String() + ": " + err.Error()
		return nil
	case err != nil:
		return fmt.Errorf("%w\nwhat was created before stays; the same command goes on from there", i.federation.explain("create "+o.String(), err))
	}
	return nil
}

// settle waits until what was created is Drover's in the cluster.
func (i *importing) settle(ctx context.Context) error {
	all, said := len(i.waiting), &changes{progress: i.progress}
	var failed error
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, i.Timeout, true, func(ctx context.Context) (bool, error) {
		if failed = i.look(ctx); failed != nil {
			return false, nil // the cluster may be busy
		}
		said.show(fmt.Sprintf("%d of %d are Drover's in %s", all-len(i.waiting), all, i.Cluster))
		return len(i.waiting) == 0, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w\nDrover goes on; the same command waits for it again", ctx.Err())
	case failed != nil:
		return i.member.explain("see what is Drover's", failed)
	}
	return fmt.Errorf("after %s, %d of %d are not Drover's in %s:\n  %s\nDrover goes on trying; the same command waits for it again", i.Timeout, len(i.waiting), all, i.Cluster, strings.Join(i.behind(ctx), "\n  "))
}

// look forgets what has become Drover's, and notes whose pods are of another template than before.
func (i *importing) look(ctx context.Context) error {
	resources := map[string]bool{}
	for _, o := range i.waiting {
		resources[o.resource.Resource] = true
	}
	for _, resource := range imported {
		if !resources[resource.Resource] {
			continue
		}
		objects, err := i.list(ctx, i.there, resource, metav1.ListOptions{LabelSelector: v1alpha1.LabelManaged + "=true"})
		if err != nil {
			return err
		}
		for _, o := range objects {
			if o.GetAnnotations()[v1alpha1.AnnotationFederation] != i.identity {
				continue
			}
			delete(i.waiting, o.key())
			if before, known := i.templates[o.key()]; known && !reflect.DeepEqual(before, templateOf(o)) {
				i.changed = append(i.changed, o.String())
			}
			delete(i.templates, o.key())
		}
	}
	return nil
}

// behind says of some of what is waited for why it is not there.
func (i *importing) behind(ctx context.Context) (out []string) {
	keys := slices.Sorted(maps.Keys(i.waiting))
	for n, key := range keys {
		if n == 5 {
			return append(out, fmt.Sprintf("and %d more", len(keys)-n))
		}
		out = append(out, i.waiting[key].String()+i.why(ctx, i.waiting[key]))
	}
	return out
}

// why is what Drover says of an object that is not there; empty if it says nothing.
func (i *importing) why(ctx context.Context, o object) string {
	kind := workload.KindOfResource(o.resource)
	if kind == nil {
		return ""
	}
	name := workload.KeyFor(kind, o).PlacementName()
	placement, err := i.federation.drover.FederationV1alpha1().Placements(o.GetNamespace()).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ": nothing is decided about it; do Drover's controllers run?"
	}
	for _, condition := range []string{v1alpha1.ConditionScheduled, v1alpha1.ConditionSynced} {
		if c := meta.FindStatusCondition(placement.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionFalse {
			return ": " + c.Message
		}
	}
	return ""
}

// release ends the right to take over: in another cluster, something of the same name is not to be overwritten.
func (i *importing) release(ctx context.Context) error {
	for _, ns := range i.namespaces {
		policy, err := i.federation.drover.FederationV1alpha1().PlacementPolicies(ns.GetName()).Get(ctx, policyOf(i.Cluster, ns.GetName()).Name, metav1.GetOptions{})
		if err == nil && (!isOurs(policy, i.Cluster) || policy.Spec.Conflict != v1alpha1.ConflictAdopt) || apierrors.IsNotFound(err) {
			continue
		}
		if err == nil && !i.DryRun {
			err = i.setConflict(ctx, ns.GetName(), v1alpha1.ConflictFail)
		}
		if err != nil {
			return i.federation.explain("end the taking over in "+ns.GetName(), err)
		}
	}
	return nil
}

// conclude says what came of it.
func (i *importing) conclude() error {
	if len(i.refused) > 0 {
		return fmt.Errorf("the federation has refused %s, which stay as they are in %s:\n  %s\nchange them there, and run the same command again", count(int64(len(i.refused)), "object"), i.Cluster, strings.Join(slices.Sorted(maps.Values(i.refused)), "\n  "))
	}
	pods := "No pod template has changed, so no pod was restarted."
	if len(i.changed) > 0 {
		pods = "Meanwhile somebody has changed the pods of: " + strings.Join(i.changed, ", ") + "."
	}
	i.line("%s is taken over. %s Try next:\n  kubectl%s get deployments --all-namespaces", i.Cluster, pods, i.federation.flags())
	return nil
}
