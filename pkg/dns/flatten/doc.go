// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package flatten looks up load balancers that are known by host name only, where no alias may lead to them: at the apex
// of a zone. It does so ahead of time, never while somebody waits for an answer, and what was found last is kept while a
// resolver does not answer.
package flatten
