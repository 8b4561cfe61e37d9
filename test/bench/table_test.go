//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// table is what is printed in the end. A benchmark that runs again replaces its rows.
var table []row

// row is one figure of each system, by its name; a system that has no such figure is missing.
type row struct {
	// key is the row's letter and what of it is meant, e.g. a-p50.
	key, what string
	took      map[string]time.Duration
	// note is added to a system's figure.
	note map[string]string
	// result stands in place of Drover's figure where that is no time.
	result string
}

// report takes a row into the table, and its figures into what go test prints.
func report(b *testing.B, r row) {
	b.Helper()
	table = slices.DeleteFunc(table, func(other row) bool { return other.key == r.key })
	table = append(table, r)
	for name, took := range r.took {
		b.ReportMetric(milliseconds(took), name+"-"+r.key+"-ms")
	}
	b.ReportMetric(0, "ns/op") // the figures are in the metrics
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func printTable() {
	slices.SortStableFunc(table, func(x, y row) int { return strings.Compare(x.key, y.key) })
	fmt.Printf("\n%s, %s\n\n", time.Now().Format(time.DateOnly), machine())
	fmt.Printf("| | direct | relay | Drover | Drover/direct | Drover/relay |\n|---|---|---|---|---|---|\n")
	for _, r := range table {
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", r.what, r.cell("direct"), r.cell("relay"), r.cell("drover"), r.ratio("direct"), r.ratio("relay"))
	}
}

func (r row) cell(name string) string {
	took, ok := r.took[name]
	switch {
	case r.result != "" && name == "drover":
		return r.result
	case !ok:
		return "–"
	case took < time.Second:
		return fmt.Sprintf("%.1f ms", milliseconds(took)) + r.note[name]
	}
	return fmt.Sprintf("%.2f s", took.Seconds()) + r.note[name]
}

func (r row) ratio(bound string) string {
	least, ok := r.took[bound]
	if !ok || least == 0 {
		return "–"
	}
	return times(r.took["drover"], least)
}

// times says how many times a duration is another.
func times(d, of time.Duration) string { return fmt.Sprintf("%.1f×", float64(d)/float64(of)) }

// percentile is by the nearest rank.
func percentile(took []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
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
