// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"crypto/tls"
	"sync/atomic"
)

// certificate is the one that is served, and may be replaced.
type certificate struct {
	current atomic.Pointer[tls.Certificate]
}

// load replaces the certificate by one in PEM and its key, in two files.
func (c *certificate) load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"dot"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
