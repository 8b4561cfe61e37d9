// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package harness starts and stops the real programs that tests and benchmarks talk to: federations, member clusters,
// kubectl and its plugin. Several labs may run on one machine at once: nothing in them has a fixed port or address.
package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// keepVariable, if not empty, keeps a lab's directory when the lab is closed.
const keepVariable = "DROVER_LAB_KEEP"

// Lab is a directory, and the processes that have their data and logs in it.
type Lab struct {
	// Dir holds a directory for each process.
	Dir string

	mu        sync.Mutex
	processes []*Process
	closers   []func()
}

// NewLab makes an empty lab in the directory for temporary files.
func NewLab(name string) (*Lab, error) {
	dir, err := os.MkdirTemp("", "drover-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("directory of the lab: %w", err)
	}
	return &Lab{Dir: dir}, nil
}

// Close kills every process that still runs. It removes the directory, unless it is to be kept for somebody to look at.
func (l *Lab) Close(keep bool) error {
	l.mu.Lock()
	processes, closers := l.processes, l.closers
	l.processes, l.closers = nil, nil
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range processes {
		wg.Go(p.Kill)
	}
	wg.Wait()
	for _, closer := range slices.Backward(closers) {
		closer()
	}
	if keep || os.Getenv(keepVariable) != "" {
		fmt.Fprintln(os.Stderr, "data and logs of all processes are in", l.Dir)
		return nil
	}
	return os.RemoveAll(l.Dir)
}

// Directory makes a directory in the lab.
func (l *Lab) Directory(name string) (string, error) {
	dir := filepath.Join(l.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("directory %s in the lab: %w", name, err)
	}
	return dir, nil
}

func (l *Lab) add(p *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.processes = append(l.processes, p)
}

func (l *Lab) onClose(closer func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, closer)
}

// reported is how much of each log is shown when a test fails, in bytes.
const reported = 6 << 10

// ReportOnFailure shows the ends of the processes' logs if the test fails, and where the rest is.
func ReportOnFailure(t testing.TB, processes ...*Process) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, p := range processes {
			for _, path := range p.Logs {
				t.Logf("the end of %s:\n%s", path, tail(path, reported))
			}
		}
	})
}

// tail is the end of a file in whole lines, or why it cannot be read.
func tail(path string, size int64) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	whole := false
	if _, err := file.Seek(-size, io.SeekEnd); err != nil {
		whole = true // the file is shorter
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err.Error()
		}
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return errors.Join(errors.New(string(data)), err).Error()
	}
	text := string(data)
	if _, rest, found := strings.Cut(text, "\n"); found && !whole {
		text = "…\n" + rest
	}
	return text
}
