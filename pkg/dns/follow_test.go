// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
)

// A server that cannot reach its federation at the start answers what it kept of it, in the zones it is told now.
func TestWhatWasKeptIsServed(t *testing.T) {
	i := run(t, func(o *Options) {
		o.LastGood = filepath.Join(t.TempDir(), "last.json")
		writeZone(t, o.LastGood, "7", "192.0.2.7")
		o.Snapshot, o.Federation = "", &rest.Config{Host: "https://127.0.0.1:1"}
		o.Zones.Names = []string{"drover.test", "other.test"}
	})
	if got := i.ask(webName); got != "192.0.2.7" {
		t.Errorf("answered %s", got)
	}
	if got := i.ask("web.default.federation.svc.other.test."); got != "192.0.2.7" {
		t.Errorf("answered %s in the other zone", got)
	}
	if status, body := i.get("/readyz"); status != http.StatusOK || body == "" {
		t.Errorf("ready: %d %s", status, body)
	}
}

func TestStartFlags(t *testing.T) {
	o := NewOptions()
	o.Listen = nil
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddStartFlags(fs)
	if err := fs.Parse([]string{"--dns-listen", "0.0.0.0:53", "--dns-zone", "a.test,b.test", "--federation-name", "fleet"}); err != nil {
		t.Fatal(err)
	}
	if err := o.ValidateFollowing(); err == nil || !strings.Contains(err.Error(), "--dns-") || !strings.Contains(err.Error(), "ns.a.test=ADDRESS") {
		t.Errorf("a name server at no known address: %v", err)
	}
	if err := fs.Parse([]string{"--dns-name-server", "ns.a.test=192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if err := o.ValidateFollowing(); err != nil || o.Federation != nil || o.Zones.Federation != "fleet" || len(o.Zones.Names) != 2 {
		t.Errorf("%v, with %+v", err, o.Zones)
	}
}
