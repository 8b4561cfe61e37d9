// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"time"
)

// slow is the duration from which on it is worth printing.
const slow = 2 * time.Second

// progress prints a line for each step when it is done.
type progress struct {
	out io.Writer
	now func() time.Time
}

func (p *progress) line(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...)
}

// step does something and prints what came of it. What fails is left to the error.
func (p *progress) step(do func() (result string, err error)) error {
	start := p.now()
	result, err := do()
	if err != nil {
		return err
	}
	took := ""
	if d := p.now().Sub(start); d > slow {
		took = fmt.Sprintf(" (%.1fs)", d.Seconds())
	}
	p.line("  %s%s", result, took)
	return nil
}

// changes prints a line when it differs from the one before.
type changes struct {
	*progress
	last string
}

func (c *changes) show(line string) {
	if line != "" && line != c.last {
		c.line("  %s", line)
		c.last = line
	}
}
