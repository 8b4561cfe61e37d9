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

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/placement"
)

// PlanOptions are the flags of plan.
type PlanOptions struct {
	Streams
	Federation *FederationOptions
	// Files are manifests of workloads, and of PlacementPolicies as they would be; "-" is standard input.
	Files []string
	// Namespace of manifests that name none.
	Namespace string
	// Output is json or yaml; empty is a table.
	Output string
	// Request is a file with one placement request, or an array of them; "-" is standard input.
	Request string
}

// NewPlanOptions returns the defaults.
func NewPlanOptions(streams Streams, federation *FederationOptions) *PlanOptions {
	return &PlanOptions{Streams: streams, Federation: federation, Namespace: metav1.NamespaceDefault}
}

// AddFlags adds the flags of plan.
func (o *PlanOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringSliceVarP(&o.Files, "filename", "f", o.Files, "Manifests of workloads, and of PlacementPolicies as they would be; - for standard input.")
	fs.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "Namespace of manifests that name none.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "json or yaml; a table if not given.")
	fs.StringVar(&o.Request, "request", o.Request, "JSON file with a placement request, or an array of them; - for standard input. No server is needed.")
}

// planAnswer is what is printed for a request.
type planAnswer struct {
	Assignments map[string]int64  `json:"assignments"`
	Unplaced    int64             `json:"unplaced"`
	Outcome     placement.Outcome `json:"outcome"`
	Reasons     map[string]string `json:"reasons"`
}

// Run plans manifests with the federation, or requests without it.
func (o *PlanOptions) Run(ctx context.Context) error {
	switch {
	case (o.Request == "") == (len(o.Files) == 0):
		return errors.New("give either manifests by -f FILE, or a placement request by --request FILE; - is standard input")
	case o.Output != "" && o.Output != "json" && o.Output != "yaml":
		return fmt.Errorf("-o %s is not known; it is json or yaml, or left out for a table", o.Output)
	case o.Request != "":
		return o.answer()
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return (&planFiles{PlanOptions: o, federation: federation}).run(ctx)
}

// answer answers the requests: one by one object, an array by an array in its order.
func (o *PlanOptions) answer() error {
	data, err := o.file(o.Request)
	if err != nil {
		return fmt.Errorf("--request: %w", err)
	}
	encoder := json.NewEncoder(o.Out)
	encoder.SetEscapeHTML(false)
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		answer, err := plan(data)
		if err != nil {
			return err
		}
		return encoder.Encode(answer)
	}
	var requests []json.RawMessage
	if err := json.Unmarshal(data, &requests); err != nil {
		return fmt.Errorf("--request: not a JSON array: %w", err)
	}
	answers := make([]planAnswer, 0, len(requests))
	for i, request := range requests {
		answer, err := plan(request)
		if err != nil {
			return fmt.Errorf("request %d of %d: %w", i+1, len(requests), err)
		}
		answers = append(answers, answer)
	}
	return encoder.Encode(answers)
}

func plan(data []byte) (planAnswer, error) {
	var request placement.Request
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // a misspelt bound would be no bound
	if err := decoder.Decode(&request); err != nil {
		return planAnswer{}, fmt.Errorf(`not a placement request: %w
it looks like {"replicas":10,"key":"default/web","clusters":[{"name":"a","weight":2,"min":0,"max":5,"current":3,"capacity":8}],"rebalance":true}`, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return planAnswer{}, errors.New("more than one JSON value; put several requests into an array")
	}
	result, err := placement.Plan(request)
	if err != nil {
		return planAnswer{}, err
	}
	answer := planAnswer{Assignments: map[string]int64{}, Reasons: map[string]string{}, Unplaced: result.Unplaced, Outcome: result.Outcome}
	for _, a := range result.Assignments {
		answer.Assignments[a.Name], answer.Reasons[a.Name] = a.Replicas, a.Reason
	}
	return answer, nil
}
