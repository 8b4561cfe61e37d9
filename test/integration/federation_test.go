// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/standalone"
)

const (
	// patience is how long anything may take that is waited for. It only passes when something is wrong.
	patience = 20 * time.Second
	tick     = 20 * time.Millisecond
)

// federation is a control plane in this process, and clients that use it as its administrator.
type federation struct {
	dataDir  string
	config   *rest.Config
	kube     kubernetes.Interface
	own      versioned.Interface
	dynamic  dynamic.Interface
	stopping context.CancelFunc
	stopped  chan error
}

// noControllers leaves the API server to the test alone.
func noControllers(ctx context.Context, _ *rest.Config) error {
	<-ctx.Done()
	return nil
}

// failingControllers end as if another process had taken over.
func failingControllers(context.Context, *rest.Config) error { return errors.New("lost the lead") }

// start runs a control plane on a data directory and a free port, and returns when it is ready. What change does to its
// flags is done first.
func start(dataDir string, controllers func(context.Context, *rest.Config) error, change ...func(*standalone.Options)) (*federation, error) {
	options := &standalone.Options{APIServer: apiserver.NewOptions(), Controllers: controllers}
	options.APIServer.DataDir = dataDir
	options.APIServer.SecureServing.BindPort = 0 // a free one
	ready := make(announced, 1)
	options.Out = ready
	for _, c := range change {
		c(options)
	}

	ctx, cancel := context.WithCancel(context.Background())
	f := &federation{dataDir: dataDir, stopping: cancel, stopped: make(chan error, 1)}
	go func() { f.stopped <- options.Run(ctx) }()
	select {
	case <-ready:
	case err := <-f.stopped:
		cancel()
		return nil, fmt.Errorf("the control plane stopped before it was ready: %w", err)
	case <-time.After(patience):
		cancel()
		return nil, errors.New("the control plane is not ready in time")
	}
	return f, f.connect(options.APIServer.AdminKubeconfig())
}

// announced is written to once, when a control plane is ready.
type announced chan struct{}

func (a announced) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), "drover is ready at https://127.0.0.1:") {
		a <- struct{}{}
	}
	return len(p), nil
}

func (f *federation) connect(kubeconfig string) (err error) {
	if f.config, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return err
	}
	f.config.QPS = -1
	if f.kube, err = kubernetes.NewForConfig(f.config); err != nil {
		return err
	}
	if f.own, err = versioned.NewForConfig(f.config); err != nil {
		return err
	}
	f.dynamic, err = dynamic.NewForConfig(f.config)
	return err
}

// stop ends the control plane and says how that went, and how long it took.
func (f *federation) stop() (time.Duration, error) {
	begin := time.Now()
	f.stopping()
	select {
	case err := <-f.stopped:
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return time.Since(begin), err
	case <-time.After(2 * patience):
		return time.Since(begin), errors.New("the control plane does not stop")
	}
}

// startFor is start for one test, which it ends with.
func startFor(t *testing.T, controllers func(context.Context, *rest.Config) error, change ...func(*standalone.Options)) *federation {
	t.Helper()
	f, err := start(dataDir(t), controllers, change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := f.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return f
}

// dataDir is like t.TempDir, but with a path short enough for a socket in it.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "drover-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

// as is the configuration of somebody else with a certificate of the federation's authority.
func (f *federation) as(t *testing.T, user string, groups ...string) *rest.Config {
	t.Helper()
	return f.signedBy(t, filepath.Join(f.dataDir, "pki"), user, groups...)
}

// signedBy is the configuration of somebody with a certificate of the authority in a directory.
func (f *federation) signedBy(t *testing.T, dir, user string, groups ...string) *rest.Config {
	t.Helper()
	authority, err := pki.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Request{Name: "test-" + user, User: user, Groups: groups}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	config := f.asNobody()
	config.CertFile, config.KeyFile = pair.CertFile, pair.KeyFile
	return config
}

// asNobody is the configuration of a client without a certificate.
func (f *federation) asNobody() *rest.Config {
	return &rest.Config{Host: f.config.Host, TLSClientConfig: rest.TLSClientConfig{CAData: f.config.CAData}, QPS: -1}
}

// namespace makes a namespace for a test, named after it.
func (f *federation) namespace(t *testing.T) string {
	t.Helper()
	ns, err := f.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// eventually waits until a condition holds, and says what it waited for if it never does. The condition returns an empty
// string once it holds, else how far it is from that.
func eventually(t *testing.T, what string, condition func() string) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), tick, patience, true, func(context.Context) (bool, error) {
		last = condition()
		return last == "", nil
	})
	if err != nil {
		t.Fatalf("%s: not in time; %s", what, last)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// code is the HTTP status code of an API error; 200 if there is none, 0 if the error is not of the API.
func code(err error) int {
	if err == nil {
		return 200
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return int(status.Status().Code)
	}
	return 0
}

// rawClient sends what it is told to.
func rawClient(t *testing.T, config *rest.Config) *rest.RESTClient {
	t.Helper()
	config = rest.CopyConfig(config)
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	if config.AcceptContentTypes != "" {
		accept := config.AcceptContentTypes
		config.AcceptContentTypes = ""
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("Accept", accept)
				return next.RoundTrip(r)
			})
		})
	}
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
