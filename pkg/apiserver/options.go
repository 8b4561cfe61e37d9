// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	openapicommon "k8s.io/kube-openapi/pkg/common"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/access/host"
	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	generatedopenapi "drover.dev/drover/pkg/generated/openapi"
)

// Options are the flags of the API server.
type Options struct {
	// DataDir holds the certificate authority, certificates and admin.kubeconfig.
	DataDir string
	// AdvertiseHosts are further names and addresses that clients reach the server by; they go into its certificate.
	AdvertiseHosts []string
	SecureServing  *genericoptions.SecureServingOptionsWithLoopback
	Etcd           *genericoptions.EtcdOptions
	// AuthenticationConfig and AuthorizationConfig are files with an AuthenticationConfiguration and an
	// AuthorizationConfiguration (apiserver.config.k8s.io/v1). Empty means certificates, and the federation's own roles.
	AuthenticationConfig, AuthorizationConfig string
	Audit                                     *genericoptions.AuditOptions
	// Aggregated is for serving behind a host cluster's kube-apiserver, which HostKubeconfig leads to; without a file it is
	// the cluster that this process is a pod of.
	Aggregated     bool
	HostKubeconfig string
	// MaxRequests and MaxMutatingRequests are how many that read, and that write, are served at a time.
	MaxRequests, MaxMutatingRequests int
}

// NewOptions returns the defaults: port 7443 on loopback.
func NewOptions() *Options {
	o := &Options{
		DataDir:       "drover-data",
		SecureServing: genericoptions.NewSecureServingOptions().WithLoopback(),
		Etcd:          genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig("/registry/drover", nil)),
		Audit:         genericoptions.NewAuditOptions(),
		MaxRequests:   400, MaxMutatingRequests: 200, // as Kubernetes has them
	}
	o.SecureServing.BindAddress = net.ParseIP("127.0.0.1")
	o.SecureServing.BindPort = 7443
	o.Etcd.DefaultStorageMediaType = runtime.ContentTypeProtobuf
	o.Etcd.DeleteCollectionWorkers = 8
	return o
}

// AddFlags adds the flags that every way to run the server has.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.DataDir, "data-dir", o.DataDir, "Directory for state: certificates, admin.kubeconfig and, with drover start, etcd.")
	fs.IPVar(&o.SecureServing.BindAddress, "bind-address", o.SecureServing.BindAddress, "IP address to serve on; 0.0.0.0 or :: for all interfaces.")
	fs.IntVar(&o.SecureServing.BindPort, "secure-port", o.SecureServing.BindPort, "Port to serve HTTPS on; 0 takes a free one.")
	fs.StringSliceVar(&o.AdvertiseHosts, "advertise-host", o.AdvertiseHosts, "Further host name or IP address clients reach this server by; the first goes into admin.kubeconfig. May be repeated.")
	fs.StringVar(&o.Etcd.EncryptionProviderConfigFilepath, "encryption-provider-config", o.Etcd.EncryptionProviderConfigFilepath, "File with an EncryptionConfiguration (apiserver.config.k8s.io/v1): what is kept encrypted in etcd, and by which keys or key management service. Changes are taken up. Without it, drover start encrypts Secrets by a key in --data-dir, and drover apiserver encrypts nothing.")
	o.addAccessFlags(fs)
	o.addHostFlags(fs)
	o.addLimitFlags(fs)
}

// AddEtcdFlags adds the flags for an etcd that runs elsewhere.
func (o *Options) AddEtcdFlags(fs *pflag.FlagSet) {
	transport := &o.Etcd.StorageConfig.Transport
	fs.StringSliceVar(&transport.ServerList, "etcd-servers", transport.ServerList, "URLs of the etcd servers, e.g. https://10.0.0.1:2379. Comma-separated.")
	fs.StringVar(&transport.TrustedCAFile, "etcd-cafile", transport.TrustedCAFile, "PEM file of the authority that signs etcd's certificates.")
	fs.StringVar(&transport.CertFile, "etcd-certfile", transport.CertFile, "PEM file of the client certificate for etcd.")
	fs.StringVar(&transport.KeyFile, "etcd-keyfile", transport.KeyFile, "PEM file of the client key for etcd.")
	fs.StringVar(&o.Etcd.StorageConfig.Prefix, "etcd-prefix", o.Etcd.StorageConfig.Prefix, "Prefix of all keys in etcd.")
}

// Validate checks the flags.
func (o *Options) Validate() error {
	errs := o.SecureServing.Validate()
	if o.DataDir == "" {
		errs = append(errs, errors.New("--data-dir must not be empty"))
	}
	errs = append(errs, o.Etcd.Validate()...)
	errs = append(errs, o.validateAccess()...)
	return errors.Join(append(errs, o.validateHost(), o.validateLimits())...)
}

// AdminKubeconfig is the file the administrator's kubeconfig is written to.
func (o *Options) AdminKubeconfig() string { return credentials.AdminKubeconfig(o.DataDir) }

// Config makes the server's configuration: certificates are issued where they are missing, the port is opened.
func (o *Options) Config() (*Config, error) {
	authority, err := pki.Open(credentials.PKIDir(o.DataDir))
	if err != nil {
		return nil, err
	}
	serving, err := o.issueServing(authority)
	if err != nil {
		return nil, err
	}
	o.SecureServing.ServerCert.CertKey = genericoptions.CertKey{CertFile: serving.CertFile, KeyFile: serving.KeyFile}

	generic := genericapiserver.NewRecommendedConfig(Codecs)
	generic.ShutdownWatchTerminationGracePeriod = watchGrace
	generic.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	getDefinitions := openapicommon.GetOpenAPIDefinitions(generatedopenapi.GetOpenAPIDefinitions)
	namer := openapi.NewDefinitionNamer(openAPIScheme)
	generic.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(getDefinitions, namer)
	generic.OpenAPIConfig.Info.Title = "Drover"
	generic.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(getDefinitions, namer)
	generic.OpenAPIV3Config.Info.Title = "Drover"
	o.applyLimits(generic)
	if err := o.takeFreePort(); err != nil {
		return nil, err
	}
	if err := o.SecureServing.ApplyTo(&generic.SecureServing, &generic.LoopbackClientConfig); err != nil {
		return nil, fmt.Errorf("%w; choose another port by --secure-port, or 0 for any", err)
	}
	client, err := kubernetes.NewForConfig(generic.LoopbackClientConfig)
	if err != nil {
		return nil, err
	}
	generic.SharedInformerFactory = informers.NewSharedInformerFactory(client, 0)
	config := &Config{Generic: generic}
	authz, err := o.applyAccess(config, client, authority)
	if err != nil {
		return nil, err
	}
	var admits []admission.Interface
	if o.Aggregated {
		namespaces, err := o.applyHost(config, client, authz, authority)
		if err != nil {
			return nil, err
		}
		admits = append(admits, namespaces)
	}
	o.Etcd.EncryptionProviderConfigAutomaticReload = o.Etcd.EncryptionProviderConfigFilepath != ""
	if err := o.Etcd.ApplyWithStorageFactoryTo(o.storageFactory(), &generic.Config); err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	generic.AddPostStartHookOrDie("drover-renew-certificates", func(hook genericapiserver.PostStartHookContext) error {
		go wait.UntilWithContext(hook, o.renewCertificates, renewInterval)
		return nil
	})
	return config, admit(generic, client, admits...)
}

// renewInterval is how often certificates are looked at. They are issued anew a month before they end.
const renewInterval = 12 * time.Hour

// renewCertificates issues anew what nears its end. The server takes a new serving certificate up from its file; clients
// read a new admin.kubeconfig when they start.
func (o *Options) renewCertificates(ctx context.Context) {
	authority, err := pki.Open(credentials.PKIDir(o.DataDir))
	if err == nil {
		_, err = o.issueServing(authority)
	}
	if err == nil {
		err = o.WriteAdminKubeconfig()
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "Certificates could not be renewed, will be tried again", "in", renewInterval)
	}
}

func (o *Options) issueServing(authority *pki.Authority) (pki.Pair, error) {
	return authority.Issue(pki.Request{Name: "apiserver", User: "drover-apiserver", Hosts: o.hosts()}, time.Now())
}

// takeFreePort opens a free port where none is asked for by number.
func (o *Options) takeFreePort() (err error) {
	if o.SecureServing.BindPort != 0 {
		return nil
	}
	address := net.JoinHostPort(o.SecureServing.BindAddress.String(), "0")
	o.SecureServing.Listener, o.SecureServing.BindPort, err = genericoptions.CreateListener("tcp", address, net.ListenConfig{})
	return err
}

// hosts are the names and addresses in the serving certificate.
func (o *Options) hosts() []string {
	hosts := append([]string{}, o.AdvertiseHosts...)
	if ip := o.SecureServing.BindAddress; ip != nil && !ip.IsUnspecified() {
		hosts = append(hosts, ip.String())
	}
	hosts = append(hosts, "localhost", "127.0.0.1", "::1")
	if o.Aggregated {
		hosts = append(hosts, host.ServiceName)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// storageFactory keeps native kinds as protobuf and own kinds as JSON.
func (o *Options) storageFactory() serverstorage.StorageFactory {
	factory := serverstorage.NewDefaultStorageFactory(o.Etcd.StorageConfig, o.Etcd.DefaultStorageMediaType, Codecs,
		serverstorage.NewDefaultResourceEncodingConfig(Scheme), serverstorage.NewResourceConfig(), nil)
	for _, k := range kinds {
		if k.Group == v1alpha1.GroupName {
			factory.SetSerializer(k.GroupVersionResource().GroupResource(), runtime.ContentTypeJSON, Codecs)
		}
	}
	return factory
}

// admit refuses what is created in namespaces that do not exist or are being deleted. What is to admit first may make them.
func admit(generic *genericapiserver.RecommendedConfig, client kubernetes.Interface, first ...admission.Interface) error {
	plugin, err := lifecycle.NewLifecycle(sets.New(systemNamespaces...))
	if err != nil {
		return err
	}
	initializer.New(client, nil, generic.SharedInformerFactory, generic.Authorization.Authorizer, generic.FeatureGate,
		generic.EffectiveVersion, generic.DrainedNotify(), nil).Initialize(plugin)
	generic.AdmissionControl = admission.NewChainHandler(append(first, plugin)...)
	return nil
}

// WriteAdminKubeconfig issues the administrator's certificate and writes it to the admin kubeconfig.
func (o *Options) WriteAdminKubeconfig() error {
	authority, err := pki.Open(credentials.PKIDir(o.DataDir))
	if err != nil {
		return err
	}
	const name = "drover-admin"
	admin, err := authority.Issue(pki.Request{Name: "admin", User: name, Groups: []string{user.SystemPrivilegedGroup}}, time.Now())
	if err != nil {
		return err
	}
	return credentials.WriteKubeconfig(o.AdminKubeconfig(), o.URL(), authority.CAFile(), admin, name)
}

// URL is where clients reach the server, once Config has opened the port.
func (o *Options) URL() string {
	name := "127.0.0.1"
	if ip := o.SecureServing.BindAddress; ip != nil && !ip.IsUnspecified() {
		name = ip.String()
	}
	if len(o.AdvertiseHosts) > 0 {
		name = o.AdvertiseHosts[0]
	}
	return "https://" + net.JoinHostPort(name, strconv.Itoa(o.SecureServing.BindPort))
}

// Run serves until the context ends, then lets requests under way finish.
func (s *Server) Run(ctx context.Context) error {
	return s.PrepareRun().RunWithContext(ctx)
}

// Run is drover apiserver: it serves until the context ends.
func (o *Options) Run(ctx context.Context, out io.Writer) error {
	if err := o.Validate(); err != nil {
		return err
	}
	config, err := o.Config()
	if err != nil {
		return err
	}
	server, err := config.Complete().New()
	if err != nil {
		return err
	}
	if err := o.WriteAdminKubeconfig(); err != nil {
		return err
	}
	fmt.Fprintf(out, "drover apiserver listens at %s; to use it: export KUBECONFIG=%s\n", o.URL(), o.AdminKubeconfig())
	return server.Run(ctx)
}
