// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"fmt"
	"io"

	codec "github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

// Export writes a zone of a snapshot file as a master file (RFC 1035, section 5): what a client of whom nothing is known
// is answered.
func Export(out io.Writer, snapshotFile, name string) error {
	s, err := snapshot.Load(snapshotFile)
	if err != nil {
		return err
	}
	records := zone.NewIndex(s).Records(codec.CanonicalName(name))
	if records == nil {
		return fmt.Errorf("zone %s is not in %s", name, snapshotFile)
	}
	for _, rr := range records[:len(records)-1] { // the last is the SOA again, for transfers
		if _, err := fmt.Fprintln(out, rr); err != nil {
			return err
		}
	}
	return nil
}
