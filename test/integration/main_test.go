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
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
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
	if err := leaked(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "left after every control plane has stopped:", err)
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

// outlive are the goroutines that may be there after a control plane has stopped.
var outlive = []goleak.Option{
	// The health check "log" writes a line every minute, for ever, once in a process.
	goleak.IgnoreAnyFunction("k8s.io/apimachinery/pkg/util/wait.Forever"),
	// What rotates an audit log is not told to stop.
	goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"),
}

// leaked says which goroutines still run, after a while to end in.
func leaked() (err error) {
	_ = wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		err = goleak.Find(outlive...)
		return err == nil, nil
	}) // what is left is the answer
	return err
}
