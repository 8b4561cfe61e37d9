//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// load is how a server is asked.
type load struct {
	name string
	// flags are those of dnsperf.
	flags []string
}

var loads = []load{
	{"without EDNS", nil},
	{"client subnet", []string{"-E", "8:00011800cb0071"}}, // 203.0.113.0/24
}

// figures are what one run says.
type figures struct {
	qps float64
	// perCPU are queries per second of the server's processor time.
	perCPU float64
	// busy is the part of the time for which the server had its core.
	busy    float64
	latency time.Duration // on average
	lost    float64       // part of the queries that was not answered
}

// dnsperf's own words.
var (
	sentLine      = regexp.MustCompile(`(?m)^\s*Queries sent:\s+(\d+)`)
	completedLine = regexp.MustCompile(`(?m)^\s*Queries completed:\s+(\d+)`)
	secondsLine   = regexp.MustCompile(`(?m)^\s*Run time \(s\):\s+([\d.]+)`)
	latencyLine   = regexp.MustCompile(`(?m)^\s*Average Latency \(s\):\s+([\d.]+)`)
	codesLine     = regexp.MustCompile(`(?m)^\s*Response codes:\s+NOERROR \d+ \(100\.00%\)\s*$`)
)

// ask has dnsperf ask a server for so long.
func (l load) ask(ctx context.Context, s *server, f *files, seconds int) (figures, error) {
	dnsperf, err := onPath("dnsperf")
	if err != nil {
		return figures{}, err
	}
	args := append([]string{"-c", clientCore, dnsperf, "-s", "127.0.0.1", "-p", s.port, "-d", f.questions, "-l", strconv.Itoa(seconds), "-c", "20", "-q", "500"}, l.flags...)
	before, err := s.cpu()
	if err != nil {
		return figures{}, err
	}
	out, err := exec.CommandContext(ctx, "taskset", args...).CombinedOutput()
	after, errCPU := s.cpu()
	if err := errors.Join(err, errCPU); err != nil {
		return figures{}, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	if !codesLine.Match(out) {
		return figures{}, fmt.Errorf("%s does not answer everything with success:\n%s", s.name, out)
	}
	var errs []error
	number := func(line *regexp.Regexp) float64 {
		match := line.FindSubmatch(out)
		if match == nil {
			errs = append(errs, fmt.Errorf("dnsperf does not say %s:\n%s", line, out))
			return 0
		}
		value, err := strconv.ParseFloat(string(match[1]), 64)
		errs = append(errs, err)
		return value
	}
	sent, completed, took, latency := number(sentLine), number(completedLine), number(secondsLine), number(latencyLine)
	used := (after - before).Seconds()
	return figures{
		qps: completed / took, perCPU: completed / used, busy: used / took,
		latency: time.Duration(latency * float64(time.Second)), lost: (sent - completed) / sent,
	}, errors.Join(errs...)
}
