// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

func TestAllows(t *testing.T) {
	var policy Policy
	if err := policy.Set([]byte("keys: [{name: Secondary.Test, secret: " + secret + ", zones: [Drover.Test]}]")); err != nil {
		t.Fatal(err)
	}
	for request, want := range map[[2]string]bool{
		{"secondary.test.", "drover.test."}: true,
		{"SECONDARY.test.", "DROVER.test."}: true,
		{"secondary.test.", "other.test."}:  false,
		{"other.test.", "drover.test."}:     false,
		{"", "drover.test."}:                false,
	} {
		if got := policy.Allows(request[0], request[1]); got != want {
			t.Errorf("%v: %v", request, got)
		}
	}
	if (*Policy)(nil).Allows("secondary.test.", "drover.test.") || new(Policy).Allows("secondary.test.", "drover.test.") {
		t.Error("without keys somebody is allowed")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"keys: [{name: a.test, secret: c2hvcnQ=, zones: []}]":                                     "at least 16 octets",
		"keys: [{name: a.test, secret: '???', zones: []}]":                                        "must be base64",
		"keys: [{name: a.test, algorithm: hmac-md5, secret: " + secret + "}]":                     "is not one of",
		"keys: [{name: '', secret: " + secret + "}]":                                              "is not a domain name",
		"keys: [{name: a.test, secret: " + secret + "}, {name: A.test., secret: " + secret + "}]": "is there twice",
		"keys: [{name: a.test, key: x}]":                                                          "unknown field",
	} {
		var policy Policy
		if err := policy.Set([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	records := make([]dns.RR, 2*maxRecords+1)
	total := 0
	for _, part := range Split(records) {
		if len(part) == 0 || len(part) > maxRecords {
			t.Errorf("%d records in a message", len(part))
		}
		total += len(part)
	}
	if total != len(records) {
		t.Errorf("%d of %d records", total, len(records))
	}
}
