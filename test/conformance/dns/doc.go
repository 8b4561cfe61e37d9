// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dns holds the name server to the rules of DNS, as its clients see it: by raw packets, over UDP and TCP. Each
// file is one behaviour, and is named after it.
package dns
