// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dnssec signs answers as they are given, and proves that there is nothing by compact denial of existence
// (RFC 9824). Keys are ECDSA P-256 (algorithm 13, RFC 6605), in files as BIND's tools write them.
package dnssec

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Keys are the keys of zones. A nil Keys has none.
type Keys struct {
	zones atomic.Pointer[map[string][]*key]
	cache cache
}

// key signs for a zone.
type key struct {
	public *dns.DNSKEY
	signer crypto.Signer
	tag    uint16
}

const (
	// keyFlags say zone key, and secure entry point: one key signs everything.
	keyFlags = dns.ZONE | dns.SEP
	keyBits  = 256
	// protocolDNSSEC is the only protocol a DNSKEY may name (RFC 4034, section 2.1.2).
	protocolDNSSEC = 3
	// keyTTLSeconds is the TTL of DNSKEY records.
	keyTTLSeconds = 3600
)

// Signs reports whether there are keys for a zone, by name with the dot at the end.
func (k *Keys) Signs(zone string) bool { return len(k.of(zone)) > 0 }

func (k *Keys) of(zone string) []*key {
	if k == nil || k.zones.Load() == nil {
		return nil
	}
	return (*k.zones.Load())[zone]
}

// Zones are the zones there are keys for, with their DS records.
func (k *Keys) Zones() map[string][]*dns.DS {
	zones := make(map[string][]*dns.DS)
	if k == nil || k.zones.Load() == nil {
		return zones
	}
	for zone, keys := range *k.zones.Load() {
		for _, key := range keys {
			zones[zone] = append(zones[zone], key.public.ToDS(dns.SHA256))
		}
	}
	return zones
}

// DNSKEYs returns the public keys of a zone as records.
func (k *Keys) DNSKEYs(zone string) []dns.RR {
	var records []dns.RR
	for _, key := range k.of(zone) {
		records = append(records, dns.Copy(key.public))
	}
	return records
}

// Load replaces the keys by those in a directory: pairs of files K<zone>+013+<tag>.key and .private. A zone with
// several keys is signed by each, so that one can take over from another. On an error the old ones stay.
func (k *Keys) Load(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "K*.key"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no key in %s: make one with drover dns keygen --zone ZONE --out %s", dir, dir)
	}
	slices.Sort(files)
	zones := make(map[string][]*key)
	for _, file := range files {
		key, err := load(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		zone := key.public.Hdr.Name
		zones[zone] = append(zones[zone], key)
	}
	k.zones.Store(&zones)
	k.cache.clear()
	return nil
}

func load(file string) (*key, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rr, err := dns.NewRR(string(data))
	if err != nil {
		return nil, err
	}
	public, ok := rr.(*dns.DNSKEY)
	if !ok || public.Algorithm != dns.ECDSAP256SHA256 || public.Flags&dns.ZONE == 0 || public.Protocol != protocolDNSSEC {
		return nil, errors.New("not a DNSKEY of algorithm 13 (ECDSA P-256)")
	}
	public.Hdr.Name, public.Hdr.Ttl = dns.CanonicalName(public.Hdr.Name), keyTTLSeconds
	privateFile := strings.TrimSuffix(file, ".key") + ".private"
	f, err := os.Open(privateFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	private, err := public.ReadPrivateKey(f, privateFile)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("private key: it cannot sign")
	}
	return &key{public: public, signer: signer, tag: public.KeyTag()}, checkPair(public, signer)
}

// checkPair signs something and checks the signature.
func checkPair(public *dns.DNSKEY, signer crypto.Signer) error {
	signature := &dns.RRSIG{
		Inception: 0, Expiration: 1, KeyTag: public.KeyTag(), SignerName: public.Hdr.Name, Algorithm: public.Algorithm,
	}
	set := []dns.RR{public}
	if err := signature.Sign(signer, set); err != nil {
		return err
	}
	if err := signature.Verify(public, set); err != nil {
		return errors.New("the private key is not that of the public one")
	}
	return nil
}

// Generate makes a key for a zone and writes its files to a directory. It returns the path of both without the ending,
// and the DS record for the parent zone.
func Generate(zone, dir string) (path string, ds *dns.DS, err error) {
	if _, ok := dns.IsDomainName(zone); !ok || zone == "" {
		return "", nil, fmt.Errorf("%q is not the name of a zone", zone)
	}
	public := &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: dns.CanonicalName(zone), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: keyTTLSeconds},
		Flags:     keyFlags,
		Protocol:  protocolDNSSEC,
		Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := public.Generate(keyBits)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, fmt.Sprintf("K%s+%03d+%05d", public.Hdr.Name, public.Algorithm, public.KeyTag()))
	// The private key first: a public one without it is an error to whoever reads the directory.
	if err := writeNew(path+".private", public.PrivateKeyString(private), 0o600); err != nil {
		return "", nil, err
	}
	if err := writeNew(path+".key", public.String()+"\n", 0o644); err != nil {
		return "", nil, err
	}
	return path, public.ToDS(dns.SHA256), nil
}

func writeNew(path, content string, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}
