// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"drover.dev/drover/test/harness"
)

// Each address that the federation shows leads to a cluster that serves.
func TestTraffic(t *testing.T) {
	s := sharedSpace(t)
	s.apply(manifests)
	s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
	s.wantClusters("http://%s:8080/", "web", s.eventuallyAddresses("web", 3))

	var hosts []string
	harness.Eventually(t, patience, func() error {
		ingress, err := s.Kube.NetworkingV1().Ingresses(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			return err
		}
		hosts = nil
		for _, in := range ingress.Status.LoadBalancer.Ingress {
			hosts = append(hosts, in.IP)
		}
		if len(hosts) != 3 {
			return fmt.Errorf("the ingress has the addresses %v, want 3", hosts)
		}
		return nil
	})
	s.wantClusters("http://%s:"+strconv.Itoa(s.members["east"].HTTPPort)+"/", "web.example.com", hosts)
}

// wantClusters asks each address, and fails unless each cluster answers once.
func (s *space) wantClusters(url, host string, addresses []string) {
	s.Helper()
	got := map[string]bool{}
	for _, address := range addresses {
		harness.Eventually(s, patience, func() error {
			cluster, err := ask(s.Context(), fmt.Sprintf(url, address), host)
			if err == nil {
				got[cluster] = true
			}
			return err
		})
	}
	for cluster := range s.members {
		if !got[cluster] {
			s.Errorf("%v answer as %v; %s is missing", addresses, got, cluster)
		}
	}
}

// client makes a connection a request, as clients that resolve a name each time do.
var client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
	DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
}}

// ask says which cluster answers at a URL.
func ask(ctx context.Context, url, host string) (cluster string, err error) {
	return askBy(ctx, client, url, host)
}

func askBy(ctx context.Context, client *http.Client, url, host string) (cluster string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct{ Cluster string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("%s answers %s: %w", url, response.Status, err)
	}
	if response.StatusCode != http.StatusOK || answer.Cluster == "" {
		return "", fmt.Errorf("%s answers %s: %+v", url, response.Status, answer)
	}
	return answer.Cluster, nil
}
