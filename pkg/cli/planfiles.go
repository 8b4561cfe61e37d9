// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// planFiles asks the federation where the workloads of some manifests would be placed.
type planFiles struct {
	*PlanOptions
	federation *federation
}

func (p *planFiles) run(ctx context.Context) error {
	reviews, err := p.reviews()
	if err != nil {
		return err
	}
	if err := p.federation.check(ctx); err != nil {
		return err
	}
	answers := make([]*v1alpha1.PlacementReview, 0, len(reviews))
	for _, review := range reviews {
		answer, err := p.federation.drover.FederationV1alpha1().PlacementReviews(review.Namespace).Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return p.federation.explain("review where "+kindIn(review)+" "+review.Name+" would be placed", err)
		}
		answers = append(answers, answer)
	}
	return p.print(answers)
}

// reviews makes one review of each workload in the files, each with all policies of its namespace in them.
func (p *planFiles) reviews() ([]*v1alpha1.PlacementReview, error) {
	objects, err := p.objects()
	if err != nil {
		return nil, err
	}
	var workloads, policies []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetNamespace() == "" {
			o.SetNamespace(p.Namespace)
		}
		switch {
		case slices.ContainsFunc(v1alpha1.PlacedKinds, func(k schema.GroupVersionKind) bool { return k.Kind == o.GetKind() }):
			workloads = append(workloads, o)
		case o.GetKind() == "PlacementPolicy":
			policies = append(policies, o)
		default:
			fmt.Fprintf(p.ErrOut, "%s %s is left out: policies do not place its kind, and it follows what they do\n", o.GetKind(), o.GetName())
		}
	}
	if len(workloads) == 0 {
		return nil, errors.New("no workload in the files that policies place, so there is nothing to plan\nto see what a policy alone would move: kubectl apply --dry-run=server -f POLICY")
	}
	var out []*v1alpha1.PlacementReview
	for _, d := range workloads {
		review := &v1alpha1.PlacementReview{ObjectMeta: metav1.ObjectMeta{Name: d.GetName(), Namespace: d.GetNamespace()}}
		if review.Spec.Workload.Raw, err = d.MarshalJSON(); err != nil {
			return nil, err
		}
		for _, policy := range policies {
			if policy.GetNamespace() != d.GetNamespace() {
				continue
			}
			raw, err := policy.MarshalJSON()
			if err != nil {
				return nil, err
			}
			review.Spec.Policies = append(review.Spec.Policies, v1alpha1.JSON{Raw: raw})
		}
		out = append(out, review)
	}
	return out, nil
}

// objects reads all documents of all files.
func (p *planFiles) objects() ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, name := range p.Files {
		data, err := p.file(name)
		if err != nil {
			return nil, fmt.Errorf("-f: %w", err)
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
		for {
			o := &unstructured.Unstructured{}
			err := decoder.Decode(&o.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("-f %s: %w", name, err)
			}
			if len(o.Object) > 0 {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

func (s *Streams) file(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(s.In)
	}
	return os.ReadFile(name)
}

func (p *planFiles) print(answers []*v1alpha1.PlacementReview) error {
	if p.Output != "" {
		return p.printAs(p.Output, forPrograms(answers))
	}
	for i, a := range answers {
		if i > 0 {
			fmt.Fprintln(p.Out)
		}
		fmt.Fprint(p.Out, planTable(a))
	}
	return nil
}

// forPrograms is one answer as it is, several as a list.
func forPrograms(answers []*v1alpha1.PlacementReview) any {
	items := make([]any, 0, len(answers))
	for _, a := range answers {
		items = append(items, map[string]any{"workload": a.Status.Placement.Workload, "namespace": a.Namespace, "placement": a.Status.Placement, "changes": a.Status.Changes})
	}
	if len(items) == 1 {
		return items[0]
	}
	return items
}

// kindIn is the kind of the workload that a review is about, in lower case.
func kindIn(review *v1alpha1.PlacementReview) string {
	var workload metav1.TypeMeta
	_ = json.Unmarshal(review.Spec.Workload.Raw, &workload) // it was a manifest
	return strings.ToLower(workload.Kind)
}

// planTable shows what each cluster has and would have.
func planTable(a *v1alpha1.PlacementReview) string {
	var out strings.Builder
	policy := "no policy"
	if a.Status.Placement.Policy != "" {
		policy = "policy " + a.Status.Placement.Policy
	}
	replicas := "all of it in each cluster"
	if n := a.Status.Placement.Replicas; n != nil {
		replicas = fmt.Sprintf("%d replicas", *n)
	}
	fmt.Fprintf(&out, "%s/%s in %s: %s, %s\n", kindIn(a), a.Name, a.Namespace, replicas, policy)
	table := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tNOW\tTHEN\tWHY")
	for _, c := range a.Status.Changes {
		now, then := ownkinds.FormatChange(&c)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Cluster, now, then, c.Reason)
	}
	_ = table.Flush() // to memory
	if a.Status.Placement.Unplaced > 0 {
		fmt.Fprintf(&out, "%d replicas would be on no cluster\n", a.Status.Placement.Unplaced)
	}
	if a.Status.Placement.Problem != "" {
		fmt.Fprintf(&out, "%s: %s\n", a.Status.Placement.Problem, a.Status.Placement.ProblemMessage)
	}
	for _, o := range a.Status.Placement.Omissions {
		fmt.Fprintf(&out, "%s: %s\n", o.Code, o.Message)
	}
	return out.String()
}
