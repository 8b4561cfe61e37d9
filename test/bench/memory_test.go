//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// settling is how long the control plane is left alone before its memory is read.
const settling = 20 * time.Second

// BenchmarkIdleMemory reads what drover start keeps resident while nothing changes.
func BenchmarkIdleMemory(b *testing.B) {
	mebibytes, err := idleMemory()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(mebibytes), "MiB")
	report(b, row{key: "memory", what: "memory of drover start, three members joined, idle for " + settling.String(), result: fmt.Sprintf("%d MiB", mebibytes)})
}

// idleMemory is read once, however often the benchmark is run.
var idleMemory = sync.OnceValues(func() (mebibytes int, err error) {
	time.Sleep(settling) //nolint:forbidigo // it is the time that counts: there is no condition to wait for
	mebibytes, _, err = residentMebibytes(lab.federation.Pid())
	return mebibytes, err
})
