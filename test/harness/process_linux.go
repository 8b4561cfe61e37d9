// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import "syscall"

// processAttributes give a process a group of its own, and have it die with this process, however that ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
