// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// startDeadline is how long a program may take until it says it is ready, on a machine that has much else to do.
const startDeadline = 2 * time.Minute

// Process is a program that was started.
type Process struct {
	// Name tells it from others.
	Name string
	// Logs are the files it writes to.
	Logs []string

	cmd    *exec.Cmd
	output *output
	exited chan struct{}
	err    error // how it exited
}

// program is what is to be started.
type program struct {
	name   string // of the process
	binary string // of the repository, or the path of another
	args   []string
	env    []string // besides this process's own
	dir    string
	// ready is what the line on standard output looks like that says it is ready.
	ready *regexp.Regexp
	// log is a further file the program writes to.
	log string
}

// start starts a program and waits until it is ready. The match of its ready line is returned.
func (l *Lab) start(ctx context.Context, p program) (*Process, []string, error) {
	path := p.binary
	if !filepath.IsAbs(path) {
		var err error
		if path, err = Binary(path); err != nil {
			return nil, nil, err
		}
	}
	log, err := os.OpenFile(filepath.Join(p.dir, p.name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("log of %s: %w", p.name, err)
	}
	process := &Process{Name: p.name, Logs: []string{log.Name()}, exited: make(chan struct{})}
	if p.log != "" {
		process.Logs = append(process.Logs, p.log)
	}
	process.output = &output{log: log, pattern: p.ready, ready: make(chan []string, 1)}
	process.cmd = exec.Command(path, p.args...)
	process.cmd.Env = append(os.Environ(), p.env...)
	process.cmd.Stdout, process.cmd.Stderr = process.output, log
	process.cmd.SysProcAttr = processAttributes()
	if err := spawn(process.cmd); err != nil {
		log.Close()
		return nil, nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		process.err = process.cmd.Wait()
		log.Close()
		close(process.exited)
	}()
	l.add(process)
	if p.ready == nil {
		return process, nil, nil
	}
	match, err := process.waitReady(ctx)
	if err != nil {
		process.Kill()
		return nil, nil, err
	}
	return process, match, nil
}

// StartProgram runs a program that is not of the repository, by its path, in a directory. It does not wait for anything.
func (l *Lab) StartProgram(ctx context.Context, name, path, dir string, args ...string) (*Process, error) {
	p, _, err := l.start(ctx, program{name: name, binary: path, args: args, dir: dir})
	return p, err
}

func (p *Process) waitReady(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	select {
	case match := <-p.output.ready:
		return match, nil
	case <-p.exited:
		return nil, fmt.Errorf("%s ended before it was ready (%s); %s ends with:\n%s", p.Name, p.cmd.ProcessState, p.Logs[0], tail(p.Logs[0], reported))
	case <-ctx.Done():
		return nil, fmt.Errorf("%s is not ready: %w; %s ends with:\n%s", p.Name, ctx.Err(), p.Logs[0], tail(p.Logs[0], reported))
	}
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Kill ends the process, and what it started, at once, and waits until that is so.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Suspend stops the process where it is; connections to it stay open, and nobody answers.
func (p *Process) Suspend() { p.signal(syscall.SIGSTOP) }

// Resume lets a suspended process go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Stop asks the process to end, and waits until it has. The error says how it ended, if not well.
func (p *Process) Stop(ctx context.Context) error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%s was asked to stop: %w; %s ends with:\n%s", p.Name, p.err, p.Logs[0], tail(p.Logs[0], reported))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not stop: %w", p.Name, ctx.Err())
	}
}

// signal goes to the process group, while it is known to be ours: its leader has not been waited for.
func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.Pid(), s) // it may have ended in this moment; then there is nothing to be signalled
	}
}

// output writes what a process prints to its log, and looks for the line that says it is ready.
type output struct {
	log     *os.File
	pattern *regexp.Regexp
	ready   chan []string

	mu   sync.Mutex
	line []byte
	done bool
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pattern != nil && !o.done {
		o.line = append(o.line, data...)
		for line := range bytes.Lines(o.line) {
			if line[len(line)-1] != '\n' {
				o.line = bytes.Clone(line)
				break
			}
			if match := o.pattern.FindSubmatch(line); match != nil && !o.done {
				o.done = true
				o.ready <- toStrings(match)
			}
			o.line = nil
		}
	}
	return o.log.Write(data)
}

func toStrings(in [][]byte) []string {
	out := make([]string, 0, len(in))
	for _, b := range in {
		out = append(out, string(b))
	}
	return out
}

// spawner starts all processes from one thread that lives as long as this process does. They are told to die with their
// parent, and to Linux the parent is a thread, which the Go runtime may end at any time.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

func spawn(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}
