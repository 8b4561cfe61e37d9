// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/pkg/dns/dnssec"
)

const (
	apex    = "drover.test."
	web     = "web.default.federation.svc.drover.test."
	geo     = "geo.default.federation.svc.drover.test."
	big     = "big.default.federation.svc.drover.test."
	down    = "down.default.federation.svc.drover.test."
	nowhere = "nope.drover.test."
)

const testZone = `
zones:
- {name: drover.test, nameServers: [{name: ns1.drover.test, addresses: [192.0.2.53]}]}
clusters:
- {name: east, location: {region: us-east1, zone: us-east1-b}}
- {name: west, location: {region: us-west1}}
services:
- namespace: default
  name: web
  ports: [{name: http, port: 80}]
  backends: [{cluster: east, addresses: [192.0.2.1, 192.0.2.2, "2001:db8::1"], readyEndpoints: 1}]
- namespace: default
  name: geo
  backends:
  - {cluster: east, addresses: [192.0.2.1, "2001:db8:1::1"], readyEndpoints: 1}
  - {cluster: west, addresses: [198.51.100.1, "2001:db8:2::1"], readyEndpoints: 1}
- namespace: default
  name: down
  backends: [{cluster: west, addresses: [198.51.100.9], readyEndpoints: 0}]
- namespace: default
  name: lb
  hosts: [lb.drover.test]
  backends: [{cluster: east, hostname: shop.drover.test, readyEndpoints: 1}]
- namespace: default
  name: shop
  hosts: [shop.drover.test, drover.test, "*.wild.drover.test"]
  backends: [{cluster: east, addresses: [192.0.2.5], readyEndpoints: 1}]
- namespace: default
  name: big
  ports: [{name: http, port: 80}]
  backends: [{cluster: east, readyEndpoints: 1, addresses: [BIG]}]
`

const testNetworks = `
networks:
- {cidr: 10.1.0.0/16, region: us-east1}
- {cidr: 10.2.0.0/16, region: us-west1}
- {cidr: "2001:db8:2::/48", region: us-west1}
`

const (
	keyName   = "secondary.test."
	keySecret = "c2Vjb25kYXJ5c2Vjb25kYXJ5c2Vjb25kYXJ5"
)

// address is where the server answers that all tests ask.
var address string

func TestMain(m *testing.M) { os.Exit(serve(m)) }

func serve(m *testing.M) int {
	dir, err := os.MkdirTemp("", "drover-conformance-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var addresses []string
	for i := range 40 {
		addresses = append(addresses, fmt.Sprintf("10.9.9.%d", i+1))
	}
	options := dns.NewOptions()
	options.Listen, options.HTTP, options.Version, options.StaleAfter = []string{"127.0.0.1:0"}, "", "conformance", 0
	options.DNSSECKeys = filepath.Join(dir, "keys")
	var errs []error
	for _, file := range []struct {
		flag       *string
		name, text string
	}{
		{&options.Snapshot, "zone.yaml", strings.Replace(testZone, "BIG", strings.Join(addresses, ", "), 1)},
		{&options.Networks, "networks.yaml", testNetworks},
		{&options.TransferKeys, "keys.yaml", "keys: [{name: " + keyName + ", secret: " + keySecret + ", zones: [drover.test]}]"},
	} {
		*file.flag = filepath.Join(dir, file.name)
		errs = append(errs, os.WriteFile(*file.flag, []byte(file.text), 0o600))
	}
	errs = append(errs, os.Mkdir(options.DNSSECKeys, 0o700))
	_, _, err = dnssec.Generate(strings.TrimSuffix(apex, "."), options.DNSSECKeys)
	if err := errors.Join(append(errs, err)...); err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := options.Run(ctx, in)
		in.CloseWithError(err)
		done <- err
	}()
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		fmt.Println("the name server is not ready:", err)
		return 1
	}
	_, address, _ = strings.Cut(strings.TrimSpace(string(line[:n])), "dns://")
	status := m.Run()
	cancel()
	if err := <-done; err != nil {
		fmt.Println("the name server ends:", err)
		return 1
	}
	return status
}
