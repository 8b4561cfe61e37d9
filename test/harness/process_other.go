// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package harness

import "syscall"

// processAttributes give a process a group of its own. Where there is no signal for the death of the parent, processes
// are left over if this process is killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
