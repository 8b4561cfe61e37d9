// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is what the commands of the kubectl plugin do. cmd/kubectl-drover gives them their flags and help.
//
// Every command checks first and changes later, can be repeated after it was interrupted, and ends with an error that
// says where, what, why, and on a second line what to do about it.
package cli

import (
	"encoding/json"
	"io"
	"time"

	sigsyaml "sigs.k8s.io/yaml"
)

// callTimeout is how long one call to an API server may take.
const callTimeout = 10 * time.Second

// fieldManager is who the plugin is in server-side apply.
const fieldManager = "kubectl-drover"

// Streams are where a command reads answers and prints.
type Streams struct {
	In  io.Reader
	Out io.Writer
	// ErrOut takes warnings of API servers.
	ErrOut io.Writer
	// Terminal says whether In is a person.
	Terminal bool
	// TerminalOut says whether Out is one, so that what changes can be shown in its place.
	TerminalOut bool
}

// printAs prints a value for programs, as json or yaml.
func (s Streams) printAs(format string, value any) error {
	if format == "json" {
		encoder := json.NewEncoder(s.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	text, err := sigsyaml.Marshal(value)
	if err != nil {
		return err
	}
	_, err = s.Out.Write(text)
	return err
}
