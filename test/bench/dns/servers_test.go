//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	codec "github.com/miekg/dns"

	"drover.dev/drover/test/harness"
)

// The cores of the server and of who asks it.
const serverCore, clientCore = "0", "1"

// kind is a program that serves the zone.
type kind struct {
	name string
	// find finds the program; an error says how to come by it.
	find func() (string, error)
	// arguments writes what the program reads besides the zone, and returns its arguments. It has one core.
	arguments func(f *files, port string) ([]string, error)
}

var kinds = []kind{
	{"Drover", func() (string, error) { return harness.Binary("drover") }, func(f *files, port string) ([]string, error) {
		return []string{"dns", "--snapshot", f.snapshot, "--listen", "127.0.0.1:" + port, "--http-listen", "", "--stale-after", "0"}, nil
	}},
	{"CoreDNS", func() (string, error) {
		if *coredns == "" {
			return "", errors.New("build it, and name it by -coredns: hack/coredns.sh")
		}
		return *coredns, nil
	}, func(f *files, port string) ([]string, error) {
		corefile := filepath.Join(f.dir, "Corefile")
		text := fmt.Sprintf("%s:%s {\n  bind 127.0.0.1\n  file %s\n}\n", apex, port, f.zone)
		return []string{"-conf", corefile, "-quiet"}, os.WriteFile(corefile, []byte(text), 0o600)
	}},
	{"Knot", func() (string, error) { return onPath("knotd") }, func(f *files, port string) ([]string, error) {
		config := filepath.Join(f.dir, "knot.conf")
		text := fmt.Sprintf(`server:
  rundir: %[1]s
  listen: 127.0.0.1@%[2]s
  edns-client-subnet: on
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: %[1]s
zone:
- domain: %[3]s
  storage: %[1]s
  file: %[4]s
`, f.dir, port, apex, f.zone)
		return []string{"-c", config}, os.WriteFile(config, []byte(text), 0o600)
	}},
}

func onPath(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("there is no %s: run hack/dns-programs.sh %s", name, name)
}

// server is one that runs.
type server struct {
	kind
	*harness.Process
	port string
	// loaded is how long it took until it answered.
	loaded time.Duration
}

// start starts a server on its core, and waits until it answers for the last service.
func (k kind) start(ctx context.Context, lab *harness.Lab, f *files, services int) (*server, error) {
	path, err := k.find()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, err)
	}
	dir, err := lab.Directory(strings.ToLower(k.name))
	if err != nil {
		return nil, err
	}
	own := *f
	own.dir = dir
	s := &server{kind: k, port: strconv.Itoa(10000 + rand.IntN(20000))}
	args, err := k.arguments(&own, s.port)
	if err != nil {
		return nil, err
	}
	taskset, err := onPath("taskset")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if s.Process, err = lab.StartProgram(ctx, k.name, taskset, dir, append([]string{"-c", serverCore, path}, args...)...); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := s.answers(ctx, serviceName(services-1)+".default.federation.svc."+apex+"."); err != nil {
		return nil, fmt.Errorf("%s: %w; see %v", k.name, err, s.Logs)
	}
	s.loaded = time.Since(began)
	return s, nil
}

// answers waits until a name is answered as it should be.
func (s *server) answers(ctx context.Context, name string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		reply, _, err := (&codec.Client{Timeout: time.Second}).ExchangeContext(ctx, new(codec.Msg).SetQuestion(name, codec.TypeA), net.JoinHostPort("127.0.0.1", s.port))
		if err == nil && len(reply.Answer) == addresses {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %v %w", reply, err)
		case <-s.Exited():
			return errors.New("it has ended")
		case <-tick.C:
		}
	}
}

// clockTick is the unit of a process's times in /proc.
const clockTick = 10 * time.Millisecond

// cpu is the processor's time that the server has used.
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Pid()))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(errUser, errSystem)
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// resident is the memory that the server keeps, in octets.
func (s *server) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid()))
	if err != nil {
		return 0, err
	}
	match := residentLine.FindSubmatch(status)
	if match == nil {
		return 0, errors.New("no VmRSS in its status")
	}
	kibibytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	return kibibytes << 10, err
}
