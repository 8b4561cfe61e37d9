// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"strings"
	"testing"
)

// optionsFor are options with a data directory of their own, and an etcd that is never asked.
func optionsFor(t *testing.T) *Options {
	t.Helper()
	o := NewOptions()
	o.DataDir = t.TempDir()
	o.Etcd.StorageConfig.Transport.ServerList = []string{"http://127.0.0.1:1"}
	return o
}

func TestPortZeroTakesAFreePort(t *testing.T) {
	o := optionsFor(t)
	o.SecureServing.BindPort = 0
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("panic: %v", p)
		}
	}()
	config, err := o.Config()
	if err != nil {
		t.Fatal(err)
	}
	defer config.Generic.SecureServing.Listener.Close()
	if o.SecureServing.BindPort == 0 || strings.HasSuffix(o.URL(), ":0") {
		t.Errorf("the port is %d, the URL %s", o.SecureServing.BindPort, o.URL())
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"defaults with an etcd", func(*Options) {}, ""},
		{"no data directory", func(o *Options) { o.DataDir = "" }, "--data-dir must not be empty"},
		{"no etcd", func(o *Options) { o.Etcd.StorageConfig.Transport.ServerList = nil }, "--etcd-servers must be specified"},
		{"a port that is none", func(o *Options) { o.SecureServing.BindPort = 70000 }, "--secure-port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := optionsFor(t)
			tt.change(o)
			err := o.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Validate() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	o := NewOptions()
	if got, want := o.URL(), "https://127.0.0.1:7443"; got != want {
		t.Errorf("URL() = %s, want %s", got, want)
	}
	o.SecureServing.BindAddress = []byte{0, 0, 0, 0}
	if got, want := o.URL(), "https://127.0.0.1:7443"; got != want {
		t.Errorf("on all interfaces: URL() = %s, want %s", got, want)
	}
	o.AdvertiseHosts = []string{"drover.example.com", "10.0.0.1"}
	if got, want := o.URL(), "https://drover.example.com:7443"; got != want {
		t.Errorf("advertised: URL() = %s, want %s", got, want)
	}
}
