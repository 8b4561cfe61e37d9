// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package interop tries the name server with the programs of others: clients ask it, a resolver validates what it says,
// and servers take what it publishes. A program that is not there is left out; hack/dns-programs.sh installs them.
package interop
