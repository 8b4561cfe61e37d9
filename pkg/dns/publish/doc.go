// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package publish keeps a zone of another authoritative server in step with what is served here, by dynamic updates
// (RFC 2136) that are signed (RFC 8945). That server tells no clients apart, so it gets what a client of whom nothing is
// known is answered.
//
// A set of records that was published has a mark beside it, a TXT record that names the owner. What has no mark of this
// owner is somebody else's: it is never touched, and every update is bound to the marks being as they were seen.
package publish
