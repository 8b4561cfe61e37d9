// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	restclient "k8s.io/client-go/rest"

	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

const (
	configMaps = "/api/v1/namespaces/default/configmaps"
	// hang is how long a request is given that is not to be answered.
	hang = 300 * time.Millisecond
)

func fault(t *testing.T, c *fleet.Cluster, faults fleet.Faults) {
	t.Helper()
	if err := c.Fault(faults); err != nil {
		t.Fatal(err)
	}
}

// answer is what comes back of a request that is made once: no client tries again.
type answer struct {
	status int
	body   string
	header http.Header
	err    error
	took   time.Duration
}

func ask(t *testing.T, c *fleet.Cluster, client *http.Client, path string, patience time.Duration) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err, took: time.Since(start)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, body: string(body), header: response.Header, err: err, took: time.Since(start)}
}

// TestFaults sees what a client sees of each fault, on a connection it has, and that it is gone when it is healed.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		faults fleet.Faults
		path   string
		seen   func(answer) bool
	}{
		"latency": {fleet.Faults{Latency: metav1.Duration{Duration: hang}}, configMaps, func(a answer) bool {
			return a.status == http.StatusOK && a.took >= hang
		}},
		"black hole": {fleet.Faults{Blackhole: true}, configMaps, func(a answer) bool { return errors.Is(a.err, context.DeadlineExceeded) }},
		"refuse":     {fleet.Faults{Refuse: true}, configMaps, func(a answer) bool { return a.err != nil }},
		"too many requests": {fleet.Faults{RetryAfter: 7}, configMaps, func(a answer) bool {
			return a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "7"
		}},
		"too many requests, but for probes": {fleet.Faults{RetryAfter: 7}, "/readyz", func(a answer) bool { return a.body == "ok" }},
		"failure": {fleet.Faults{Status: http.StatusServiceUnavailable}, "/readyz", func(a answer) bool {
			return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, `"kind":"Status"`)
		}},
		"expired certificate": {fleet.Faults{ExpiredCertificate: true}, configMaps, func(a answer) bool {
			var invalid x509.CertificateInvalidError
			return errors.As(a.err, &invalid) && invalid.Reason == x509.Expired
		}},
		"out of space, reading": {fleet.Faults{OutOfSpace: true}, configMaps, func(a answer) bool { return a.status == http.StatusOK }},
		"watches forbidden": {fleet.Faults{ForbidWatches: true}, configMaps + "?watch=true", func(a answer) bool {
			return a.status == http.StatusForbidden
		}},
		"watches forbidden, lists not": {fleet.Faults{ForbidWatches: true}, configMaps, func(a answer) bool { return a.status == http.StatusOK }},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, 1).Clusters[0]
			client, err := restclient.HTTPClientFor(c.Config())
			if err != nil {
				t.Fatal(err)
			}
			if a := ask(t, c, client, configMaps, patience); a.status != http.StatusOK {
				t.Fatalf("before: %+v", a)
			}
			fault(t, c, tt.faults)
			given := patience
			if tt.faults.Blackhole {
				given = hang
			}
			harness.Eventually(t, patience, func() error { // the first request may find its connection closed
				if a := ask(t, c, client, tt.path, given); !tt.seen(a) {
					return fmt.Errorf("with the fault: %+v", a)
				}
				return nil
			})
			if err := c.Heal(); err != nil {
				t.Fatal(err)
			}
			if a := ask(t, c, client, configMaps, patience); a.status != http.StatusOK {
				t.Errorf("healed: %+v", a)
			}
		})
	}
}

// TestBlackholeHoldsBack sees that what was sent into a black hole is answered when it is healed, on new connections too.
func TestBlackholeHoldsBack(t *testing.T) {
	c := start(t, 1).Clusters[0]
	fault(t, c, fleet.Faults{Blackhole: true})
	client, err := restclient.HTTPClientFor(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan answer)
	go func() { answered <- ask(t, c, client, configMaps, patience) }()
	select {
	case a := <-answered:
		t.Fatalf("answered: %+v", a)
	case <-time.After(hang):
	}
	fault(t, c, fleet.Faults{})
	if a := <-answered; a.status != http.StatusOK {
		t.Errorf("healed: %+v", a)
	}
}

// TestRefuse sees new connections refused, and the same port open again when it is healed.
func TestRefuse(t *testing.T) {
	c := start(t, 1).Clusters[0]
	address := strings.TrimPrefix(c.Server(), "https://")
	fault(t, c, fleet.Faults{Refuse: true})
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: %v", err)
	}
	fault(t, c, fleet.Faults{})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// TestOutOfSpace sees writes fail as they do when etcd has no space, and deletions make some.
func TestOutOfSpace(t *testing.T) {
	c, client := one(t)
	write(t, client, "there")
	configs := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	fault(t, c, fleet.Faults{OutOfSpace: true})
	_, created := configs.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, metav1.CreateOptions{})
	_, patched := configs.Patch(t.Context(), "there", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{})
	for _, err := range []error{created, patched} {
		var status apierrors.APIStatus
		if !errors.As(err, &status) || status.Status().Code != http.StatusInternalServerError || !strings.Contains(err.Error(), "database space exceeded") {
			t.Errorf("a write: %v", err)
		}
	}
	if err := configs.Delete(t.Context(), "there", metav1.DeleteOptions{}); err != nil {
		t.Errorf("a deletion: %v", err)
	}
	fault(t, c, fleet.Faults{})
	write(t, client, "new")
}

// TestBadFaults sees faults refused that cannot be.
func TestBadFaults(t *testing.T) {
	c := start(t, 1).Clusters[0]
	for _, faults := range []fleet.Faults{
		{Latency: metav1.Duration{Duration: -1}}, {RetryAfter: -1}, {Status: 404},
	} {
		if err := c.Fault(faults); err == nil || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("%+v: %v", faults, err)
		}
	}
	if c.Faults() != (fleet.Faults{}) {
		t.Errorf("and yet it has %+v", c.Faults())
	}
}

// TestCertificates sees that the clusters' certificates are verified, and against which authority.
func TestCertificates(t *testing.T) {
	c := start(t, 1).Clusters[0]
	config := c.Config()
	config.CAData = nil
	client, err := restclient.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	var unknown x509.UnknownAuthorityError
	var failed *tls.CertificateVerificationError
	if a := ask(t, c, client, "/readyz", patience); !errors.As(a.err, &unknown) || !errors.As(a.err, &failed) {
		t.Errorf("without the authority: %+v", a)
	}
}
