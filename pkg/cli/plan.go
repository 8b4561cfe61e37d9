// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"drover.dev/drover/pkg/placement"
)

// PlanOptions are the flags of plan.
type PlanOptions struct {
	Streams
	// Request is a file with one placement request, or an array of them; "-" is standard input.
	Request string
}

// NewPlanOptions returns the defaults.
func NewPlanOptions(streams Streams) *PlanOptions { return &PlanOptions{Streams: streams} }

// AddFlags adds the flags of plan.
func (o *PlanOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Request, "request", o.Request, "JSON file with a placement request, or an array of them; - for standard input. No server is needed.")
}

// planAnswer is what is printed for a request.
type planAnswer struct {
	Assignments map[string]int64  `json:"assignments"`
	Unplaced    int64             `json:"unplaced"`
	Outcome     placement.Outcome `json:"outcome"`
	Reasons     map[string]string `json:"reasons"`
}

// Run answers the requests: one by one object, an array by an array in its order.
func (o *PlanOptions) Run() error {
	if o.Request == "" {
		return errors.New("nothing to plan\ngive a placement request by --request FILE, or --request - for standard input")
	}
	data, err := o.read()
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

func (o *PlanOptions) read() ([]byte, error) {
	if o.Request == "-" {
		return io.ReadAll(o.In)
	}
	return os.ReadFile(o.Request)
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
