// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire reads DNS queries strictly and without allocation, and writes the parts of replies that most queries
// need. Everything else is written with the codec of github.com/miekg/dns.
package wire
