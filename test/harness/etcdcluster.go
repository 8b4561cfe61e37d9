// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"drover.dev/drover/pkg/access/pki"
)

// etcdVariable tells a test's program to be a member of an etcd cluster, and holds what kind of.
const etcdVariable = "DROVER_ETCD_MEMBER"

var etcdReady = regexp.MustCompile(`^etcd is ready`)

// EtcdCluster is an etcd of three members, each a process of its own. It only serves who shows a certificate of its authority.
type EtcdCluster struct {
	// Servers is what --etcd-servers takes, and Flags are the other flags of drover apiserver.
	Servers string
	Flags   []string

	lab      *Lab
	programs []program
	members  []*Process
}

// etcdMember is what a process is told to be.
type etcdMember struct {
	Name, Dir, Client, Peer, Cluster      string
	CertFile, KeyFile                     string
	ClientCertFile, ClientKeyFile, CAFile string
	// Unsafe does not wait for the disk.
	Unsafe bool
}

// program is the test's program, which is to be that member.
func (m etcdMember) program(self, dir string) (program, error) {
	told, err := json.Marshal(m)
	return program{name: "etcd-" + m.Name, binary: self, env: []string{etcdVariable + "=" + string(told)}, dir: dir, ready: etcdReady}, err
}

// StartEtcdApart runs an etcd in a process of its own, to anybody's service and without waiting for the disk, and returns the
// URL it serves clients at. The test's program has to call EtcdMain first of all.
func (l *Lab) StartEtcdApart(ctx context.Context, name string) (string, error) {
	dir, addresses, err := l.site("etcd-" + name)
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	m := etcdMember{Name: name, Dir: filepath.Join(dir, "data"), Client: "http://" + addresses.host(1) + ":2379", Peer: "http://" + addresses.host(1) + ":2380", Unsafe: true}
	m.Cluster = m.Name + "=" + m.Peer
	p, err := m.program(self, dir)
	if err != nil {
		return "", err
	}
	_, _, err = l.start(ctx, p)
	return m.Client, err
}

// StartEtcdCluster starts a cluster and waits until it serves. The test's program has to call EtcdMain first of all.
func (l *Lab) StartEtcdCluster(ctx context.Context, name string) (*EtcdCluster, error) {
	dir, addresses, err := l.site("etcd-" + name)
	if err != nil {
		return nil, err
	}
	authority, err := pki.Open(filepath.Join(dir, "pki"))
	if err != nil {
		return nil, err
	}
	client, err := authority.Issue(pki.Request{Name: "client", User: "drover"}, time.Now())
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &EtcdCluster{lab: l, Flags: []string{"--etcd-cafile", authority.CAFile(), "--etcd-certfile", client.CertFile, "--etcd-keyfile", client.KeyFile}}
	var members []etcdMember
	var servers, peers []string
	for i := range 3 {
		host := addresses.host(byte(1 + i))
		serving, err := authority.Issue(pki.Request{Name: host, User: "etcd", Hosts: []string{host}}, time.Now())
		if err != nil {
			return nil, err
		}
		m := etcdMember{
			Name: fmt.Sprintf("%s-%d", name, i), Dir: filepath.Join(dir, host), Client: "https://" + host + ":2379", Peer: "http://" + host + ":2380",
			CertFile: serving.CertFile, KeyFile: serving.KeyFile, ClientCertFile: client.CertFile, ClientKeyFile: client.KeyFile, CAFile: authority.CAFile(),
		}
		members, servers, peers = append(members, m), append(servers, m.Client), append(peers, m.Name+"="+m.Peer)
	}
	for _, m := range members {
		m.Cluster = strings.Join(peers, ",")
		p, err := m.program(self, dir)
		if err != nil {
			return nil, err
		}
		c.programs = append(c.programs, p)
	}
	c.Servers, c.members = strings.Join(servers, ","), make([]*Process, len(members))
	var wg sync.WaitGroup
	errs := make([]error, len(members))
	for i := range members {
		wg.Go(func() { errs[i] = c.Start(ctx, i) }) // none is ready alone
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Start starts a member, on the data it had.
func (c *EtcdCluster) Start(ctx context.Context, i int) error {
	process, _, err := c.lab.start(ctx, c.programs[i])
	c.members[i] = process
	return err
}

// Kill ends a member at once.
func (c *EtcdCluster) Kill(i int) { c.members[i].Kill() }

// EtcdMain makes this program a member of an etcd cluster until it is killed, if it was started as one.
func EtcdMain() {
	told := os.Getenv(etcdVariable)
	if told == "" {
		return
	}
	fmt.Fprintln(os.Stderr, runEtcd(told))
	os.Exit(1)
}

func runEtcd(told string) error {
	var m etcdMember
	if err := json.Unmarshal([]byte(told), &m); err != nil {
		return err
	}
	client, err := url.Parse(m.Client)
	if err != nil {
		return err
	}
	peer, err := url.Parse(m.Peer)
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Name, config.Dir, config.InitialCluster = m.Name, m.Dir, m.Cluster
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.UnsafeNoFsync = m.Unsafe
	if m.CertFile != "" {
		config.ClientTLSInfo = transport.TLSInfo{
			CertFile: m.CertFile, KeyFile: m.KeyFile, ClientCertFile: m.ClientCertFile, ClientKeyFile: m.ClientKeyFile,
			TrustedCAFile: m.CAFile, ClientCertAuth: true,
		}
	}
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
		fmt.Println("etcd is ready")
		return <-server.Err()
	case err := <-server.Err():
		return err
	}
}
