// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// UnjoinOptions are the flags of unjoin.
type UnjoinOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Cluster.
	Name string
	// Mode says what becomes of what runs there.
	Mode LeaveMode
	// IgnorePolicies goes on though workloads would get below what their policies demand.
	IgnorePolicies bool
	// Yes does not ask.
	Yes bool
	// Force lets go of a cluster that no longer exists, without touching it.
	Force bool
	// Timeout is how long to wait until the cluster has left.
	Timeout time.Duration
}

// LeaveMode is what becomes of what Drover runs in a cluster that leaves.
type LeaveMode string

const (
	// LeaveKeep leaves it there, without Drover's marks.
	LeaveKeep LeaveMode = "leave"
	// LeaveMove moves it to other clusters first.
	LeaveMove LeaveMode = "move"
	// LeaveDelete deletes it there.
	LeaveDelete LeaveMode = "delete"
)

// NewUnjoinOptions returns the defaults.
func NewUnjoinOptions(streams Streams, federation *FederationOptions) *UnjoinOptions {
	return &UnjoinOptions{Streams: streams, Federation: federation, Mode: LeaveKeep, Timeout: 2 * time.Minute}
}

// AddFlags adds the flags of unjoin.
func (o *UnjoinOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar((*string)(&o.Mode), "mode", string(o.Mode), "What becomes of what runs there: leave it there, move it to other clusters first, or delete it.")
	fs.BoolVar(&o.IgnorePolicies, "ignore-policies", o.IgnorePolicies, "Go on even if workloads get below what their policies demand.")
	fs.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	fs.BoolVar(&o.Force, "force", o.Force, "The cluster no longer exists: let go of it without touching it.")
	fs.DurationVar(&o.Timeout, "timeout", o.Timeout, "How long to wait until the cluster has left.")
}

// Run lets the cluster leave the federation.
func (o *UnjoinOptions) Run(ctx context.Context) error {
	switch {
	case o.Timeout <= 0:
		return errors.New("--timeout must be more than 0")
	case o.Mode != LeaveKeep && o.Mode != LeaveMove && o.Mode != LeaveDelete:
		return fmt.Errorf("--mode=%s is not known: use %s, %s or %s", o.Mode, LeaveKeep, LeaveMove, LeaveDelete)
	case o.Force && o.Mode != LeaveKeep:
		return fmt.Errorf("--force touches nothing in the cluster, so it does not go with --mode=%s: leave one out", o.Mode)
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	u := &unjoin{UnjoinOptions: o, progress: &progress{out: o.Out, now: time.Now}, federation: federation, poll: 300 * time.Millisecond}
	return u.run(ctx)
}

// unjoin is an unjoin under way.
type unjoin struct {
	*UnjoinOptions
	*progress
	federation *federation
	poll       time.Duration
}

func (u *unjoin) run(ctx context.Context) error {
	if err := u.federation.check(ctx); err != nil {
		return err
	}
	cluster, err := u.federation.cluster(ctx, u.Name)
	if err != nil {
		return err
	}
	if cluster == nil {
		return u.federation.notJoined(ctx, u.Name)
	}
	forced := cluster.Annotations[v1alpha1.AnnotationForceLeave] == "true"
	switch {
	case cluster.DeletionTimestamp != nil && (!u.Force || forced):
		u.line("%s is leaving already.", u.Name)
	case u.Mode == LeaveMove && isMovedAway(cluster):
		u.line("The workloads of %s are being moved already.", u.Name)
	default:
		if err := u.agree(ctx, cluster); err != nil {
			return err
		}
	}
	start := u.now()
	if u.Mode == LeaveMove && cluster.DeletionTimestamp == nil {
		if err := u.moveAway(ctx); err != nil {
			return err
		}
	}
	if err := u.annotate(ctx, cluster); err != nil {
		return err
	}
	if cluster.DeletionTimestamp == nil {
		err := u.federation.drover.FederationV1alpha1().Clusters().Delete(ctx, u.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(cluster.UID))})
		if err != nil && !apierrors.IsNotFound(err) {
			return u.federation.explain("delete cluster "+u.Name, err)
		}
	}
	if err := u.waitGone(ctx, cluster.UID); err != nil {
		return err
	}
	if err := u.federation.forget(ctx, u.Name); err != nil {
		return err
	}
	u.line("%s has left the federation (%.1fs). Try next:\n  kubectl%s get clusters,placements --all-namespaces", u.Name, u.now().Sub(start).Seconds(), u.federation.flags())
	return nil
}

// agree shows what will happen, and asks.
func (u *unjoin) agree(ctx context.Context, cluster *v1alpha1.Cluster) error {
	placements, err := u.federation.drover.FederationV1alpha1().Placements(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return u.federation.explain("list placements", err)
	}
	names, err := u.federation.clusterNames(ctx)
	if err != nil {
		return err
	}
	plan := leavePlan{cluster: cluster, running: runningIn(u.Name, placements.Items), force: u.Force, mode: u.Mode}
	if !u.Force {
		if plan.departures, err = u.federation.departures(ctx, u.Name, placements.Items); err != nil {
			return err
		}
	}
	plan.others = slices.DeleteFunc(names, func(name string) bool { return name == u.Name })
	u.line("%s", plan.text())
	if short := shortfalls(plan.departures); short != "" && !u.IgnorePolicies {
		return fmt.Errorf("nothing has changed: without %s, workloads would get below what is demanded of them\n%s\n"+
			"change their policies, join or uncordon another cluster, or add --ignore-policies", u.Name, short)
	}
	if u.Yes {
		return nil
	}
	return u.confirm(ctx, "Unjoin "+u.Name+"?")
}

// annotate says on the Cluster how it is to leave, before it does.
func (u *unjoin) annotate(ctx context.Context, cluster *v1alpha1.Cluster) error {
	annotations := map[string]any{}
	set := func(name string, wanted bool) {
		switch is := cluster.Annotations[name] == "true"; {
		case wanted && !is:
			annotations[name] = "true"
		case !wanted && is && cluster.DeletionTimestamp == nil:
			annotations[name] = nil // of an earlier attempt that was interrupted
		}
	}
	set(v1alpha1.AnnotationForceLeave, u.Force)
	if cluster.DeletionTimestamp == nil {
		set(v1alpha1.AnnotationLeaveDeletes, u.Mode != LeaveKeep) // what is moved is elsewhere by now
	}
	if len(annotations) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": cluster.UID, "annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = u.federation.drover.FederationV1alpha1().Clusters().Patch(ctx, u.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return u.federation.explain("annotate cluster "+u.Name, err)
}

// waitGone waits until the Cluster is gone, and says what it waits for.
func (u *unjoin) waitGone(ctx context.Context, uid types.UID) error {
	said := &changes{progress: u.progress}
	var failed error
	pending := ""
	err := wait.PollUntilContextTimeout(ctx, u.poll, u.Timeout, true, func(ctx context.Context) (bool, error) {
		cluster, err := u.federation.cluster(ctx, u.Name)
		if failed = err; err != nil {
			return false, nil // the control plane may be restarting
		}
		if cluster == nil || cluster.UID != uid {
			return true, nil
		}
		if leaving := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionLeaving); leaving != nil {
			pending = leaving.Message
			said.show(pending)
		}
		return false, nil
	})
	again := fmt.Sprintf("kubectl drover unjoin %s%s", u.Name, u.federation.flags())
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w\n%s goes on leaving; to watch it again: %s", ctx.Err(), u.Name, again)
	case failed != nil:
		return failed
	case pending == "":
		pending = "nothing has been heard of it; does drover controllers, or drover start, run?"
	}
	remedy := fmt.Sprintf("it goes on by itself; to watch it again: %s", again)
	if !u.Force {
		remedy += fmt.Sprintf("\nif the cluster no longer exists: %s --force", again)
	}
	return fmt.Errorf("%s is still leaving after %s: %s\n%s", u.Name, u.Timeout, pending, remedy)
}
