// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bench measures a federation of real clusters: make bench. It is not part of the tests, which ask what is right
// and not how fast it is.
package bench
