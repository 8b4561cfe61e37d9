//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// residentMebibytes is what a process keeps in memory, and at most kept since it began.
func residentMebibytes(pid int) (now, peak int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line, into := range map[*regexp.Regexp]*int{residentLine: &now, peakLine: &peak} {
		match := line.FindSubmatch(status)
		if match == nil {
			return 0, 0, fmt.Errorf("no %s in the status of process %d", line, pid)
		}
		kibibytes, err := strconv.Atoi(string(match[1]))
		if err != nil {
			return 0, 0, err
		}
		*into = kibibytes >> 10
	}
	return now, peak, nil
}

var (
	residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)
	peakLine     = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)
)

// tick is the unit of CPU time in /proc, of every Linux that Go runs on.
const tick = time.Second / 100

// cpuTime is what a process has used, in user and system mode.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The fields after the name, which is in brackets and may have spaces: the state is the first, utime the 12th.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			return 0, err
		}
		ticks += time.Duration(n)
	}
	return ticks * tick, nil
}
