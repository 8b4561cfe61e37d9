// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package credentials keeps the cluster's certificates and keys on disk, and writes the administrator's kubeconfig.
// Everything is made once and read back afterwards, so that a restarted cluster is still trusted by its clients.
package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

const (
	// AdminUser is the common name in the administrator's client certificate; its group is system:masters.
	AdminUser = "kubernetes-admin"
	// FrontProxyUser is the common name with which the API server calls extension API servers.
	FrontProxyUser = "front-proxy-client"

	lifetime = 10 * 365 * 24 * time.Hour
)

// Files are the paths of the cluster's certificates and keys, all PEM.
type Files struct {
	CA, CAKey                            string
	ServerCertificate, ServerKey         string
	AdminCertificate, AdminKey           string
	FrontProxyCA, frontProxyCAKey        string
	FrontProxyCertificate, FrontProxyKey string
	ServiceAccountKey                    string
}

// Ensure makes what is missing in dir. The API server's certificate is for localhost, for the names of the Service
// `kubernetes`, and for the first address of serviceRange, which is that Service's.
func Ensure(dir, serviceRange string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of certificates: %w", err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	f := &Files{
		CA: in("ca.crt"), CAKey: in("ca.key"),
		ServerCertificate: in("apiserver.crt"), ServerKey: in("apiserver.key"),
		AdminCertificate: in("admin.crt"), AdminKey: in("admin.key"),
		FrontProxyCA: in("front-proxy-ca.crt"), frontProxyCAKey: in("front-proxy-ca.key"),
		FrontProxyCertificate: in("front-proxy-client.crt"), FrontProxyKey: in("front-proxy-client.key"),
		ServiceAccountKey: in("sa.key"),
	}
	services, err := netip.ParsePrefix(serviceRange)
	if err != nil {
		return nil, fmt.Errorf("service range: %w", err)
	}
	hosts := []string{
		"localhost", "127.0.0.1", services.Addr().Next().String(),
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
	ca, err := ensureAuthority(f.CA, f.CAKey, "kubernetes")
	if err != nil {
		return nil, err
	}
	frontProxyCA, err := ensureAuthority(f.FrontProxyCA, f.frontProxyCAKey, "front-proxy-ca")
	if err != nil {
		return nil, err
	}
	return f, errors.Join(
		ca.ensure(f.ServerCertificate, f.ServerKey, pkix.Name{CommonName: "kube-apiserver"}, hosts...),
		ca.ensure(f.AdminCertificate, f.AdminKey, pkix.Name{CommonName: AdminUser, Organization: []string{"system:masters"}}),
		frontProxyCA.ensure(f.FrontProxyCertificate, f.FrontProxyKey, pkix.Name{CommonName: FrontProxyUser}),
		ensureKey(f.ServiceAccountKey),
	)
}

// Authority is a certificate authority.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// LoadAuthority reads an authority's certificate and key.
func LoadAuthority(certFile, keyFile string) (*Authority, error) {
	certificates, err := cert.CertsFromFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	key, err := keyutil.PrivateKeyFromFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read certificate authority: %s cannot sign", keyFile)
	}
	return &Authority{certificate: certificates[0], key: signer}, nil
}

// ServingCertificate issues a server's certificate for the DNS names and IP addresses given.
func (a *Authority) ServingCertificate(hosts ...string) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := a.issue(key.Public(), pkix.Name{CommonName: hosts[0]}, hosts...)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}, nil
}

// issue signs a certificate: a server's when it names hosts, otherwise a client's.
func (a *Authority) issue(key crypto.PublicKey, subject pkix.Name, hosts ...string) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		template.ExtKeyUsage[0] = x509.ExtKeyUsageServerAuth
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", subject.CommonName, err)
	}
	return der, nil
}

// ensure issues a certificate and its key unless both files are there.
func (a *Authority) ensure(certFile, keyFile string, subject pkix.Name, hosts ...string) error {
	if exist(certFile, keyFile) {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	der, err := a.issue(key.Public(), subject, hosts...)
	if err != nil {
		return err
	}
	return writePair(certFile, keyFile, der, key)
}

func ensureAuthority(certFile, keyFile, name string) (*Authority, error) {
	if exist(certFile, keyFile) {
		return LoadAuthority(certFile, keyFile)
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	certificate, err := cert.NewSelfSignedCACert(cert.Config{CommonName: name}, key)
	if err != nil {
		return nil, fmt.Errorf("create certificate authority %s: %w", name, err)
	}
	return &Authority{certificate: certificate, key: key}, writePair(certFile, keyFile, certificate.Raw, key)
}

func ensureKey(file string) error {
	if exist(file) {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(file, key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, nil
}

// writePair writes the certificate last, as its presence says that the pair is whole.
func writePair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	if err := writeKey(keyFile, key); err != nil {
		return err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("parse issued certificate: %w", err)
	}
	encoded, err := cert.EncodeCertificates(certificate)
	if err != nil {
		return fmt.Errorf("encode certificate: %w", err)
	}
	return writeAtomically(certFile, encoded)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	encoded, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return writeAtomically(file, encoded)
}

// writeAtomically writes a file that only its owner can read, whole or not at all.
func writeAtomically(file string, data []byte) error {
	unfinished := file + ".tmp"
	if err := os.WriteFile(unfinished, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(unfinished, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func exist(files ...string) bool {
	for _, file := range files {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}
