// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration runs the control plane in this process, on etcd in this process, and uses it as its clients do.
// No cluster is joined here: what happens in members is for test/e2e.
package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// shared is a control plane without controllers, for all tests that only ask the API server. Each works in a namespace of
// its own, and leaves alone what is not in it.
var shared = sync.OnceValues(func() (*federation, error) {
	dir, err := os.MkdirTemp("", "drover-")
	if err != nil {
		return nil, err
	}
	return start(filepath.Join(dir, "data"), noControllers)
})

var sharedUsed bool

func api(t *testing.T) *federation {
	t.Helper()
	sharedUsed = true
	f, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "skipped with -short: control planes on real etcd take seconds to start, and -short is for a minute of all tests")
		os.Exit(0)
	}
	if !testing.Verbose() {
		klog.SetLogger(logr.Discard())
	}
	code := m.Run()
	if sharedUsed {
		if err := stopShared(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the shared control plane:", err)
			code = 1
		}
	}
	if leaked := leakedGoroutines(); code == 0 && len(leaked) > 0 {
		fmt.Fprintf(os.Stderr, "%d goroutines are left after every control plane has stopped:\n\n%s\n", len(leaked), strings.Join(leaked, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

func stopShared() error {
	f, err := shared()
	if err != nil {
		return nil // it never ran
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(f.dataDir)) }()
	_, err = f.stop()
	return err
}

// outlive are the goroutines that may be there after a control plane has stopped, by a function on their stack.
var outlive = []string{
	// The test process itself.
	"testing.(*M).Run", "os/signal.", "drover.dev/drover/test/integration.TestMain",
	// The health check "log" writes a line every minute, for ever, once in a process.
	"k8s.io/apiserver/pkg/server/healthz.(*log).Check",
	// What rotates an audit log is not told to stop.
	"natefinch/lumberjack%2ev2.(*Logger).millRun",
}

// leakedGoroutines are the stacks of what still runs, after a while to end in.
func leakedGoroutines() (left []string) {
	_ = wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, 5*time.Second, true, func(context.Context) (bool, error) {
		left = nil
		buffer := make([]byte, 8<<20)
		for _, stack := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			if !contains(stack, outlive) {
				left = append(left, strings.TrimSpace(stack))
			}
		}
		return len(left) == 0, nil
	}) // what is left is the answer
	return left
}

func contains(stack string, names []string) bool {
	for _, name := range names {
		if strings.Contains(stack, name) {
			return true
		}
	}
	return false
}
