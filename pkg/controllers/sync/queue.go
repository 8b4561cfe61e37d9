// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

const (
	// clusterWorkers write to one cluster at once, if it keeps up.
	clusterWorkers = 16
	// conflictRecheck is how often an object in the way is looked at again: it is not watched, since it is not ours.
	conflictRecheck = 30 * time.Second
	// inUseRecheck is how often something that is not needed any more is looked at while old pods may still use it.
	inUseRecheck = 3 * time.Second
	// guardRecheck is how soon it is looked again whether what comes before an object is placed.
	guardRecheck = time.Second
	// cacheLag is how long an object just written may take to show in the member's cache.
	cacheLag = 5 * time.Second
)

// applied remembers what was last written of an object.
type applied struct {
	// digest of the manifest, and of the fields that Drover owned after it.
	digest, owned string
	replicas      *int32 // of the manifest
	// before is the resource version the cache had when it was written; empty if it had none.
	before string
	// at is when it was written, seen whether the cache has had it since.
	at   time.Time
	seen bool
}

// queue is one cluster's: its work, and what is known of what was done.
type queue struct {
	controller *Controller
	member     *members.Member
	runner     *runner.Runner[item]
	cancel     context.CancelFunc
	done       sync.WaitGroup

	mu         sync.Mutex
	applied    map[item]applied
	namespaces map[string]bool // those that are there and not ours
	noScale    atomic.Bool     // the member does not let Drover set replicas by themselves

	applying turns[item]
	making   turns[string] // namespaces
}

func newQueue(c *Controller, member *members.Member) *queue {
	q := &queue{controller: c, member: member, applied: map[item]applied{}, namespaces: map[string]bool{}}
	q.runner = runner.New("sync-"+member.Name, q.reconcile)
	return q
}

func (q *queue) start(ctx context.Context) {
	ctx, q.cancel = context.WithCancel(ctx)
	q.done.Go(func() { q.runner.Run(ctx, clusterWorkers) })
}

func (q *queue) stop() {
	q.cancel()
	q.done.Wait()
}

// reconcile brings one object in the cluster to where it should be, and records how that went.
func (q *queue) reconcile(ctx context.Context, it item) (time.Duration, error) {
	leave, err := q.member.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	want, err := q.controller.desiredIn(q.member.Name, it)
	if err != nil {
		return 0, err
	}
	again, outcome, err := q.bring(ctx, it, want)
	key, isWorkload := it.workload()
	if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
		outcome = Outcome{Reason: v1alpha1.ReasonSyncFailed, Message: err.Error()}
	}
	if isWorkload && ctx.Err() == nil && q.controller.outcomes.record(q.member.Name, key, outcome) && outcome.Reason != "" && want.source != nil {
		if obj, ok := want.source.(workload.Object); ok {
			q.controller.events.Eventf(obj, corev1.EventTypeWarning, outcome.Reason, "cluster %s: %s", q.member.Name, outcome.Message)
		}
	}
	return again, err
}

func (q *queue) bring(ctx context.Context, it item, want desired) (time.Duration, Outcome, error) {
	live := q.member.Get(it.resource, it.namespace, it.name)
	mine := live != nil && members.Holds(q.controller.identity, it.resource, live)
	switch want.intent {
	case present:
		if want.failed.Reason != "" {
			return 0, want.failed, nil
		}
		if err := q.member.Refused(it.resource); err != nil {
			return conflictRecheck, Outcome{Reason: v1alpha1.ReasonSyncFailed, Message: fmt.Sprintf(
				"the cluster does not let Drover read %s: %v; join it again with --renew, or leave it out by a policy", it.resource.GroupResource(), err)}, nil
		}
		for _, needed := range slices.Concat(want.guards, want.needs) {
			wanted, err := q.controller.desiredIn(q.member.Name, needed)
			if err != nil {
				return 0, Outcome{}, err
			}
			if wanted.intent != present && slices.Contains(want.guards, needed) {
				return guardRecheck, Outcome{}, nil // about to be placed where this is
			}
			wanted.adopt, wanted.needs = want.adopt, nil // what it needs in turn is among ours, before it
			if wanted.intent != present {
				continue // not in the federation: its pods wait for it, as in any cluster
			}
			if _, outcome, err := q.bring(ctx, needed, wanted); err != nil || outcome.Reason != "" {
				return conflictRecheck, outcome, err
			}
		}
		defer q.applying.take(it)() // it may be in work for itself, and as what others need
		live = q.member.Get(it.resource, it.namespace, it.name)
		mine = live != nil && members.Holds(q.controller.identity, it.resource, live)
		if mine && sourceUID(live) != want.source.GetUID() {
			if orphan, err := q.controller.isOwedOrphan(ctx, q.member.Name, live); err != nil || orphan {
				return guardRecheck, Outcome{}, err // it is let go first
			}
		}
		return q.apply(ctx, it, want, live, mine)
	case absent:
		q.forget(it)
		if !mine {
			return 0, Outcome{}, nil
		}
		if q.inUse(it) {
			return inUseRecheck, Outcome{}, nil
		}
		return 0, Outcome{}, q.remove(ctx, it, live, want.foreground)
	case released:
		return 0, Outcome{}, q.releaseWithNeeds(ctx, it, want, mine)
	}
	return 0, Outcome{}, nil
}

// apply writes an object, unless the member has it already.
func (q *queue) apply(ctx context.Context, it item, want desired, live metav1.Object, mine bool) (time.Duration, Outcome, error) {
	if want.scaled != nil && mine && members.OwnsReplicas(live) && runsAny(it, live) {
		if err := q.leaveReplicas(ctx, it, live); err != nil {
			return 0, Outcome{}, err
		}
	}
	last, known := q.recall(it)
	if !known && mine && q.hasAlready(it, want, live) {
		last, known = q.noteFound(it, want, live), true
	}
	asWritten := known && mine && (last.owns(live) || live.GetResourceVersion() == last.before)
	if known && want.manifest.same(last.digest, last.replicas) {
		switch {
		case asWritten && (live.GetResourceVersion() == last.before || ptr.Equal(replicasIn(it, live, want.manifest), last.replicas)):
			q.sawAgain(it)
			return 0, Outcome{}, nil
		case live == nil && !last.seen && q.controller.now().Sub(last.at) < cacheLag:
			return cacheLag, Outcome{}, nil // made, but not seen yet
		}
	}
	if !mine {
		if live != nil {
			if outcome := q.inTheWay(it, want, live); outcome.Reason != "" {
				return conflictRecheck, outcome, nil
			}
		}
		if err := q.ensureNamespace(ctx, it.namespace); err != nil {
			return 0, Outcome{}, err
		}
	}
	if asWritten && want.manifest.digest == last.digest && want.manifest.replicas != nil && last.replicas != nil {
		switch scaled, err := q.scale(ctx, it, live, *want.manifest.replicas); {
		case err != nil:
			return 0, Outcome{}, fmt.Errorf("scale %s %s: %w", it.resource.Resource, it.name, err)
		case scaled:
			last.replicas, last.before, last.at, last.seen = want.manifest.replicas, live.GetResourceVersion(), q.controller.now(), true
			q.remember(it, last)
			return 0, Outcome{}, nil
		}
	}
	result, outcome, err := q.write(ctx, it, want, live)
	if outcome.Reason != "" {
		return conflictRecheck, outcome, err
	}
	if err != nil {
		if apierrors.IsNotFound(err) {
			q.forgetNamespace(it.namespace)
		}
		if apierrors.IsInvalid(err) && mine && live.GetAnnotations()[v1alpha1.AnnotationSourceUID] != string(want.source.GetUID()) {
			// It is of an object that had the same name, and cannot become this one.
			return 0, Outcome{}, q.deleteLive(ctx, it, live, metav1.DeletePropagationBackground)
		}
		return 0, Outcome{}, fmt.Errorf("apply %s %s: %w", it.resource.Resource, it.name, err)
	}
	now := applied{digest: want.manifest.digest, replicas: want.manifest.replicas, owned: members.OwnedFields(result), at: q.controller.now(), seen: live != nil}
	if live != nil {
		now.before = live.GetResourceVersion()
	}
	q.remember(it, now)
	return 0, Outcome{}, nil
}

// runsAny says whether an object in the member is to have replicas. One that is to have none is not scaled by an autoscaler.
func runsAny(it item, live metav1.Object) bool {
	kind := workload.KindOfResource(it.resource)
	obj, ok := live.(runtime.Object)
	return ok && kind != nil && kind.Replicas != nil && ptr.Deref(*kind.Replicas(obj), 1) > 0
}

// leaveReplicas leaves the replicas of an object to the member's autoscaler, as they are.
func (q *queue) leaveReplicas(ctx context.Context, it item, live metav1.Object) error {
	left, err := q.member.ReleaseReplicas(ctx, it.resource, it.namespace, it.name)
	if err != nil {
		return fmt.Errorf("leave the replicas of %s %s to the autoscaler: %w", it.resource.Resource, it.name, err)
	}
	last, _ := q.recall(it)
	last.digest, last.owned = left.Annotations[v1alpha1.AnnotationDigest], members.OwnedFields(left)
	last.replicas, last.before, last.at, last.seen = nil, live.GetResourceVersion(), q.controller.now(), true
	q.remember(it, last)
	return nil
}

// inUse says whether pods in the cluster may still use a reference that no workload needs any more: as long as one of our
// workloads beside it is not rolled out, or not gone. What is gone from the federation itself goes at once.
func (q *queue) inUse(it item) bool {
	if q.controller.reference(it) == nil {
		return false
	}
	for _, kind := range workload.Kinds {
		if kind.Template == nil {
			continue
		}
		for _, live := range q.member.List(kind.Resource) {
			if live.GetNamespace() != it.namespace || !members.Holds(q.controller.identity, kind.Resource, live) {
				continue
			}
			key := workload.KeyFor(kind, live)
			federated, err := q.controller.workloads.Get(key)
			if err != nil || federated == nil || !slices.Contains(q.controller.placedOn(key), q.member.Name) {
				return true // still to be removed
			}
			if q.controller.keepsTemplate(key, q.member.Name) {
				return true
			}
			if report := kind.ReportOf(q.member.Name, live); report.ObservedGeneration != federated.GetGeneration() || report.UpdatedReplicas != report.Replicas {
				return true
			}
		}
	}
	return false
}

// owns says whether an object has what was written last but for its replicas, and Drover still owns all of it.
func (a applied) owns(live metav1.Object) bool {
	return live.GetAnnotations()[v1alpha1.AnnotationDigest] == a.digest && members.OwnedFields(live) == a.owned
}

// replicasIn are those of an object in the member, where the manifest says how many there are to be.
func replicasIn(it item, live metav1.Object, m manifest) *int32 {
	kind := workload.KindOfResource(it.resource)
	obj, ok := live.(runtime.Object)
	if m.replicas == nil || !ok || kind == nil || kind.Replicas == nil {
		return m.replicas
	}
	return *kind.Replicas(obj)
}

// remove deletes an object that is ours and not wanted here.
func (q *queue) remove(ctx context.Context, it item, live metav1.Object, foreground bool) error {
	if !live.GetDeletionTimestamp().IsZero() {
		return nil // under way
	}
	if confirmed, err := q.controller.confirmAbsent(ctx, q.member.Name, it, live); err != nil || !confirmed {
		return err
	}
	propagation := metav1.DeletePropagationBackground
	if foreground {
		propagation = metav1.DeletePropagationForeground
	}
	return q.deleteLive(ctx, it, live, propagation)
}

func (q *queue) deleteLive(ctx context.Context, it item, live metav1.Object, propagation metav1.DeletionPropagation) error {
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	err := q.member.Metadata.Resource(it.resource).Namespace(it.namespace).Delete(ctx, it.name, metav1.DeleteOptions{
		PropagationPolicy: &propagation, Preconditions: metav1.NewUIDPreconditions(string(live.GetUID())),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s %s: %w", it.resource.Resource, it.name, err)
	}
	return nil
}

// releaseWithNeeds lets go of a workload, and of what it refers to and nothing else here does.
func (q *queue) releaseWithNeeds(ctx context.Context, it item, want desired, mine bool) error {
	q.forget(it)
	if !mine {
		return nil
	}
	for _, needed := range want.needs {
		if live := q.member.Get(needed.resource, needed.namespace, needed.name); live == nil || !members.Holds(q.controller.identity, needed.resource, live) {
			continue
		}
		if q.controller.neededByOthers(q.member.Name, needed, it) {
			continue
		}
		q.forget(needed)
		if err := q.release(ctx, needed); err != nil {
			return err
		}
	}
	return q.release(ctx, it)
}

func (q *queue) release(ctx context.Context, it item) error {
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	whole, err := q.member.Metadata.Resource(it.resource).Namespace(it.namespace).Get(ctx, it.name, metav1.GetOptions{})
	if err != nil {
		return workload.IgnoreNotFound(err)
	}
	return q.member.Release(ctx, it.resource, whole)
}

func (q *queue) recall(it item) (applied, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a, ok := q.applied[it]
	return a, ok
}

func (q *queue) remember(it item, a applied) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.applied[it] = a
}

// sawAgain notes that the cache has the object: when it has it no more, it is gone.
func (q *queue) sawAgain(it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.applied[it]
	a.seen = true
	q.applied[it] = a
}

func (q *queue) forget(it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.applied, it)
}
