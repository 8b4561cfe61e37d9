// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki keeps a small certificate authority in a directory: the authority itself, made at first use, and the
// certificates it issues, renewed when they near their end. Files are readable by their owner only.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	certLifetime = 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is issued anew, when it is next asked for.
	renewBefore = 30 * 24 * time.Hour
)

// Authority issues certificates and keeps them in Dir.
type Authority struct {
	Dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// Pair names the files of a certificate and its key.
type Pair struct {
	CertFile, KeyFile string
}

// Request says what a certificate is for.
type Request struct {
	// Name of the files, without their endings, and nothing else.
	Name string
	// User and Groups of a client certificate; User is also the common name of a serving certificate.
	User   string
	Groups []string
	// Hosts are the DNS names and IP addresses of a serving certificate. Empty means a client certificate.
	Hosts []string
}

// Open reads the authority in dir, or makes it at first use.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory for certificates: %w", err)
	}
	a, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	a = &Authority{Dir: dir}
	if _, found := os.Stat(a.CAFile()); found == nil {
		return nil, err // its key is lost: another authority would lock out everybody this one let in
	}
	return a, a.create(a.pair("ca"))
}

// Load reads the authority in dir. The error is fs.ErrNotExist if there is none.
func Load(dir string) (*Authority, error) {
	a := &Authority{Dir: dir}
	var err error
	if a.cert, a.key, err = load(a.pair("ca")); err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w; restore the files, or remove the directory to start with a new authority", dir, err)
	}
	return a, nil
}

// End is when the authority's certificate, and with it every other one, ends.
func (a *Authority) End() time.Time { return a.cert.NotAfter }

// Issued says whether a certificate is one of the authority's.
func (a *Authority) Issued(c *x509.Certificate) bool { return c.CheckSignatureFrom(a.cert) == nil }

// CAFile is the file with the authority's certificate.
func (a *Authority) CAFile() string { return a.pair("ca").CertFile }

// Issue returns the files of a certificate for the request: those it has if they will do, else new ones.
func (a *Authority) Issue(r Request, now time.Time) (Pair, error) {
	pair := a.pair(r.Name)
	current, _, err := load(pair)
	if err == nil && a.serves(current, r, now) {
		return pair, nil
	}
	// Missing, broken, or a key without its certificate since the last issue was cut short: a new one mends it.
	certPEM, keyPEM, err := a.Sign(r, now, certLifetime)
	if err != nil {
		return Pair{}, fmt.Errorf("%s: %w", pair.CertFile, err)
	}
	return pair, write(pair, certPEM, keyPEM)
}

// Sign makes a key and a certificate for it, both PEM, for the request. Nothing is written.
func (a *Authority) Sign(r Request, now time.Time, lifetime time.Duration) (certPEM, keyPEM []byte, err error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: r.User, Organization: r.Groups},
		NotBefore:   now.Add(-5 * time.Minute),
		NotAfter:    now.Add(lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(r.Hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, host := range r.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return sign(template, a.cert, key, a.key)
}

// SigningKey reads a key that is no certificate's, or makes it at first use.
func (a *Authority) SigningKey(name string) (*ecdsa.PrivateKey, error) {
	path := a.pair(name).KeyFile
	found, err := keyutil.PrivateKeyFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		data, err := keyutil.MarshalPrivateKeyToPEM(key)
		if err != nil {
			return nil, err
		}
		return key, WriteFile(path, data)
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key, ok := found.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("signing key %s is not of the curve P-256; restore the file, or remove it to start with a new key", path)
	}
	return key, nil
}

// serves says whether a certificate still does what is asked of it.
func (a *Authority) serves(c *x509.Certificate, r Request, now time.Time) bool {
	if now.Add(renewBefore).After(c.NotAfter) || c.CheckSignatureFrom(a.cert) != nil {
		return false
	}
	if c.Subject.CommonName != r.User || !slices.Equal(c.Subject.Organization, r.Groups) {
		return false
	}
	return !slices.ContainsFunc(r.Hosts, func(host string) bool { return c.VerifyHostname(host) != nil })
}

func (a *Authority) create(pair Pair) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "drover-ca"},
		NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true, IsCA: true,
	}
	certPEM, keyPEM, err := sign(template, template, key, key)
	if err != nil {
		return err
	}
	if err := write(pair, certPEM, keyPEM); err != nil {
		return err
	}
	a.cert, a.key, err = load(pair)
	return err
}

func (a *Authority) pair(name string) Pair {
	return Pair{CertFile: filepath.Join(a.Dir, name+".crt"), KeyFile: filepath.Join(a.Dir, name+".key")}
}

// sign makes a certificate, and puts it and its key into PEM.
func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) (certPEM, keyPEM []byte, err error) {
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	if keyPEM, err = keyutil.MarshalPrivateKeyToPEM(key); err != nil {
		return nil, nil, err
	}
	certPEM, err = cert.EncodeCertificates(parsed)
	return certPEM, keyPEM, err
}

// write writes a certificate and its key: the key first, so that a certificate is never there without one.
func write(pair Pair, certPEM, keyPEM []byte) error {
	if err := WriteFile(pair.KeyFile, keyPEM); err != nil {
		return err
	}
	return WriteFile(pair.CertFile, certPEM)
}

func load(pair Pair) (*x509.Certificate, crypto.Signer, error) {
	certs, err := cert.CertsFromFile(pair.CertFile)
	if err != nil {
		return nil, nil, err
	}
	key, err := keyutil.PrivateKeyFromFile(pair.KeyFile)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(certs[0].PublicKey) {
		return nil, nil, fmt.Errorf("key %s does not belong to certificate %s", pair.KeyFile, pair.CertFile)
	}
	return certs[0], signer, nil
}

// WriteFile writes a file that only its owner may read, all of it or nothing.
func WriteFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // created with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // it is there no more if all went well
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
