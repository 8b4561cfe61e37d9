//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"drover.dev/drover/test/harness"
)

var (
	names   = flag.Int("names", 100_000, "number of services in the zone")
	seconds = flag.Int("seconds", 10, "how long a server is asked at a time")
	rounds  = flag.Int("rounds", 3, "how often each server is asked; the medians count")
	coredns = flag.String("coredns", "", "path of CoreDNS, as hack/coredns.sh prints it")
)

// measured is what a server does under a load, of each round.
type measured map[string][]figures

// BenchmarkServers asks the servers in turns, all with the same questions.
func BenchmarkServers(b *testing.B) {
	lab, err := harness.NewLab("bench-dns")
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := lab.Close(b.Failed()); err != nil {
			b.Error(err)
		}
	}()
	f, err := writeFiles(lab.Dir, *names)
	if err != nil {
		b.Fatal(err)
	}
	var servers []*server
	memory := map[string]string{}
	for _, k := range kinds {
		s, err := k.start(b.Context(), lab, f, *names)
		if err != nil {
			b.Fatal(err)
		}
		servers = append(servers, s)
	}
	results := map[string]measured{}
	for _, l := range loads {
		results[l.name] = measured{}
	}
	for round := range *rounds {
		for _, l := range loads {
			for i := range servers {
				s := servers[(i+round)%len(servers)] // each is first in turn
				figures, err := l.ask(b.Context(), s, f, *seconds)
				if err != nil {
					b.Fatal(err)
				}
				results[l.name][s.name] = append(results[l.name][s.name], figures)
			}
		}
	}
	for _, s := range servers {
		octets, err := s.resident()
		if err != nil {
			b.Fatal(err)
		}
		memory[s.name] = fmt.Sprintf("%d MiB, %d octets a service", octets>>20, octets/int64(*names))
		b.ReportMetric(float64(octets)/float64(*names), s.name+"-B/service")
	}
	b.ReportMetric(0, "ns/op") // the figures are in the metrics
	report(b, results, servers, memory)
}

// report prints a table, and what is compared of it as metrics.
func report(b *testing.B, results map[string]measured, servers []*server, memory map[string]string) {
	b.Helper()
	fmt.Printf("\n%s, %s\n%d services, medians of %d rounds of %d s\n\n", time.Now().Format(time.DateOnly), machine(), *names, *rounds, *seconds)
	fmt.Printf("| | server | queries/s of the server's CPU | Drover is | queries/s | latency | CPU in use | lost |\n|---|---|---|---|---|---|---|---|\n")
	for _, l := range loads {
		ours := median(results[l.name]["Drover"])
		for _, s := range servers {
			m := median(results[l.name][s.name])
			fmt.Printf("| %s | %s | %.0f | %.2f× | %.0f | %.2f ms | %.0f%% | %.2f%% |\n", l.name, s.name, m.perCPU, ours.perCPU/m.perCPU,
				m.qps, float64(m.latency.Microseconds())/1000, 100*m.busy, 100*m.lost)
			b.ReportMetric(m.perCPU, fmt.Sprintf("%s-%s-q/cpu-s", s.name, strings.ReplaceAll(l.name, " ", "-")))
		}
	}
	fmt.Printf("\n| | memory after it | until it answers |\n|---|---|---|\n")
	for _, s := range servers {
		fmt.Printf("| %s | %s | %.1f s |\n", s.name, memory[s.name], s.loaded.Seconds())
	}
	fmt.Println()
}

// median is that of each figure by itself.
func median(rounds []figures) figures {
	of := func(value func(figures) float64) float64 {
		values := make([]float64, 0, len(rounds))
		for _, r := range rounds {
			values = append(values, value(r))
		}
		slices.SortFunc(values, cmp.Compare[float64])
		return values[len(values)/2]
	}
	return figures{
		qps: of(func(f figures) float64 { return f.qps }), perCPU: of(func(f figures) float64 { return f.perCPU }),
		busy: of(func(f figures) float64 { return f.busy }), lost: of(func(f figures) float64 { return f.lost }),
		latency: time.Duration(of(func(f figures) float64 { return float64(f.latency) })),
	}
}

var modelLine = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// machine is what the servers ran on.
func machine() string {
	model := "an unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if match := modelLine.FindSubmatch(info); match != nil {
			model = strings.TrimSpace(string(match[1]))
		}
	}
	return fmt.Sprintf("%s/%s, %d cores of %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model, runtime.Version())
}
