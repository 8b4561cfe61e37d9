// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/http"
	"path/filepath"
	"testing"

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
