// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// setID identifies a set of records: its owner's name, in lower case and with the dot at the end, and its type.
type setID struct {
	name   string
	rrtype uint16
}

func (id setID) String() string { return id.name + " " + dns.TypeToString[id.rrtype] }

// recordSets are sets of records by what identifies them.
type recordSets map[setID][]dns.RR

func setsOf(records []dns.RR) recordSets {
	out := make(recordSets)
	for _, rr := range records {
		id := setID{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype}
		out[id] = append(out[id], rr)
	}
	return out
}

// at are the types that there are at a name, without those that a signed zone adds by itself.
func (s recordSets) at(name string) map[uint16][]dns.RR {
	out := make(map[uint16][]dns.RR)
	for _, rrtype := range knownTypes {
		if records, ok := s[setID{name, rrtype}]; ok {
			out[rrtype] = records
		}
	}
	return out
}

// published are the types that are published. Of others it matters only whether there are any, as where one of them is
// no alias may be.
var (
	published  = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeSRV}
	knownTypes = append(slices.Clone(published), otherType)
)

// otherType stands for all types that are neither published nor made by signing.
const otherType = dns.TypeNone

// markTTL is that of marks, which nobody looks up but who publishes.
const markTTL = 300

// markName is where the mark of a set is.
func markName(id setID) string {
	return "_drover-" + strings.ToLower(dns.TypeToString[id.rrtype]) + "." + id.name
}

// marked is the set that a name is the mark of; false if it is none.
func marked(name string) (setID, bool) {
	label, rest, _ := strings.Cut(name, ".")
	for _, rrtype := range published {
		if id := (setID{rest, rrtype}); rest != "" && markName(id) == label+"."+rest {
			return id, true
		}
	}
	return setID{}, false
}

func mark(id setID, owner string) *dns.TXT {
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: markName(id), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: markTTL},
		Txt: []string{"drover", "owner=" + owner},
	}
}

// zoneState is what was seen of the target's zone.
type zoneState struct {
	sets  recordSets
	owner string
	// owned are the sets that this owner has marked; foreign those that another has.
	owned, foreign map[setID]bool
}

// stateOf reads what is in a zone.
func stateOf(records []dns.RR, owner string) *zoneState {
	s := &zoneState{sets: make(recordSets), owner: owner, owned: make(map[setID]bool), foreign: make(map[setID]bool)}
	for id, set := range setsOf(records) {
		if id.rrtype == dns.TypeTXT {
			if of, ok := marked(id.name); ok {
				s.read(of, set)
			}
		}
		switch {
		case slices.Contains(published, id.rrtype):
			s.sets[id] = set
		case !madeBySigning(id.rrtype):
			s.sets[setID{id.name, otherType}] = set
		}
	}
	return s
}

func (s *zoneState) read(of setID, set []dns.RR) {
	if len(set) == 1 && dns.IsDuplicate(set[0], mark(of, s.owner)) {
		s.owned[of] = true
		return
	}
	s.foreign[of] = true
}

func madeBySigning(rrtype uint16) bool {
	switch rrtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		return true
	}
	return false
}

// change is what is to be done at one name, all of it or nothing.
type change struct {
	name string
	// require is what must hold for it (RFC 2136, section 2.4), update what it does (section 2.5).
	require, update []dns.RR
	// after are the sets at the name once it is done that are owned.
	after map[uint16][]dns.RR
}

// plan says what brings names to what is wanted there: sets of records, which are empty where a name is to be there and
// to have nothing. Names without any are to go. Conflicts are sets that others have, or are in the way of.
func plan(names []string, want map[string]map[uint16][]dns.RR, state *zoneState) (changes []change, conflicts []setID) {
	for _, name := range names {
		wanted := maps.Clone(want[name])
		for _, rrtype := range state.refused(name, wanted) {
			conflicts = append(conflicts, setID{name, rrtype})
			delete(wanted, rrtype)
		}
		if c := state.change(name, wanted); len(c.update) > 0 {
			changes = append(changes, c)
		}
	}
	return changes, conflicts
}

// refused are the types among those wanted at a name that cannot be there because of what others have there.
func (s *zoneState) refused(name string, wanted map[uint16][]dns.RR) (refused []uint16) {
	others, alias := false, false
	for rrtype := range s.sets.at(name) {
		if !s.owned[setID{name, rrtype}] {
			others, alias = true, alias || rrtype == dns.TypeCNAME
		}
	}
	for _, rrtype := range published {
		records, ok := wanted[rrtype]
		id := setID{name, rrtype}
		switch {
		case !ok:
		case s.foreign[id], s.sets[id] != nil && !s.owned[id],
			len(records) > 0 && (alias || (others && rrtype == dns.TypeCNAME)):
			refused = append(refused, rrtype)
		}
	}
	return refused
}

func (s *zoneState) change(name string, wanted map[uint16][]dns.RR) change {
	c := change{name: name, after: wanted}
	var add []dns.RR
	for _, rrtype := range published {
		id := setID{name, rrtype}
		records, ok := wanted[rrtype]
		switch {
		case ok && s.owned[id]:
			if same(s.sets[id], records) {
				continue
			}
			c.require = append(c.require, exists(mark(id, s.owner)))
			c.update = append(c.update, removeSet(id))
			add = append(add, records...)
		case ok:
			c.require = append(c.require, setAbsent(id), setAbsent(setID{markName(id), dns.TypeTXT}))
			add = append(add, mark(id, s.owner))
			add = append(add, records...)
		case s.owned[id]:
			c.require = append(c.require, exists(mark(id, s.owner)))
			c.update = append(c.update, removeSet(id), removeRecord(mark(id, s.owner)))
		}
	}
	if len(add) > 0 && len(s.sets.at(name)) == 0 && len(wanted[dns.TypeCNAME]) > 0 {
		c.require = append(c.require, nameAbsent(name)) // an update with an alias beside other records would be passed over
	}
	c.update = append(c.update, add...)
	return c
}

// done is told that a change was made.
func (s *zoneState) done(c change) {
	for _, rrtype := range published {
		id := setID{c.name, rrtype}
		records, ok := c.after[rrtype]
		if !ok && !s.owned[id] {
			continue // somebody else's
		}
		delete(s.sets, id)
		delete(s.owned, id)
		if ok {
			s.owned[id] = true
		}
		if len(records) > 0 {
			s.sets[id] = records
		}
	}
}

// same reports whether two sets have the same records, with the same TTL.
func same(a, b []dns.RR) bool {
	return slices.Equal(texts(a), texts(b))
}

func texts(set []dns.RR) []string {
	out := make([]string, 0, len(set))
	for _, rr := range set {
		out = append(out, strings.ToLower(rr.String()))
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}

// exists requires that a set has one record, and this one.
func exists(rr dns.RR) dns.RR {
	required := dns.Copy(rr)
	required.Header().Ttl = 0
	return required
}

func setAbsent(id setID) dns.RR { return bare(id.name, id.rrtype, dns.ClassNONE) }

func nameAbsent(name string) dns.RR { return bare(name, dns.TypeANY, dns.ClassNONE) }

func removeSet(id setID) dns.RR { return bare(id.name, id.rrtype, dns.ClassANY) }

func removeRecord(rr dns.RR) dns.RR {
	removed := exists(rr)
	removed.Header().Class = dns.ClassNONE
	return removed
}

func bare(name string, rrtype, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: rrtype, Class: class}}
}
