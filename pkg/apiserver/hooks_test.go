// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"testing"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// A hook that fails ends the process; one that is only stopped must not.
func TestStoppedHookHasNotFailed(t *testing.T) {
	broken := errors.New("broken")
	hook := unlessStopped(func(genericapiserver.PostStartHookContext) error { return broken })
	ctx, stop := context.WithCancel(t.Context())
	if err := hook(genericapiserver.PostStartHookContext{Context: ctx}); !errors.Is(err, broken) {
		t.Errorf("a hook that failed: %v", err)
	}
	stop()
	if err := hook(genericapiserver.PostStartHookContext{Context: ctx}); err != nil {
		t.Errorf("a hook that was stopped: %v", err)
	}
}
