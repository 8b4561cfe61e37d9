// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package members is a joined cluster as seen from here: how it is reached, what of it is watched, how it is.
package members

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/connrotation"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// RequestTimeout is the most a single request to a member may take. Watches are not bound by it.
const RequestTimeout = 10 * time.Second

// Credentials are what a Cluster's Secret holds.
type Credentials struct {
	// Token of a ServiceAccount.
	Token string
	// CertData and KeyData are a client certificate, where there is no token.
	CertData, KeyData string
}

// CredentialsFrom reads a Secret.
func CredentialsFrom(secret *corev1.Secret) (Credentials, error) {
	c := Credentials{
		Token:    string(secret.Data[corev1.ServiceAccountTokenKey]),
		CertData: string(secret.Data[corev1.TLSCertKey]),
		KeyData:  string(secret.Data[corev1.TLSPrivateKeyKey]),
	}
	if c.Token == "" && (c.CertData == "" || c.KeyData == "") {
		return c, fmt.Errorf("secret %s/%s has neither a key %q nor the keys %q and %q; join the cluster again with --renew",
			secret.Namespace, secret.Name, corev1.ServiceAccountTokenKey, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	return c, nil
}

// ErrUnusableCA is returned for a caBundle without a certificate in it.
var ErrUnusableCA = errors.New("spec.caBundle holds no usable PEM certificate; join the cluster again, or set the authority that signs its API server's certificate")

// endpoint is what a connection depends on. A member is connected anew when it changes.
type endpoint struct {
	server, caBundle, tlsServerName string
	certData, keyData               string
}

// Member is one joined cluster.
type Member struct {
	// Name of the Cluster.
	Name string
	// Client reads and writes typed objects, Metadata any object's metadata. They share one connection.
	Client   kubernetes.Interface
	Metadata metadata.Interface

	endpoint  endpoint
	lane      *lane
	gate      gate
	dialer    *connrotation.Dialer
	trouble   trouble
	suspected func() // is called when the member may be lost; it must not block
	token     atomic.Pointer[string]
	informers map[schema.GroupVersionResource]cache.SharedIndexInformer
	running   context.Context // ends with the informers
	cancel    context.CancelFunc
	done      sync.WaitGroup
	synced    atomic.Bool
	refused   sync.Map // by resource, the error
}

// connect makes a member's clients and informers; nothing is sent yet.
func connect(name string, ep endpoint, token string, work *limiter) (*Member, error) {
	if ep.caBundle != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(ep.caBundle)) {
		return nil, ErrUnusableCA
	}
	m := &Member{
		Name: name, endpoint: ep, lane: work.newLane(), suspected: func() {},
		dialer: connrotation.NewDialer((&net.Dialer{Timeout: RequestTimeout, KeepAlive: 30 * time.Second}).DialContext),
	}
	m.token.Store(&token)
	config := &rest.Config{
		Host: ep.server,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: []byte(ep.caBundle), ServerName: ep.tlsServerName,
			CertData: []byte(ep.certData), KeyData: []byte(ep.keyData),
		},
		UserAgent:     "drover",
		Dial:          m.dialer.DialContext,
		QPS:           -1, // Enter bounds what is under way; nothing waits for a rate
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return m.hold(m.authorize(m.time(uncompressed(next)))) },
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connection settings of cluster %s: %w", name, err)
	}
	typed := rest.CopyConfig(config)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	if m.Client, err = kubernetes.NewForConfigAndClient(typed, client); err != nil {
		return nil, err
	}
	if m.Metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), client); err != nil {
		return nil, err
	}
	m.informers, err = m.newInformers()
	return m, err
}

// newInformers watches what Drover manages in the member and nothing else: objects whose status is read in full, others
// by their metadata.
func (m *Member) newInformers() (map[schema.GroupVersionResource]cache.SharedIndexInformer, error) {
	managed := func(o *metav1.ListOptions) { o.LabelSelector = v1alpha1.LabelManaged + "=true" }
	full := informers.NewSharedInformerFactoryWithOptions(m.Client, 0, informers.WithTweakListOptions(managed), informers.WithTransform(trim))
	out := map[schema.GroupVersionResource]cache.SharedIndexInformer{Pods: newUnscheduled(m.Client)}
	for _, resource := range append([]schema.GroupVersionResource{EndpointSlices}, Synced...) {
		if slices.Contains(metadataOnly, resource) {
			informer := metadatainformer.NewFilteredMetadataInformer(m.Metadata, resource, metav1.NamespaceAll, 0, cache.Indexers{}, managed).Informer()
			if err := informer.SetTransform(trim); err != nil {
				return nil, err
			}
			out[resource] = informer
			continue
		}
		informer, err := full.ForResource(resource)
		if err != nil {
			return nil, err
		}
		out[resource] = informer.Informer()
	}
	for resource, informer := range out {
		if err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
			if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
				m.refused.Store(resource, err)
			}
			cache.DefaultWatchErrorHandler(ctx, r, err)
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Refused is why the member does not let a resource be read: it does not serve it, or the rights to it are missing. Nil if
// it does. What it refuses does not keep it from all the rest, except for the resources it cannot do without.
func (m *Member) Refused(resource schema.GroupVersionResource) error {
	err, refused := m.refused.Load(resource)
	if !refused || m.informers[resource].HasSynced() || slices.Contains(needed, resource) {
		return nil
	}
	return err.(error)
}

// start runs the informers until stop.
func (m *Member) start(ctx context.Context, onSynced func()) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.running = ctx
	var synced []cache.InformerSynced
	for resource, informer := range m.informers {
		m.done.Go(func() { informer.RunWithContext(ctx) })
		synced = append(synced, func() bool { return informer.HasSynced() || m.Refused(resource) != nil })
	}
	m.done.Go(func() {
		if cache.WaitForCacheSync(ctx.Done(), synced...) {
			m.synced.Store(true)
			onSynced()
		}
	})
}

// stopPatience is how long it is waited for the informers to end. One that backs off from a member that refuses connections
// looks up from it after half a minute only: what it would still say is heard by nobody.
const stopPatience = 2 * time.Second

// end tells the informers to end. Nothing that they see is passed on from then on.
func (m *Member) end() {
	m.synced.Store(false)
	m.cancel()
}

// ended waits for the informers after end, for as long as patience goes.
func (m *Member) ended(patience time.Duration) {
	done := make(chan struct{})
	go func() {
		m.done.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// Synced says whether what is in the member is known. Before that, not to find an object means nothing.
func (m *Member) Synced() bool { return m.synced.Load() }

// Holds says whether an object in a member is one that the federation of that identity put there. The marks alone do not
// tell: whoever copies an object copies them. Drover's field ownership is not copied. Namespaces are made, not applied.
func Holds(identity string, resource schema.GroupVersionResource, obj metav1.Object) bool {
	return obj.GetAnnotations()[v1alpha1.AnnotationFederation] == identity && (resource == Namespaces || OwnedFields(obj) != "")
}

// Get finds a managed object as last seen in the member; nil if there is none. It must not be changed.
func (m *Member) Get(resource schema.GroupVersionResource, namespace, name string) metav1.Object {
	obj, ok, err := m.informers[resource].GetStore().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !ok {
		return nil
	}
	return obj.(metav1.Object)
}

// List returns all managed objects of a resource as last seen in the member. They must not be changed.
func (m *Member) List(resource schema.GroupVersionResource) []metav1.Object {
	items := m.informers[resource].GetStore().List()
	out := make([]metav1.Object, 0, len(items))
	for _, item := range items {
		out = append(out, item.(metav1.Object))
	}
	return out
}

// ReadyEndpoints counts the ready endpoints of a Service in the member.
func (m *Member) ReadyEndpoints(namespace, service string) int32 {
	found, err := m.informers[EndpointSlices].GetIndexer().ByIndex(byService, namespace+"/"+service)
	if err != nil {
		return 0
	}
	var ready int32
	for _, item := range found {
		for _, e := range item.(*discoveryv1.EndpointSlice).Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready++
			}
		}
	}
	return ready
}

// byService indexes EndpointSlices by the Service they belong to.
const byService = "service"

func indexByService(obj any) ([]string, error) {
	m := obj.(metav1.Object)
	return []string{m.GetNamespace() + "/" + m.GetLabels()[discoveryv1.LabelServiceName]}, nil
}
