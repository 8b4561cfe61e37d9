// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dnssec

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

// cache keeps signatures by what they sign. It has two halves: when the young one is full, it becomes the old one, and
// what was not asked for since the last time is forgotten.
type cache struct {
	mu         sync.Mutex
	young, old map[string]*dns.RRSIG
}

// cacheHalf is the number of signatures in one half.
const cacheHalf = 1 << 14

// get returns the signature of a set by a key, made at most renewal ago. Its owner is that of the set, in its case.
func (c *cache) get(set []dns.RR, key *key, now time.Time) (dns.RR, error) {
	id, err := identify(set, key)
	if err != nil {
		return nil, err
	}
	signature := c.find(id)
	if signature == nil || !young(signature, now) {
		if signature, err = sign(set, key, now); err != nil {
			return nil, err
		}
		c.keep(id, signature)
	}
	owned := *signature
	owned.Hdr.Name = set[0].Header().Name
	return &owned, nil
}

// young reports whether a signature may be given out again. One that was made in the future was made before the clock
// was set back.
func young(signature *dns.RRSIG, now time.Time) bool {
	age := now.Sub(time.Unix(int64(signature.Inception), 0))
	return age >= 0 && age-skew <= renewal
}

// identify returns a string that is the same for the same set and key, whatever the case of the owner.
func identify(set []dns.RR, key *key) (string, error) {
	buffer := make([]byte, 0, 512)
	buffer = append(buffer, byte(key.tag>>8), byte(key.tag))
	buffer = append(buffer, dns.CanonicalName(set[0].Header().Name)...)
	for _, rr := range set {
		packed := make([]byte, dns.Len(rr))
		size, err := dns.PackRR(rr, packed, 0, nil, false)
		if err != nil {
			return "", err
		}
		_, owner, err := dns.UnpackDomainName(packed, 0)
		if err != nil {
			return "", err
		}
		buffer = append(buffer, packed[owner:size]...)
	}
	return string(buffer), nil
}

func sign(set []dns.RR, key *key, now time.Time) (*dns.RRSIG, error) {
	signature := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: set[0].Header().Ttl},
		Inception:  uint32(now.Add(-skew).Unix()),
		Expiration: uint32(now.Add(validity).Unix()),
		KeyTag:     key.tag,
		SignerName: key.public.Hdr.Name,
		Algorithm:  key.public.Algorithm,
	}
	return signature, signature.Sign(key.signer, set)
}

func (c *cache) find(id string) *dns.RRSIG {
	c.mu.Lock()
	defer c.mu.Unlock()
	if signature := c.young[id]; signature != nil {
		return signature
	}
	signature := c.old[id]
	if signature != nil {
		c.store(id, signature)
	}
	return signature
}

func (c *cache) keep(id string, signature *dns.RRSIG) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(id, signature)
}

func (c *cache) store(id string, signature *dns.RRSIG) {
	if c.young == nil || len(c.young) >= cacheHalf {
		c.young, c.old = make(map[string]*dns.RRSIG), c.young
	}
	c.young[id] = signature
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = nil, nil
}
