//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"drover.dev/drover/test/harness"
)

// lab is what all benchmarks measure: a federation with three members.
var lab struct {
	federation *harness.Federation
	members    []*harness.Member
}

// table is what is printed in the end: what was measured, and what came out. A benchmark that runs again replaces its row.
var table [][2]string

func row(what, result string) {
	table = slices.DeleteFunc(table, func(r [2]string) bool { return r[0] == what })
	table = append(table, [2]string{what, result})
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (status int) {
	processes, err := harness.NewLab("bench")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() {
		if err := processes.Close(status != 0); err != nil {
			fmt.Println("clean up:", err)
		}
	}()
	if err := start(processes); err != nil {
		fmt.Println("start three clusters and a federation:", err)
		return 1
	}
	if status = m.Run(); status == 0 {
		printTable()
	}
	return status
}

func start(processes *harness.Lab) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	options := []harness.MemberOptions{
		{Name: "east", Region: "us-east1", Zone: "us-east1-b"},
		{Name: "west", Region: "us-west1", Zone: "us-west1-a"},
		{Name: "eu", Region: "europe-west1", Zone: "europe-west1-b"},
	}
	lab.members = make([]*harness.Member, len(options))
	errs := make([]error, len(options))
	var wg sync.WaitGroup
	for i, o := range options {
		wg.Go(func() { lab.members[i], errs[i] = processes.StartMember(ctx, o) })
	}
	var err error
	lab.federation, err = processes.StartFederation(ctx, "bench")
	wg.Wait()
	for _, err := range append(errs, err) {
		if err != nil {
			return err
		}
	}
	for _, member := range lab.members {
		if err := lab.federation.Join(ctx, member); err != nil {
			return err
		}
	}
	return nil
}

func printTable() {
	fmt.Printf("\n| %s | |\n|---|---|\n", machine())
	for _, r := range table {
		fmt.Printf("| %s | %s |\n", r[0], r[1])
	}
}

var (
	modelLine  = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)
	memoryLine = regexp.MustCompile(`(?m)^MemTotal:\s+(\d+) kB$`)
)

// machine says what it was measured on, as far as the system tells.
func machine() string {
	out := fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if match := modelLine.FindSubmatch(info); match != nil {
			out += " of " + string(match[1])
		}
	}
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		if match := memoryLine.FindSubmatch(info); match != nil {
			var kibibytes int
			if _, err := fmt.Sscan(string(match[1]), &kibibytes); err == nil {
				out += fmt.Sprintf(", %d GiB", kibibytes>>20)
			}
		}
	}
	return out + ", " + runtime.Version()
}
