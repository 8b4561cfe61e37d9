// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package transfer says who may have whole zones, and signs what they get (RFC 5936, RFC 8945).
package transfer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"sigs.k8s.io/yaml"
)

// Policy has the keys that messages are signed with, and the zones that each may have. A nil Policy has none.
type Policy struct {
	keys atomic.Pointer[map[string]Key]
}

// TSIGKey is a key shared with another server, to sign messages with.
type TSIGKey struct {
	// Name is that of the key, e.g. secondary.example.com.
	Name string `json:"name"`
	// Algorithm is hmac-sha256, hmac-sha384 or hmac-sha512. Default hmac-sha256.
	Algorithm string `json:"algorithm,omitempty"`
	// Secret is in base64.
	Secret string `json:"secret"`
}

// Key is a key shared with a secondary.
type Key struct {
	TSIGKey `json:",inline"`
	// Zones are those it may have.
	Zones []string `json:"zones"`
}

// file is the layout of a file of keys.
type file struct {
	Keys []Key `json:"keys"`
}

// minSecret is the least number of octets of a secret.
const minSecret = 16

// Set replaces the keys by those of a file in YAML or JSON.
func (p *Policy) Set(data []byte) error {
	var f file
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return fmt.Errorf("not a list of keys: %w", err)
	}
	keys := make(map[string]Key, len(f.Keys))
	for i, key := range f.Keys {
		if err := key.Complete(); err != nil {
			return fmt.Errorf("keys[%d]: %w", i, err)
		}
		for i := range key.Zones {
			key.Zones[i] = dns.CanonicalName(key.Zones[i])
		}
		if _, twice := keys[key.Name]; twice {
			return fmt.Errorf("keys[%d]: the name %s is there twice", i, key.Name)
		}
		keys[key.Name] = key
	}
	p.keys.Store(&keys)
	return nil
}

// Complete sets defaults, puts names into canonical form, and says what is wrong with the key.
func (k *TSIGKey) Complete() error {
	if _, ok := dns.IsDomainName(k.Name); !ok || k.Name == "" {
		return fmt.Errorf("name %q is not a domain name", k.Name)
	}
	k.Name = dns.CanonicalName(k.Name)
	if k.Algorithm == "" {
		k.Algorithm = "hmac-sha256"
	}
	k.Algorithm = dns.CanonicalName(k.Algorithm)
	if !slices.Contains([]string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}, k.Algorithm) {
		return fmt.Errorf("algorithm %s is not one of hmac-sha256, hmac-sha384, hmac-sha512", k.Algorithm)
	}
	if secret, err := base64.StdEncoding.DecodeString(k.Secret); err != nil || len(secret) < minSecret {
		return fmt.Errorf("the secret of %s must be base64 of at least %d octets, e.g. from: openssl rand -base64 32", k.Name, minSecret)
	}
	return nil
}

func (p *Policy) key(name string) (Key, bool) {
	if p == nil || p.keys.Load() == nil {
		return Key{}, false
	}
	key, ok := (*p.keys.Load())[dns.CanonicalName(name)]
	return key, ok
}

// Allows reports whether the holder of a key may have a zone.
func (p *Policy) Allows(name, zone string) bool {
	key, ok := p.key(name)
	return ok && slices.Contains(key.Zones, dns.CanonicalName(zone))
}

// Verify checks the signature of a message as it came.
func (p *Policy) Verify(msg []byte, signature *dns.TSIG) error {
	key, ok := p.key(signature.Hdr.Name)
	if !ok || key.Algorithm != dns.CanonicalName(signature.Algorithm) {
		return dns.ErrSecret
	}
	return dns.TsigVerify(msg, key.Secret, "", false)
}

// ErrorCode is the code that tells a client what was wrong with its signature.
func (p *Policy) ErrorCode(err error) uint16 {
	switch {
	case errors.Is(err, dns.ErrTime):
		return dns.RcodeBadTime
	case errors.Is(err, dns.ErrSecret):
		return dns.RcodeBadKey
	}
	return dns.RcodeBadSig
}

// Seal packs a message with a signature by the key of a request. The MAC is that of the request, or of the message
// before in a transfer, from whose second message on timersOnly is true. It returns the message, and its MAC.
func (p *Policy) Seal(msg *dns.Msg, request *dns.TSIG, mac string, timersOnly bool, now time.Time) ([]byte, string, error) {
	key, ok := p.key(request.Hdr.Name)
	if !ok {
		return nil, "", dns.ErrSecret
	}
	msg.SetTsig(key.Name, key.Algorithm, request.Fudge, now.Unix())
	return dns.TsigGenerate(msg, key.Secret, mac, timersOnly)
}

// maxRecords of a message keep it below what its length can say, however long the names.
const maxRecords = 100

// Split divides the records of a zone into messages.
func Split(records []dns.RR) [][]dns.RR {
	return slices.Collect(slices.Chunk(records, maxRecords))
}
