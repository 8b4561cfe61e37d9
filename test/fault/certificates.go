// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificates are an authority, and two certificates of its for 127.0.0.1.
type Certificates struct {
	// CAPEM is the authority's own.
	CAPEM          []byte
	Valid, Expired *tls.Certificate
}

// validity of the authority and of the valid certificate.
const validity = 365 * 24 * time.Hour

// NewCertificates makes an authority that is called by a name, and has it sign.
func NewCertificates(name string) (*Certificates, error) {
	now := time.Now()
	authority, key, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-validity), NotAfter: now.Add(validity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return nil, err
	}
	c := &Certificates{CAPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw})}
	if c.Valid, err = serving(now.Add(-time.Minute), now.Add(validity), authority, key); err != nil {
		return nil, err
	}
	c.Expired, err = serving(now.Add(-2*time.Hour), now.Add(-time.Hour), authority, key)
	return c, err
}

// serving makes a certificate for 127.0.0.1.
func serving(from, until time.Time, authority *x509.Certificate, signer *ecdsa.PrivateKey) (*tls.Certificate, error) {
	cert, key, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}, authority, signer)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// issue signs a certificate for a new key; without an authority, by that key itself.
func issue(template, authority *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("key of %s: %w", template.Subject, err)
	}
	if authority == nil {
		authority, signer = template, key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate of %s: %w", template.Subject, err)
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}
