// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dns measures the name server beside CoreDNS and Knot, on the same zone: each on one core, asked from another.
package dns
