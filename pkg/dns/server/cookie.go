// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	cookieLen     = 16
	cookieVersion = 1
	secretLen     = 16
	// Times between which a cookie is good (RFC 9018, section 4.3).
	cookiePast   = time.Hour
	cookieFuture = 5 * time.Minute
)

// Cookies makes and checks server cookies in the format of RFC 9018, which all servers of one secret understand.
type Cookies struct {
	secrets atomic.Pointer[[][]byte] // the first makes, all check
}

// NewCookies takes a random secret: good for one server, until it stops.
func NewCookies() *Cookies {
	secret := make([]byte, secretLen)
	rand.Read(secret)
	c := &Cookies{}
	c.secrets.Store(&[][]byte{secret})
	return c
}

// SetSecrets replaces the secrets by those in a file: one of 32 hex digits a line. The first makes cookies; all are good
// for checking, so that a new one can be brought to every server before it comes first.
func (c *Cookies) SetSecrets(file []byte) error {
	var secrets [][]byte
	for i, line := range bytes.Fields(file) {
		secret, err := hex.DecodeString(string(line))
		if err != nil || len(secret) != secretLen {
			return fmt.Errorf("cookie secret %d must be %d hex digits, e.g. from: openssl rand -hex %d", i+1, 2*secretLen, secretLen)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return errors.New("there is no cookie secret in the file")
	}
	c.secrets.Store(&secrets)
	return nil
}

// make appends a server cookie for a client to dst.
func (c *Cookies) make(dst, client []byte, from netip.Addr, now time.Time) []byte {
	head := [8]byte{cookieVersion}
	binary.BigEndian.PutUint32(head[4:], uint32(now.Unix())) // wraps around, as RFC 9018 says
	sum := cookieSum((*c.secrets.Load())[0], client, head[:], from)
	return append(append(dst, head[:]...), sum[:]...)
}

// check reports whether a server cookie was made for the client here, and not long ago.
func (c *Cookies) check(client, cookie []byte, from netip.Addr, now time.Time) bool {
	if len(cookie) != cookieLen || cookie[0] != cookieVersion {
		return false
	}
	age := time.Duration(int32(uint32(now.Unix())-binary.BigEndian.Uint32(cookie[4:]))) * time.Second
	if age > cookiePast || age < -cookieFuture {
		return false
	}
	for _, secret := range *c.secrets.Load() {
		sum := cookieSum(secret, client, cookie[:8], from)
		if subtle.ConstantTimeCompare(sum[:], cookie[8:]) == 1 {
			return true
		}
	}
	return false
}

func cookieSum(secret, client, head []byte, from netip.Addr) (sum [8]byte) {
	var data [8 + 8 + 16]byte
	input := append(append(data[:0], client...), head...)
	if from.Is4() {
		octets := from.As4()
		input = append(input, octets[:]...)
	} else {
		octets := from.As16()
		input = append(input, octets[:]...)
	}
	binary.LittleEndian.PutUint64(sum[:], sipHash(secret, input))
	return sum
}
