// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/test/fleet"
)

// TestControl commands a fleet over HTTP.
func TestControl(t *testing.T) {
	f := start(t, 12)
	control := httptest.NewServer(f.Control())
	defer control.Close()
	do := func(method, path, body string, want int) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, control.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := control.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s %s %s: status %d, not %d: %s, %v", method, path, body, response.StatusCode, want, answer, err)
		}
		return string(answer)
	}
	do(http.MethodPut, "/clusters/cluster-000*/faults", `{"latency":"2s","forbidWatches":true}`, http.StatusNoContent)
	slow := fleet.Faults{Latency: metav1.Duration{Duration: 2 * time.Second}, ForbidWatches: true}
	for i, c := range f.Clusters {
		if (c.Faults() == slow) != (i < 10) {
			t.Errorf("cluster %s has the faults %+v", c.Name, c.Faults())
		}
	}
	var status []struct {
		Name, Server string
		Faults       fleet.Faults
		Objects      map[string]int
	}
	if err := json.Unmarshal([]byte(do(http.MethodGet, "/clusters/cluster-0001", "", http.StatusOK)), &status); err != nil {
		t.Fatal(err)
	}
	if len(status) != 1 || status[0].Server != f.Clusters[1].Server() || status[0].Faults != slow || status[0].Objects["nodes"] != 3 {
		t.Errorf("status %+v", status)
	}
	do(http.MethodDelete, "/clusters/*/faults", "", http.StatusNoContent)
	for _, c := range f.Clusters {
		if c.Faults() != (fleet.Faults{}) {
			t.Errorf("cluster %s has the faults %+v", c.Name, c.Faults())
		}
	}
	do(http.MethodDelete, "/clusters/*/watches", "", http.StatusNoContent)
	do(http.MethodDelete, "/clusters/*/history", "", http.StatusNoContent)
	if _, err := clientOf(t, f.Clusters[3].Config()).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `[{"verb":"list","resource":"nodes","userAgent":"fleet-test","count":1}]`
	if got := do(http.MethodGet, "/clusters/*/requests", "", http.StatusOK); strings.TrimSpace(got) != want {
		t.Errorf("requests %s", got)
	}
	do(http.MethodGet, "/clusters/none", "", http.StatusNotFound)
	do(http.MethodGet, "/clusters/[", "", http.StatusBadRequest)
	do(http.MethodPut, "/clusters/*/faults", `{"latencies":"2s"}`, http.StatusBadRequest)
	do(http.MethodPut, "/clusters/*/faults", `{"status":200}`, http.StatusBadRequest)
}
