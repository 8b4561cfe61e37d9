// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server answers DNS queries from a zone.Store: over UDP with one socket and goroutine a core and batches of
// packets, over TCP and TLS with pipelining. A server whose store is empty answers SERVFAIL.
package server
