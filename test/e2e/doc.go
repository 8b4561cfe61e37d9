// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests what Drover promises to people, on real processes: a control plane, and real Kubernetes clusters
// joined to it. A file is a behaviour. The tests are built with the tag e2e only:
//
//	make build bin/member && go test -tags e2e ./test/e2e/
package e2e
