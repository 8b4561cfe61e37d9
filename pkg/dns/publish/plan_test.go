// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// sorted are records as lines without spaces, in order.
func sorted(records []dns.RR) []string {
	out := []string{}
	for _, record := range records {
		out = append(out, strings.Join(strings.Fields(record.String()), " "))
	}
	slices.Sort(out)
	return out
}

func TestPlan(t *testing.T) {
	const (
		a, b      = "web.test. 20 IN A 192.0.2.1", "web.test. 20 IN A 192.0.2.2"
		alias     = "web.test. 20 IN CNAME lb.example.com."
		v6        = "web.test. 20 IN AAAA 2001:db8::1"
		markA     = `_drover-a.web.test. 300 IN TXT "drover" "owner=fed.example.com"`
		markV6    = `_drover-aaaa.web.test. 300 IN TXT "drover" "owner=fed.example.com"`
		markAlias = `_drover-cname.web.test. 300 IN TXT "drover" "owner=fed.example.com"`
		markOther = `_drover-a.web.test. 300 IN TXT "drover" "owner=other.example.com"`
		text      = `web.test. 60 IN TXT "mine"`
		nsec      = "web.test. 20 IN NSEC x.test. A RRSIG"
		empty     = "empty"
	)
	for name, tt := range map[string]struct {
		want, have, after []string
		conflicts         string
	}{
		"new":                            {[]string{a, b}, nil, []string{a, b, markA}, ""},
		"in step":                        {[]string{b, a}, []string{a, b, markA}, []string{a, b, markA}, ""},
		"another address":                {[]string{b}, []string{a, markA}, []string{b, markA}, ""},
		"another TTL":                    {[]string{a}, []string{"web.test. 5 IN A 192.0.2.1", markA}, []string{a, markA}, ""},
		"one more family":                {[]string{a, v6}, []string{a, markA}, []string{a, v6, markA, markV6}, ""},
		"one family less":                {[]string{v6}, []string{a, v6, markA, markV6}, []string{v6, markV6}, ""},
		"gone":                           {nil, []string{a, markA}, nil, ""},
		"gone, and gone there":           {nil, []string{markA}, nil, ""},
		"taken away there":               {[]string{a}, []string{markA}, []string{a, markA}, ""},
		"there, with nothing":            {[]string{empty}, []string{a, markA}, []string{markA}, ""},
		"new, with nothing":              {[]string{empty}, nil, []string{markA}, ""},
		"there again":                    {[]string{a}, []string{markA}, []string{a, markA}, ""},
		"now an alias":                   {[]string{alias}, []string{a, markA}, []string{alias, markAlias}, ""},
		"no longer an alias":             {[]string{a}, []string{alias, markAlias}, []string{a, markA}, ""},
		"somebody's text beside it":      {[]string{b}, []string{a, markA, text}, []string{b, markA, text}, ""},
		"somebody's address":             {[]string{a}, []string{b}, []string{b}, "web.test. A"},
		"somebody's other family":        {[]string{a, v6}, []string{b}, []string{b, v6, markV6}, "web.test. A"},
		"somebody's alias":               {[]string{a}, []string{alias}, []string{alias}, "web.test. A"},
		"an alias beside somebody's":     {[]string{alias}, []string{text}, []string{text}, "web.test. CNAME"},
		"another owner's":                {[]string{a}, []string{b, markOther}, []string{b, markOther}, "web.test. A"},
		"another owner's, with nothing":  {[]string{a}, []string{markOther}, []string{markOther}, "web.test. A"},
		"another owner's, not wanted":    {nil, []string{b, markOther}, []string{b, markOther}, ""},
		"an alias in a signed zone":      {[]string{alias}, []string{a, markA, nsec}, []string{alias, markAlias, nsec}, ""},
		"somebody's, and nothing wanted": {nil, []string{a, text}, []string{a, text}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			zone := &primary{records: rrs(t, tt.have...)}
			want := map[string]map[uint16][]dns.RR{}
			switch {
			case len(tt.want) == 1 && tt.want[0] == empty:
				want["web.test."] = map[uint16][]dns.RR{dns.TypeA: nil}
			case len(tt.want) > 0:
				want["web.test."] = typed(rrs(t, tt.want...))
			}
			state := stateOf(zone.records, testOwner)
			changes, conflicts := plan([]string{"web.test."}, want, state)
			if got := fmt.Sprint(conflicts); got != "["+tt.conflicts+"]" {
				t.Errorf("conflicts %s, want %s", got, tt.conflicts)
			}
			for _, c := range changes {
				if rcode := zone.update(c.require, c.update); rcode != dns.RcodeSuccess {
					t.Errorf("%s: %v", dns.RcodeToString[rcode], c)
				}
				state.done(c)
			}
			if diff := cmp.Diff(sorted(rrs(t, tt.after...)), sorted(zone.records)); diff != "" {
				t.Errorf("after it (-want +got):\n%s", diff)
			}
			if again, _ := plan([]string{"web.test."}, want, state); len(again) > 0 {
				t.Errorf("once more: %v", again)
			}
		})
	}
}

// Whatever is there and whatever is wanted: what others have stays, what is wanted and in nobody's way is there, and
// nothing is left to do.
func TestPlanLeavesOthersAlone(t *testing.T) {
	pool := rrs(t,
		"web.test. 20 IN A 192.0.2.1", "web.test. 20 IN A 192.0.2.2", "web.test. 5 IN A 192.0.2.1", "web.test. 20 IN AAAA 2001:db8::1",
		"web.test. 20 IN CNAME lb.example.com.", "web.test. 20 IN SRV 0 1 80 x.test.",
		"app.test. 20 IN A 192.0.2.3", "app.test. 20 IN CNAME lb.example.com.")
	names := []string{"app.test.", "web.test."}
	rapid.Check(t, func(t *rapid.T) {
		zone := &primary{}
		draw := func(label string) { // what an owner publishes at some time
			owner := rapid.SampledFrom([]string{testOwner, "other"}).Draw(t, "owner")
			changes, _ := plan(names, drawWanted(t, label, pool), stateOf(zone.records, owner))
			for _, c := range changes {
				if rcode := zone.update(c.require, c.update); rcode != dns.RcodeSuccess {
					t.Fatalf("%s: %v on %v", dns.RcodeToString[rcode], c, zone.records)
				}
			}
		}
		if rapid.Bool().Draw(t, "text") {
			zone.apply(&dns.TXT{Hdr: dns.RR_Header{Name: "web.test.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"mine"}})
		}
		for range rapid.IntRange(0, 3).Draw(t, "turns") {
			draw("earlier")
		}
		if rapid.Bool().Draw(t, "by hand") {
			zone.apply(rapid.SampledFrom(pool[3:]).Draw(t, "record"))
		}

		before := stateOf(zone.records, testOwner)
		var others []dns.RR
		for _, record := range zone.records {
			id := setID{record.Header().Name, record.Header().Rrtype}
			of, isMark := marked(id.name)
			if !before.owned[id] && (!isMark || !before.owned[of]) {
				others = append(others, record)
			}
		}
		want := drawWanted(t, "wanted", pool)
		changes, conflicts := plan(names, want, before)
		for _, c := range changes {
			if rcode := zone.update(c.require, c.update); rcode != dns.RcodeSuccess {
				t.Fatalf("%s: %v on %v", dns.RcodeToString[rcode], c, zone.records)
			}
			before.done(c)
		}
		for _, record := range others {
			if !slices.ContainsFunc(zone.records, func(r dns.RR) bool { return r.String() == record.String() }) {
				t.Fatalf("%v was somebody else's, and is gone", record)
			}
		}
		for name, types := range want {
			for rrtype, records := range types {
				if id := (setID{name, rrtype}); !slices.Contains(conflicts, id) && !same(zone.set(name, rrtype), records) {
					t.Fatalf("%s: got %v, want %v", id, zone.set(name, rrtype), records)
				}
			}
		}
		for _, state := range []*zoneState{before, stateOf(zone.records, testOwner)} {
			if again, _ := plan(names, want, state); len(again) > 0 {
				t.Fatalf("once more: %v", again)
			}
		}
	})
}

// drawWanted draws sets that can stand beside each other.
func drawWanted(t *rapid.T, label string, pool []dns.RR) map[string]map[uint16][]dns.RR {
	want := map[string]map[uint16][]dns.RR{}
	for _, record := range rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 4, rapid.ID).Draw(t, label) {
		h := record.Header()
		types := want[h.Name]
		if types == nil {
			types = map[uint16][]dns.RR{}
			want[h.Name] = types
		}
		_, aliased := types[dns.TypeCNAME]
		if aliased || (h.Rrtype == dns.TypeCNAME && len(types) > 0) || (len(types[h.Rrtype]) > 0 && types[h.Rrtype][0].Header().Ttl != h.Ttl) {
			continue
		}
		types[h.Rrtype] = append(types[h.Rrtype], record)
	}
	return want
}

func TestTargetsThatAreRefused(t *testing.T) {
	const key = "{name: drover.test, secret: c2VjcmV0c2VjcmV0c2VjcmV0}"
	for text, want := range map[string]string{
		"targets: [{zone: test, owner: x, key: " + key + "}]":                                                                       "server must be",
		"targets: [{server: 192.0.2.53, owner: x, key: " + key + "}]":                                                               "is not a domain name",
		"targets: [{server: 192.0.2.53, zone: test, key: " + key + "}]":                                                             "owner",
		"targets: [{server: 192.0.2.53, zone: test, owner: 'a b', key: " + key + "}]":                                               "owner",
		"targets: [{server: 192.0.2.53, zone: test, owner: x}]":                                                                     "key: name",
		"targets: [{server: 192.0.2.53, zone: test, owner: x, key: " + key + ", ttl: 1}]":                                           "unknown field",
		"targets: [{server: a, zone: test, owner: x, key: " + key + "}, {server: 'a:53', zone: Test., owner: y, key: " + key + "}]": "is there twice",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	targets, err := parse([]byte("targets: [{server: '2001:db8::53', zone: Test, owner: x, key: " + key + "}]"))
	if err != nil || targets[0].String() != "test. at [2001:db8::53]:53" {
		t.Errorf("got %v, %v", targets, err)
	}
}
