// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// commandDeadline is the most that one command may take.
const commandDeadline = 3 * time.Minute

// CLI is a command-line program with a kubeconfig, as somebody uses it in a shell.
type CLI struct {
	binary string
	env    []string
}

// CommandError is a command that failed.
type CommandError struct {
	Command        string
	Stdout, Stderr string
	Err            error
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("%s: %v\n%s%s", e.Command, e.Err, e.Stdout, e.Stderr)
}

func (e *CommandError) Unwrap() error { return e.Err }

func (l *Lab) cli(binary, kubeconfig string) CLI {
	return CLI{binary: binary, env: []string{"KUBECONFIG=" + kubeconfig, "KUBECACHEDIR=" + filepath.Join(l.Dir, "kube-cache")}}
}

// Run runs a command and returns what it prints on standard output. An error is a *CommandError.
func (c CLI) Run(ctx context.Context, args ...string) (string, error) {
	return c.RunWithInput(ctx, "", args...)
}

// RunWithInput is Run with a text on standard input.
func (c CLI) RunWithInput(ctx context.Context, input string, args ...string) (string, error) {
	path, err := Binary(c.binary)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	cmd.Env = append(os.Environ(), c.env...)
	if err := cmd.Run(); err != nil {
		return stdout.String(), &CommandError{Command: c.binary + " " + strings.Join(args, " "), Stdout: stdout.String(), Stderr: stderr.String(), Err: err}
	}
	return stdout.String(), nil
}

// Start starts a command that runs until the context ends, and returns its standard output.
func (c CLI) Start(ctx context.Context, args ...string) (io.Reader, error) {
	path, err := Binary(c.binary)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = processAttributes()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := spawn(cmd); err != nil {
		return nil, err
	}
	go func() { <-ctx.Done(); _ = cmd.Wait() }() // it is killed, so it fails
	return out, nil
}
