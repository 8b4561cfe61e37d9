// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func TestAssign(t *testing.T) {
	prefix := netip.MustParsePrefix("127.10.0.0/29") // .1 to .6
	claim := func(name string, age int, current ...string) Claim {
		c := Claim{Owner: owner(name), Created: time.Unix(int64(1000-age), 0)}
		for _, address := range current {
			c.Current = append(c.Current, netip.MustParseAddr(address))
		}
		return c
	}
	for _, test := range []struct {
		name     string
		held     map[string]string
		claims   []Claim
		want     map[string]string
		unplaced []Owner
	}{
		{name: "nobody asks", want: map[string]string{}},
		{
			name:   "the older object chooses first, whatever the order",
			claims: []Claim{claim("young", 1), claim("old", 9)},
			want:   map[string]string{"old": "127.10.0.1", "young": "127.10.0.2"},
		},
		{
			name:   "a published address outlives a restart",
			claims: []Claim{claim("new", 9), claim("known", 1, "127.10.0.1")},
			want:   map[string]string{"known": "127.10.0.1", "new": "127.10.0.2"},
		},
		{
			name:   "what is held counts more than a status that somebody copied",
			held:   map[string]string{"web": "127.10.0.3"},
			claims: []Claim{claim("copy", 9, "127.10.0.3"), claim("web", 1)},
			want:   map[string]string{"web": "127.10.0.3", "copy": "127.10.0.1"},
		},
		{
			name:   "an address of another range is replaced",
			claims: []Claim{claim("web", 1, "127.20.0.4")},
			want:   map[string]string{"web": "127.10.0.1"},
		},
		{
			name:   "an address is free again once its owner is gone",
			held:   map[string]string{"gone": "127.10.0.1", "web": "127.10.0.2"},
			claims: []Claim{claim("web", 2), claim("next", 1)},
			want:   map[string]string{"web": "127.10.0.2", "next": "127.10.0.1"},
		},
		{
			name:     "a full range leaves the youngest without",
			claims:   []Claim{claim("a", 9), claim("b", 8), claim("c", 7), claim("d", 6), claim("e", 5), claim("f", 4), claim("g", 3), claim("h", 2)},
			want:     map[string]string{"a": "127.10.0.1", "b": "127.10.0.2", "c": "127.10.0.3", "d": "127.10.0.4", "e": "127.10.0.5", "f": "127.10.0.6"},
			unplaced: []Owner{owner("g"), owner("h")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			held := map[Owner]netip.Addr{}
			for name, address := range test.held {
				held[owner(name)] = netip.MustParseAddr(address)
			}
			assigned, unplaced := Assign(prefix, held, test.claims)
			got := map[string]string{}
			for owner, address := range assigned {
				got[owner.Name] = address.String()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("assigned (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.unplaced, unplaced); diff != "" {
				t.Errorf("unplaced (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddressPatch(t *testing.T) {
	prefix := netip.MustParsePrefix("127.10.0.0/24")
	none, one, two := netip.Addr{}, netip.MustParseAddr("127.10.0.1"), netip.MustParseAddr("127.10.0.2")
	foreign := netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		name     string
		assigned netip.Addr
		current  []netip.Addr
		want     string
	}{
		{"first address", one, nil, `{"status":{"loadBalancer":{"ingress":[{"ip":"127.10.0.1"}]}}}`},
		{"shown already", one, []netip.Addr{one}, ""},
		{"another one shown", one, []netip.Addr{two}, `{"status":{"loadBalancer":{"ingress":[{"ip":"127.10.0.1"}]}}}`},
		{"no longer balanced", none, []netip.Addr{one}, `{"status":{"loadBalancer":{"ingress":[]}}}`},
		{"never balanced", none, nil, ""},
		{"balanced by another", none, []netip.Addr{foreign}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(addressPatch(test.assigned, test.current, prefix)); got != test.want {
				t.Errorf("patch %s, want %s", got, test.want)
			}
		})
	}
}

func owner(name string) Owner {
	return Owner{"Service", types.NamespacedName{Namespace: "default", Name: name}}
}
