// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Terminal is the process's original standard output and error.
type Terminal struct {
	Stdout *os.File
	Stderr *os.File
}

// redirectOutput sends whatever the process prints to the log file: klog, zap, slog and plain prints of a dozen
// libraries end there without configuring any of them. The original streams are returned; a crash is told on both.
func redirectOutput(path string) (*Terminal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer file.Close()
	stdout, err := duplicate(unix.Stdout, "stdout")
	if err != nil {
		return nil, err
	}
	stderr, err := duplicate(unix.Stderr, "stderr")
	if err != nil {
		return nil, err
	}
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(file.Fd()), fd, 0); err != nil {
			return nil, fmt.Errorf("redirect output to %s: %w", path, err)
		}
	}
	if err := debug.SetCrashOutput(stderr, debug.CrashOptions{}); err != nil {
		return nil, fmt.Errorf("set crash output: %w", err)
	}
	return &Terminal{Stdout: stdout, Stderr: stderr}, nil
}

func duplicate(fd int, name string) (*os.File, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate %s: %w", name, err)
	}
	return os.NewFile(uintptr(copied), name), nil
}
