// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dnssec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func generate(t *testing.T, zone, dir string) (path string, ds *dns.DS) {
	t.Helper()
	path, ds, err := Generate(zone, dir)
	if err != nil {
		t.Fatal(err)
	}
	return path, ds
}

func TestGenerateAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	path, ds := generate(t, "Drover.Test", dir)
	generate(t, "drover.test.", dir)
	generate(t, "other.test", dir)
	if info, err := os.Stat(path + ".private"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v, %v", info, err)
	}
	var keys Keys
	if err := keys.Load(dir); err != nil {
		t.Fatal(err)
	}
	if !keys.Signs("drover.test.") || !keys.Signs("other.test.") || keys.Signs("third.test.") || (*Keys)(nil).Signs("drover.test.") {
		t.Error("it signs other zones than those it has keys for")
	}
	if got := keys.DNSKEYs("drover.test."); len(got) != 2 {
		t.Errorf("%d keys", len(got))
	}
	found := false
	for _, listed := range keys.Zones()["drover.test."] {
		found = found || listed.String() == ds.String()
	}
	if !found || ds.DigestType != dns.SHA256 || ds.Algorithm != dns.ECDSAP256SHA256 {
		t.Errorf("the DS record that was printed is none of the zone's: %s", ds)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(dir, path string) error
		want   string
	}{
		"none":           {func(_, path string) error { return os.Remove(path + ".key") }, "there is no key in"},
		"no private key": {func(_, path string) error { return os.Remove(path + ".private") }, "no such file"},
		"not a key": {func(_, path string) error {
			return os.WriteFile(path+".key", []byte("drover.test. A 192.0.2.1\n"), 0o600)
		}, "not a DNSKEY of algorithm 13"},
		"a private of another": {func(dir, path string) error {
			other, _, err := Generate("drover.test", filepath.Join(dir, "other"))
			if err != nil {
				return err
			}
			return os.Rename(other+".private", path+".private")
		}, "is not that of the public one"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, _ := generate(t, "drover.test", dir)
			var keys Keys
			if err := keys.Load(dir); err != nil {
				t.Fatal(err)
			}
			if err := test.damage(dir, path); err != nil {
				t.Fatal(err)
			}
			if err := keys.Load(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !keys.Signs("drover.test.") {
				t.Error("the keys from before are gone")
			}
		})
	}
	if _, _, err := Generate("a..b", t.TempDir()); err == nil {
		t.Error("a key for what is not a zone")
	}
}

func TestSignaturesAreKeptAndRenewed(t *testing.T) {
	dir := t.TempDir()
	generate(t, "drover.test", dir)
	var keys Keys
	if err := keys.Load(dir); err != nil {
		t.Fatal(err)
	}
	key := keys.of("drover.test.")[0]
	now := time.Now()
	get := func(owner, address string, at time.Time) *dns.RRSIG {
		t.Helper()
		rr, err := dns.NewRR(owner + " 20 IN A " + address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := keys.cache.get([]dns.RR{rr}, key, at)
		if err != nil {
			t.Fatal(err)
		}
		signature := got.(*dns.RRSIG)
		if err := signature.Verify(key.public, []dns.RR{rr}); err != nil || !signature.ValidityPeriod(at) || signature.Hdr.Name != owner {
			t.Errorf("%s: %v", signature, err)
		}
		return signature
	}
	first := get("web.drover.test.", "192.0.2.1", now)
	for name, test := range map[string]struct {
		owner, address string
		after          time.Duration
		same           bool
	}{
		"at once":                     {"web.drover.test.", "192.0.2.1", 0, true},
		"in another case":             {"WEB.drover.TEST.", "192.0.2.1", 0, true},
		"later":                       {"web.drover.test.", "192.0.2.1", renewal - time.Minute, true},
		"of another set":              {"web.drover.test.", "192.0.2.2", 0, false},
		"of another name":             {"app.drover.test.", "192.0.2.1", 0, false},
		"when the clock was set back": {"web.drover.test.", "192.0.2.1", -2 * time.Hour, false},
		"when it is no longer young":  {"web.drover.test.", "192.0.2.1", renewal + time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := get(test.owner, test.address, now.Add(test.after)); (got.Signature == first.Signature) != test.same {
				t.Errorf("the same: %v", !test.same)
			}
		})
		keys.cache.clear()
		first = get("web.drover.test.", "192.0.2.1", now)
	}
}

func TestCacheForgetsWhatIsNotAskedFor(t *testing.T) {
	var c cache
	kept := &dns.RRSIG{}
	c.keep("kept", kept)
	c.keep("lost", kept)
	for i := range 4 * cacheHalf {
		c.keep(string(rune(i))+"x", &dns.RRSIG{})
		if c.find("kept") != kept {
			t.Fatal("what is asked for again and again was forgotten")
		}
	}
	if c.find("lost") != nil || len(c.young)+len(c.old) > 2*cacheHalf {
		t.Errorf("nothing was forgotten: %d", len(c.young)+len(c.old))
	}
}
