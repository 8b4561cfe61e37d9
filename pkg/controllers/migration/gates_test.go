// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestGates(t *testing.T) {
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
		case "/elsewhere":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/prometheus/api/v1/query":
			if r.URL.Query().Get("query") != "errors > 0" {
				w.WriteHeader(http.StatusBadRequest)
			}
			fmt.Fprint(w, answer)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	page := func(path string, status int32) v1alpha1.MigrationGate {
		return v1alpha1.MigrationGate{HTTP: &v1alpha1.HTTPGate{URL: server.URL + path, Status: &status}}
	}
	query := func(query string) v1alpha1.MigrationGate {
		return v1alpha1.MigrationGate{Prometheus: &v1alpha1.PrometheusGate{Server: server.URL + "/prometheus", Query: query, Min: ptr.To("0"), Max: ptr.To("0.5")}}
	}
	vector := func(values ...string) string {
		var out []string
		for _, v := range values {
			out = append(out, `{"metric":{},"value":[1,"`+v+`"]}`)
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(out, ",") + `]}}`
	}
	for _, tt := range []struct {
		name   string
		gate   v1alpha1.MigrationGate
		answer string
		want   string // in the error; empty holds
	}{
		{"a page", page("/ok", 200), "", ""},
		{"another status", page("/missing", 200), "", "answered status 404, want 200"},
		{"another status, as expected", page("/missing", 404), "", ""},
		{"a redirect is not followed", page("/elsewhere", 200), "", "answered status 302"},
		{"nobody there", v1alpha1.MigrationGate{HTTP: &v1alpha1.HTTPGate{URL: "http://127.0.0.1:1/?token=secret"}}, "", "no answer"},
		{"a vector", query("errors > 0"), vector("0.1", "0.5"), ""},
		{"a scalar", query("errors > 0"), `{"data":{"resultType":"scalar","result":[1,"0.2"]}}`, ""},
		{"too much", query("errors > 0"), vector("0.1", "0.6"), "0.6, more than 0.5"},
		{"too little", query("errors > 0"), vector("-1"), "-1, less than 0"},
		{"not a number", query("errors > 0"), vector("NaN"), "NaN"},
		{"nothing", query("errors > 0"), vector(), "finds nothing"},
		{"a matrix", query("errors > 0"), `{"data":{"resultType":"matrix","result":[]}}`, `"matrix"`},
		{"a page", query("errors > 0"), "<html>", "not Prometheus'"},
		{"a bad query", query("errors >"), "", "status 400"},
	} {
		answer = tt.answer
		err := newProber().askOne(t.Context(), &tt.gate)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: says the URL: %v", tt.name, err)
		}
	}
}

// A gate has failed when it was answered badly so many times in a row.
func TestFailureThreshold(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	m := &v1alpha1.Migration{Spec: v1alpha1.MigrationSpec{Gates: []v1alpha1.MigrationGate{{Name: "page", HTTP: &v1alpha1.HTTPGate{URL: server.URL}}}}}
	v1alpha1.SetObjectDefaults_Migration(m)
	p := newProber()
	for i, tt := range []struct {
		status int
		fails  bool
	}{{500, false}, {500, false}, {200, false}, {500, false}, {500, false}, {500, true}, {500, false}} {
		status = tt.status
		if got := p.ask(t.Context(), m); (got != nil) != tt.fails || got != nil && got.Gate != "page" {
			t.Errorf("answer %d, %d: %+v", i, tt.status, got)
		}
	}
}
