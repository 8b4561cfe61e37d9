// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/dns/transfer"
)

// Target is a zone of another server that is kept in step.
type Target struct {
	// Server is the zone's primary server, as ADDRESS or ADDRESS:PORT. Default port 53.
	Server string `json:"server"`
	// Zone is the zone of that server. What is published are the zones served here that are it, or lie in it.
	Zone string `json:"zone"`
	// Owner tells these records from those of others. It must stay the same: what another owner published is not touched.
	Owner string `json:"owner"`
	// Key signs updates and transfers.
	Key transfer.TSIGKey `json:"key"`
	// Withdraw takes away what was published.
	Withdraw bool `json:"withdraw,omitempty"`
}

func (t *Target) String() string { return t.Zone + " at " + t.Server }

// file is the layout of a file of targets.
type file struct {
	Targets []Target `json:"targets"`
}

// maxOwner leaves room in a string of a TXT record.
const maxOwner = 200

// parse reads a file of targets in YAML or JSON.
func parse(data []byte) ([]Target, error) {
	var f file
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("not a list of targets: %w", err)
	}
	seen := make(map[string]bool)
	for i := range f.Targets {
		target := &f.Targets[i]
		if err := target.complete(); err != nil {
			return nil, fmt.Errorf("targets[%d]: %w", i, err)
		}
		if seen[target.String()] {
			return nil, fmt.Errorf("targets[%d]: %s is there twice", i, target)
		}
		seen[target.String()] = true
	}
	return f.Targets, nil
}

func (t *Target) complete() error {
	if t.Server == "" {
		return fmt.Errorf("server must be the address of the zone's primary server, e.g. 192.0.2.53")
	}
	if _, _, err := net.SplitHostPort(t.Server); err != nil {
		t.Server = net.JoinHostPort(strings.Trim(t.Server, "[]"), "53")
	}
	if _, ok := dns.IsDomainName(t.Zone); !ok || t.Zone == "" {
		return fmt.Errorf("zone %q is not a domain name", t.Zone)
	}
	t.Zone = dns.CanonicalName(t.Zone)
	if t.Owner == "" || len(t.Owner) > maxOwner || strings.ContainsAny(t.Owner, " \t\n\"\\") {
		return fmt.Errorf("owner %q must be a word of your choice, of at most %d characters, that tells these records from those of others, e.g. federation.example.com", t.Owner, maxOwner)
	}
	if err := t.Key.Complete(); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return nil
}
