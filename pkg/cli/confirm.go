// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// confirm asks a person whether to go on, and returns an error unless the answer is yes. Where nobody can be asked, it
// says that --yes is needed.
func (s Streams) confirm(ctx context.Context, question string) error {
	if !s.Terminal {
		return errors.New("nothing has changed: this is not a terminal, so nobody can be asked\nif that is what should happen, add --yes")
	}
	fmt.Fprintf(s.Out, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.In).ReadString('\n') // no answer is no
		answer <- line
	}()
	select {
	case line := <-answer:
		if line = strings.ToLower(strings.TrimSpace(line)); line != "y" && line != "yes" {
			return errors.New("not confirmed: nothing has changed")
		}
		return nil
	case <-ctx.Done():
		fmt.Fprintln(s.Out)
		return fmt.Errorf("interrupted: nothing has changed: %w", ctx.Err())
	}
}
