// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Vectors of SipHash-2-4 by its authors: key 00 01 … 0f, data of 0, 1, 2, … octets 00 01 02 ….
func TestSipHash(t *testing.T) {
	key, data := make([]byte, 16), make([]byte, 16)
	for i := range key {
		key[i], data[i] = byte(i), byte(i)
	}
	for size, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := sipHash(key, data[:size]); got != want {
			t.Errorf("%d octets: got %x, want %x", size, got, want)
		}
	}
}

// The examples of RFC 9018, appendix A.
func TestCookiesOfTheStandard(t *testing.T) {
	for name, test := range map[string]struct {
		secret, client, server, from string
		time                         int64
	}{
		"A.1": {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985},
		"A.2": {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf7a871d4a564a1442aca77", "198.51.100.100", 1559734385},
		"A.3": {"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86", "010000005cf7a9acf73a7810aca2381e", "203.0.113.203", 1559734700},
		"A.4": {"445536bcd2513298075a5d379663c962", "22681ab97d52c298", "010000005cf7c609a6bb79d16625507a", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961},
	} {
		t.Run(name, func(t *testing.T) {
			cookies := NewCookies()
			if err := cookies.SetSecrets([]byte(test.secret)); err != nil {
				t.Fatal(err)
			}
			client, err := hex.DecodeString(test.client)
			if err != nil {
				t.Fatal(err)
			}
			now, from := time.Unix(test.time, 0), netip.MustParseAddr(test.from)
			made := cookies.make(nil, client, from, now)
			if got := hex.EncodeToString(made); got != test.server {
				t.Errorf("got %s, want %s", got, test.server)
			}
			for when, want := range map[time.Duration]bool{0: true, time.Hour: true, time.Hour + time.Second: false, -5 * time.Minute: true, -6 * time.Minute: false} {
				if got := cookies.check(client, made, from, now.Add(when)); got != want {
					t.Errorf("after %s it is good: %v", when, got)
				}
			}
			if cookies.check(client, made, from.Next(), now) || NewCookies().check(client, made, from, now) {
				t.Error("it is good for another address, or by another secret")
			}
		})
	}
}

// What others may have put into the reserved octets is part of what they signed: the query of RFC 9018, appendix A.3.
func TestReservedOctetsAreChecked(t *testing.T) {
	cookies := NewCookies()
	if err := cookies.SetSecrets([]byte("e5e973e5a6b2a43f48e7dc849e37bfcf")); err != nil {
		t.Fatal(err)
	}
	cookie, err := hex.DecodeString("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
	if err != nil {
		t.Fatal(err)
	}
	from, made := netip.MustParseAddr("203.0.113.203"), time.Unix(1559727985, 0)
	if !cookies.check(cookie[:8], cookie[8:], from, made) {
		t.Error("it is refused")
	}
	cookie[9] = 0
	if cookies.check(cookie[:8], cookie[8:], from, made) {
		t.Error("it is taken without them")
	}
}

func TestSecretsRollOver(t *testing.T) {
	const old, young = "000102030405060708090a0b0c0d0e0f", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
	before, during := NewCookies(), NewCookies()
	if err := before.SetSecrets([]byte(old + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := during.SetSecrets([]byte(young + "\n" + old + "\n")); err != nil {
		t.Fatal(err)
	}
	client, now := []byte("01234567"), time.Now()
	if !during.check(client, before.make(nil, client, clientAddr, now), clientAddr, now) {
		t.Error("a cookie by the old secret is refused")
	}
	if before.check(client, during.make(nil, client, clientAddr, now), clientAddr, now) {
		t.Error("the first secret is not the one that makes cookies")
	}
	for _, bad := range []string{"", "abc", old[1:], old + " " + "zz"} {
		if err := during.SetSecrets([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestCookiesAreAnswered(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	const client = "0102030405060708"
	first := cookieOf(direct(t, w, withCookie(query(web, dns.TypeA), client), "203.0.113.9", UDP))
	if len(first) != 48 || !strings.HasPrefix(first, client) {
		t.Fatalf("got %q", first)
	}
	for _, cookie := range []string{first, client + strings.Repeat("00", 16), client + strings.Repeat("00", 8)} {
		reply := direct(t, w, withCookie(query(web, dns.TypeA), cookie), "203.0.113.9", UDP)
		if len(reply.Answer) != 3 || !strings.HasPrefix(cookieOf(reply), client) {
			t.Errorf("%s: %v", cookie, reply)
		}
	}
	if got := cookieOf(direct(t, w, withCookie(query("example.com.", dns.TypeA), client), "203.0.113.9", UDP)); len(got) != 48 {
		t.Errorf("none with an error: %q", got)
	}
}

func TestRateLimit(t *testing.T) {
	config := testConfig(t)
	config.Limiter = NewLimiter(10, 2)
	w := New(config).newWorker()
	var answered, slipped, dropped int
	for range 50 {
		switch reply := direct(t, w, query(web, dns.TypeA), "203.0.113.9", UDP); {
		case reply == nil:
			dropped++
		case reply.Truncated:
			slipped++
		default:
			answered++
		}
	}
	// It is 10 at once, and one more every 100 ms, should the test take so long.
	if answered < 10 || answered > 30 || dropped == 0 || slipped < dropped-1 || slipped > dropped+1 {
		t.Errorf("%d answered, %d slipped, %d dropped", answered, slipped, dropped)
	}
	const client = "0102030405060708"
	limited := func(reply *dns.Msg) bool {
		return reply == nil || reply.Truncated || reply.Rcode == dns.RcodeBadCookie
	}
	if limited(direct(t, w, query(web, dns.TypeA), "203.0.114.9", UDP)) {
		t.Error("another network is limited, too")
	}
	if limited(direct(t, w, query("drover.test.", dns.TypeNS), "203.0.113.9", UDP)) {
		t.Error("another name is limited, too")
	}
	if limited(direct(t, w, query(web, dns.TypeA), "203.0.113.9", TCP)) {
		t.Error("TCP is limited")
	}
	if limited(direct(t, w, query(web, dns.TypeA), "127.0.0.1", UDP)) {
		t.Error("loopback is limited")
	}
	cookie := hex.EncodeToString(w.Cookies.make(nil, []byte{1, 2, 3, 4, 5, 6, 7, 8}, clientAddr, time.Now()))
	for range 20 {
		if limited(direct(t, w, withCookie(query(web, dns.TypeA), client+cookie), "203.0.113.9", UDP)) {
			t.Fatal("a client with a good cookie is limited")
		}
	}
	bad := 0
	for range 20 {
		if reply := direct(t, w, withCookie(query(web, dns.TypeA), client), "203.0.113.9", UDP); reply != nil && reply.Rcode == dns.RcodeBadCookie {
			bad++
			if len(cookieOf(reply)) != 48 || len(reply.Answer) != 0 {
				t.Errorf("got %v", reply)
			}
		}
	}
	if bad == 0 {
		t.Error("a client with half a cookie is not told a whole one")
	}
}

func TestRateLimitIsOfNegativeAnswersTogether(t *testing.T) {
	config := testConfig(t)
	config.Limiter = NewLimiter(5, 0)
	w := New(config).newWorker()
	answered := 0
	for i := range 40 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".drover.test."
		if direct(t, w, query(name, dns.TypeA), "203.0.113.9", UDP) != nil {
			answered++
		}
	}
	if answered < 5 || answered > 20 {
		t.Errorf("%d of 40 different names that are not there were answered", answered)
	}
}
