// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/test/fault"
)

// Proxy stands between a federation and a member, and fails as networks and API servers do. What goes through it keeps its
// credentials.
type Proxy struct {
	// URL is where the member answers through the proxy.
	URL string

	address      string
	certificates *fault.Certificates
	port         *fault.Port
	upstream     http.Handler
	expired      atomic.Bool
	answer       atomic.Pointer[http.HandlerFunc]

	mu     sync.Mutex
	server *http.Server
}

// StartProxy starts a proxy for a member.
func (l *Lab) StartProxy(m *Member) (*Proxy, error) {
	target, err := url.Parse(m.Config.Host)
	if err != nil {
		return nil, err
	}
	certificates, err := fault.NewCertificates("proxy-ca")
	if err != nil {
		return nil, err
	}
	config := rest.AnonymousClientConfig(m.Config)
	config.Dial = (&net.Dialer{}).DialContext // connections of its own: none of a former life of the member
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	upstream := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	p := &Proxy{certificates: certificates, port: fault.NewPort(), upstream: upstream, address: "127.0.0.1:0"}
	if err := p.Serve(); err != nil {
		return nil, err
	}
	l.onClose(p.Refuse)
	return p, nil
}

// Serve listens, after Refuse at the address that it had.
func (p *Proxy) Serve() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := net.Listen("tcp4", p.address)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	p.address, p.URL = listener.Addr().String(), "https://"+listener.Addr().String()
	p.server = &http.Server{
		Handler: http.HandlerFunc(p.handle), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: startDeadline,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if p.expired.Load() {
				return p.certificates.Expired, nil
			}
			return p.certificates.Valid, nil
		}},
	}
	server := p.server
	go func() { _ = server.ServeTLS(p.port.Listen(listener), "", "") }() // ends when it is closed
	return nil
}

func (p *Proxy) handle(w http.ResponseWriter, r *http.Request) {
	if answer := p.answer.Load(); answer != nil {
		(*answer)(w, r)
		return
	}
	p.upstream.ServeHTTP(w, r)
}

// Refuse closes the port and all connections, as if the process was killed.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.port.CloseConnections()
	_ = p.server.Close() // it is of no more use either way
}

// Blackhole holds back all bytes, on connections there are and on new ones, or lets them go.
func (p *Proxy) Blackhole(dark bool) { p.port.Blackhole(dark) }

// Expire serves with a certificate that has expired, or with one that has not. Connections are closed.
func (p *Proxy) Expire(expired bool) {
	p.expired.Store(expired)
	p.port.CloseConnections()
}

// Answer has requests answered by a function, which may pass them on; nil passes on all. Watches under way are ended.
func (p *Proxy) Answer(with func(w http.ResponseWriter, r *http.Request, member http.Handler)) {
	if with == nil {
		p.answer.Store(nil)
	} else {
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { with(w, r, p.upstream) })
		p.answer.Store(&answer)
	}
	p.port.CloseConnections()
}

// JoinThrough joins a member, or joins it again, so that the federation reaches it through a proxy.
func (s *Server) JoinThrough(ctx context.Context, m *Member, p *Proxy, args ...string) error {
	config, err := clientcmd.LoadFromFile(m.Kubeconfig)
	if err != nil {
		return err
	}
	for _, cluster := range config.Clusters {
		cluster.CertificateAuthorityData = append(cluster.CertificateAuthorityData, p.certificates.CAPEM...)
	}
	file := filepath.Join(m.dir, "through-proxy.kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }() // it goes with the lab at the latest
	_, err = s.Plugin().Run(ctx, append([]string{"join", m.Name, "--cluster-kubeconfig", file, "--server", p.URL, "--wait", startDeadline.String()}, args...)...)
	return err
}
