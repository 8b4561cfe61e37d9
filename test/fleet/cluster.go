// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/endpoints/request"
	restclient "k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"drover.dev/drover/test/fault"
	"drover.dev/drover/test/fleet/memory"
)

// kubernetesVersion is what all clusters say they are.
var kubernetesVersion = version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.0", Platform: "linux/amd64"}

// Cluster is one simulated cluster.
type Cluster struct {
	Name string
	// Region and Zone of all its nodes.
	Region, Zone string

	index      int
	fleet      *Fleet
	space      *memory.Space
	key        []byte // that tokens are signed with
	adminToken string
	requests   counter
	faults     atomic.Pointer[Faults]
	balancer   balancer

	changing sync.Mutex // held while faults change
	port     *fault.Port
	address  string // 127.0.0.1 and a port, the same for life
	server   *http.Server
	serving  sync.WaitGroup
}

// places are where clusters are, in turn.
var places = []struct{ region, zone string }{
	{"us-east1", "us-east1-b"},
	{"europe-west1", "europe-west1-b"},
	{"us-west1", "us-west1-a"},
	{"asia-east1", "asia-east1-c"},
	{"southamerica-east1", "southamerica-east1-a"},
	{"australia-southeast1", "australia-southeast1-b"},
}

func newCluster(f *Fleet, index int) *Cluster {
	place := places[index%len(places)]
	c := &Cluster{
		Name: fmt.Sprintf("cluster-%04d", index), Region: place.region, Zone: place.zone,
		index: index, fleet: f, port: fault.NewPort(), key: make([]byte, 32), balancer: balancer{cluster: index},
	}
	for i := range c.key {
		c.key[i] = byte(rand.Uint32()) // as good as any: it guards a simulation on loopback
	}
	c.adminToken = hex.EncodeToString(c.key[:16])
	c.space = memory.NewSpace(f.options.History, func(w memory.Write) { f.observe(c, w) })
	c.faults.Store(&Faults{})
	return c
}

// start fills the cluster with what every cluster has, and opens its port.
func (c *Cluster) start() error {
	ctx := c.inside("")
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		if err := c.create(ctx, c.fleet.server.namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	for i := range c.fleet.options.Nodes {
		if err := c.create(ctx, c.fleet.server.stores["nodes"], c.node(i)); err != nil {
			return err
		}
		if err := c.markReady(ctx, nodeName(c, i)); err != nil {
			return err
		}
	}
	return c.serve()
}

func (c *Cluster) stop() {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.stopServing()
	c.DropWatches()
}

// serve opens the port: any free one at first, the same one later.
func (c *Cluster) serve() error {
	l, err := net.Listen("tcp4", cmp.Or(c.address, "127.0.0.1:0"))
	if err != nil {
		return fmt.Errorf("open the port: %w", err)
	}
	c.address = l.Addr().String()
	c.server = &http.Server{ //nolint:gosec // a limit on slow clients would be one more fault
		Handler: c, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, // a session taken up again would not see another certificate
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				if c.faulty().ExpiredCertificate {
					return c.fleet.certificates.Expired, nil
				}
				return c.fleet.certificates.Valid, nil
			},
		},
	}
	server := c.server
	c.serving.Go(func() { _ = server.ServeTLS(c.port.Listen(l), "", "") }) // ends when it is closed
	return nil
}

// stopServing closes the port and all connections.
func (c *Cluster) stopServing() {
	if c.server == nil {
		return
	}
	c.port.CloseConnections() // first: to end them in the way of TLS means to write, which a black hole holds back
	_ = c.server.Close()      // the listener and the connections are closed, whatever they say
	c.server = nil
	c.serving.Wait()
}

type clusterKey struct{}

// inside makes the context of what the cluster does itself in a namespace; "" for what is in none.
func (c *Cluster) inside(namespace string) context.Context {
	return request.WithNamespace(c.context(context.Background()), namespace)
}

// context makes one that requests to this cluster are made in.
func (c *Cluster) context(ctx context.Context) context.Context {
	return memory.WithSpace(context.WithValue(ctx, clusterKey{}, c), c.space)
}

// clusterOf finds the cluster that a request is for. There is one in the context of each.
func clusterOf(ctx context.Context) *Cluster { return ctx.Value(clusterKey{}).(*Cluster) }

// ServeHTTP counts a request, and answers it if no fault does.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	info, err := c.fleet.requestInfo.NewRequestInfo(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.requests.add(sortOf(r, info))
	if c.faulty().fail(w, r, info) {
		return
	}
	if info.Path == "/version" {
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		_ = json.NewEncoder(w).Encode(kubernetesVersion) // the client may have gone
		return
	}
	c.fleet.server.generic.Handler.ServeHTTP(w, r.WithContext(c.context(r.Context())))
}

// Server is the URL of the cluster's API server.
func (c *Cluster) Server() string { return "https://" + c.address }

// Requests counts what the cluster was asked since it was started. What a black hole took is not counted.
func (c *Cluster) Requests() map[Request]int { return c.requests.snapshot() }

// Config is how the cluster's administrator reaches it.
func (c *Cluster) Config() *restclient.Config {
	return &restclient.Config{
		Host: c.Server(), BearerToken: c.adminToken, QPS: -1,
		TLSClientConfig: restclient.TLSClientConfig{CAData: c.fleet.certificates.CAPEM},
	}
}

// Kubeconfig is that of the cluster's administrator; its context has the cluster's name.
func (c *Cluster) Kubeconfig() clientcmdapi.Config {
	return clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{c.Name: {Server: c.Server(), CertificateAuthorityData: c.fleet.certificates.CAPEM}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"admin": {Token: c.adminToken}},
		Contexts:       map[string]*clientcmdapi.Context{c.Name: {Cluster: c.Name, AuthInfo: "admin"}},
		CurrentContext: c.Name,
	}
}

// Get returns an object as the cluster holds it, nil if there is none. It must not be changed.
func (c *Cluster) Get(resource, namespace, name string) runtime.Object {
	return c.space.Get(resource, namespace, name)
}

// List returns all objects of a resource as the cluster holds them, in no order. They must not be changed.
func (c *Cluster) List(resource string) []runtime.Object { return c.space.List(resource, nil) }
