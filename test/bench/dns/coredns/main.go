// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// CoreDNS with the plugins that serve a zone file, to measure beside Drover's name server.
package main

import (
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind" // an address to listen at
	_ "github.com/coredns/coredns/plugin/file" // a zone file
)

func main() { coremain.Run() }
