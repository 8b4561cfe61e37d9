// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// left are the workloads that are on a cluster that is being drained.
type left []leftWorkload

// leftWorkload is one of them.
type leftWorkload struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"` // deployment/web
	// Replicas that are left; absent where it is whole.
	Replicas *int32 `json:"replicas,omitempty"`
	// Message is what it waits for.
	Message string `json:"message"`
	stays   bool
}

func (w leftWorkload) id() string { return w.Namespace + "/" + w.Workload }

func (l left) none() bool { return len(l) == 0 }

// stuck says that nothing of it will go by itself.
func (l left) stuck() bool {
	return len(l) > 0 && !slices.ContainsFunc(l, func(w leftWorkload) bool { return !w.stays })
}

// leftOn reads what is left on a cluster.
func (f *federation) leftOn(ctx context.Context, cluster string) (left, error) {
	placements, err := f.drover.FederationV1alpha1().Placements(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, f.explain("list placements", err)
	}
	of, err := f.cluster(ctx, cluster)
	if err != nil || of == nil { // it has left the federation
		return nil, err
	}
	policies, err := f.drover.FederationV1alpha1().PlacementPolicies(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, f.explain("list placementpolicies", err)
	}
	s := &foresight{policies: policies.Items}
	var l left
	for i := range placements.Items {
		if p := &placements.Items[i]; workload.RunsOn(p, cluster) {
			l = append(l, leftOf(p, s.policyOf(p.Namespace, p.Spec.Policy), of))
		}
	}
	slices.SortFunc(l, func(a, b leftWorkload) int { return cmp.Compare(a.id(), b.id()) })
	return l, nil
}

func leftOf(p *v1alpha1.Placement, policy *v1alpha1.PlacementPolicy, cluster *v1alpha1.Cluster) leftWorkload {
	key, _ := workload.KeyOf(p)
	w := leftWorkload{Namespace: p.Namespace, Workload: key.InNamespace(), Message: "being removed"}
	a := workload.Share(&p.Spec, cluster.Name)
	if a == nil {
		for _, c := range p.Status.Clusters {
			if c.Name == cluster.Name {
				w.Replicas = ptr.To(c.Replicas)
			}
		}
		return w
	}
	w.Replicas, w.Message = a.Replicas, "about to move"
	moving := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionProgressing)
	switch why := decision.StaysInDrain(&p.Spec, policy); {
	case a.Target != nil && moving != nil:
		w.Message = moving.Message
	case why != "":
		w.Message, w.stays = why, true
	case decision.RunsOut(&p.Spec, cluster.Name) != "":
		w.Message = decision.RunsOut(&p.Spec, cluster.Name)
	case !decision.MayLeave(cluster, p.Namespace):
		w.Message = "waits for the turn of its namespace"
	}
	return w
}

// drainReport tells of a drain: of each workload when it has left, and what those wait for that have not.
type drainReport struct {
	*drain
	before left
	seen   bool
	lines  int // of what is shown in its place on a terminal
	said   map[string]string
}

// drainEvent is a line of -o json.
type drainEvent struct {
	Time time.Time `json:"time"`
	// Event is Left, Waiting, Trouble, Drained or Incomplete.
	Event string `json:"event"`
	*leftWorkload
	Text string `json:"text,omitempty"`
}

func (r *drainReport) event(event string, w *leftWorkload, text string) {
	if r.Output != "json" {
		return
	}
	raw, err := json.Marshal(drainEvent{Time: r.now().UTC().Truncate(time.Millisecond), Event: event, leftWorkload: w, Text: text})
	if err == nil { // it always can be
		fmt.Fprintln(r.Out, string(raw))
	}
}

// show tells what has changed.
func (r *drainReport) show(l left) {
	r.erase()
	if r.said == nil {
		r.said = map[string]string{}
	}
	is := map[string]bool{}
	for _, w := range l {
		is[w.id()] = true
	}
	for _, w := range r.before {
		if !is[w.id()] {
			r.say("%s has left\n", w.id())
			r.event("Left", &w, "")
		}
	}
	for _, w := range l {
		if r.said[w.id()] == w.Message {
			continue
		}
		r.said[w.id()] = w.Message
		r.event("Waiting", &w, "")
		if !r.TerminalOut {
			r.say("%s\n", w.text())
		}
	}
	if r.TerminalOut && len(l) > 0 {
		r.draw(l)
	}
	r.before, r.seen = l, true
}

func (w leftWorkload) text() string {
	has := "all"
	if w.Replicas != nil {
		has = fmt.Sprint(*w.Replicas)
	}
	return fmt.Sprintf("%s: %s left, %s", w.id(), has, w.Message)
}

// drawn is how many workloads are shown at once on a terminal.
const drawn = 10

// draw shows what is left, in place of what was shown last.
func (r *drainReport) draw(l left) {
	var replicas int64
	for _, w := range l {
		replicas += int64(ptr.Deref(w.Replicas, 0))
	}
	lines := []string{fmt.Sprintf("%s (%s) left on %s", count(int64(len(l)), "workload"), count(replicas, "replica"), r.Name)}
	for _, w := range l[:min(drawn, len(l))] {
		lines = append(lines, "  "+cut(w.text()))
	}
	if len(l) > drawn {
		lines = append(lines, fmt.Sprintf("  and %d more", len(l)-drawn))
	}
	r.say("%s\n", strings.Join(lines, "\n"))
	r.lines = len(lines)
}

// erase takes away what was drawn last (ECMA-48).
func (r *drainReport) erase() {
	if r.lines > 0 {
		r.say("\x1b[%dA\x1b[J", r.lines)
	}
	r.lines = 0
}

// cut shortens a line to what most terminals show in one.
func cut(line string) string {
	const width = 76
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return line
}

// trouble tells that the federation cannot be asked, once.
func (r *drainReport) trouble(err error) {
	if r.said == nil {
		r.said = map[string]string{}
	}
	if r.said[""] == err.Error() {
		return
	}
	r.said[""] = err.Error()
	r.erase()
	r.say("%v\nIt is asked again.\n", err)
	r.event("Trouble", nil, err.Error())
}

// end says that all has left, or that the rest will not.
func (r *drainReport) end(l left, took time.Duration) error {
	r.erase()
	if l.none() {
		r.say("%s is drained (%.1fs): nothing that policies place is on it\n", r.Name, took.Seconds())
		r.event("Drained", nil, fmt.Sprintf("took %.1fs", took.Seconds()))
		return nil
	}
	r.event("Incomplete", nil, l.text())
	return fmt.Errorf("%s is not empty: what is left cannot go elsewhere, and stays\n%s", r.Name, l.text())
}

// interrupted says that nobody waits any longer, and what is left.
func (r *drainReport) interrupted(ctx context.Context, timeout time.Duration) error {
	r.erase()
	why, cause := fmt.Sprintf("%s is not empty after %s", r.Name, timeout), context.DeadlineExceeded
	if ctx.Err() != nil {
		why, cause = "interrupted", context.Canceled
	}
	text := r.before.text()
	if !r.seen {
		text = "what is left could not be read"
	}
	r.event("Incomplete", nil, text)
	flags := r.federation.flags()
	return fmt.Errorf("%s: %w; the drain goes on\n%s\nto wait for it again: kubectl drover drain %s%s\nto end it: kubectl drover uncordon %s%s", why, cause, text, r.Name, flags, r.Name, flags)
}

// text lists what is left.
func (l left) text() string {
	var lines []string
	for _, w := range l {
		lines = append(lines, "  "+w.text())
	}
	return strings.Join(lines, "\n")
}
