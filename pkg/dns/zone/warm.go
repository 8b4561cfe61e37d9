// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import "drover.dev/drover/pkg/dns/wire"

// Warmer brings what names are answered from into the processor's cache. It does so for many names at once, a step at a
// time for all of them: the processor then waits for all their memory together, and not for one after the other. It
// decides nothing; what it guesses wrong is only not there yet. The zero Warmer is ready for use, by one goroutine.
type Warmer struct {
	hashes   []uint64
	services []*Service
	read     uint64 // of what was read: without a use, reading would be left out
}

// Warm reads what the names of services in the queries will be answered from.
func (w *Warmer) Warm(ix *Index, queries []wire.Query) {
	w.hashes, w.services = w.hashes[:0], w.services[:0]
	for i := range queries {
		if labels := serviceLabels(&queries[i].Name); labels != nil {
			w.hashes = append(w.hashes, hashLabels(labels))
		}
	}
	slots := ix.names.slots
	for _, hash := range w.hashes {
		w.read += slots[hash&uint64(len(slots)-1)].hash
	}
	for _, hash := range w.hashes {
		for at := ix.names.home(hash); slots[at].service != nil; at = ix.names.next(at) {
			if slots[at].hash == hash {
				w.services = append(w.services, slots[at].service)
				break
			}
		}
	}
	for _, s := range w.services {
		w.read += uint64(len(s.labels)) + s.Candidates()
	}
	for _, s := range w.services {
		w.read += s.warm()
	}
}

// serviceLabels are the two labels of the service in a name; nil if it can be none of a service. What is asked for most
// begins with them.
func serviceLabels(name *wire.Name) []byte {
	first := 0
	if name.Labels() > 0 && len(name.Label(0)) > 0 && name.Label(0)[0] == '_' {
		first = 2 // of a port
	}
	if name.Labels() < first+4 {
		return nil
	}
	return name.Part(first, first+2)
}

const cacheLine = 64

// warm reads what the service is answered from, but for the service itself.
func (s *Service) warm() (read uint64) {
	read = s.Router.Warm()
	for i := range s.sets {
		read += uint64(len(s.sets[i].alias))
	}
	for at := 0; at < len(s.block); at += cacheLine {
		read += uint64(s.block[at])
	}
	for i := 0; i < len(s.counts); i += cacheLine / 8 {
		read += s.counts[i].Load()
	}
	return read
}
