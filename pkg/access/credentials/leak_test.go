// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
