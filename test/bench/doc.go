// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bench measures a federation of real clusters next to two lower bounds: make bench. What is compared, and what
// each row is, is in docs/benchmarks.md. It is not part of the tests, which ask what is right and not how fast it is.
package bench
