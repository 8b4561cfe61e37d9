// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"sync"

	"drover.dev/drover/pkg/controllers/workload"
)

// Outcome is how the last attempt to bring an object to a member ended. Reason is empty if it went well.
type Outcome struct {
	Reason, Message string
}

// Outcomes keeps the bad ones, and tells when one changes.
type Outcomes struct {
	mu      sync.RWMutex
	bad     map[string]map[workload.Key]Outcome
	changed func(workload.Key)
}

// NewOutcomes makes an empty record.
func NewOutcomes() *Outcomes {
	return &Outcomes{bad: map[string]map[workload.Key]Outcome{}, changed: func(workload.Key) {}}
}

// OnChange sets what is called when the outcome for a workload changes. It must be set before anything is recorded.
func (o *Outcomes) OnChange(changed func(workload.Key)) { o.changed = changed }

// Of is the outcome for a workload in a cluster.
func (o *Outcomes) Of(cluster string, key workload.Key) Outcome {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.bad[cluster][key]
}

// record keeps an outcome and says whether it is a new one.
func (o *Outcomes) record(cluster string, key workload.Key, outcome Outcome) bool {
	o.mu.Lock()
	before := o.bad[cluster][key]
	if before == outcome {
		o.mu.Unlock()
		return false
	}
	switch {
	case outcome == Outcome{}:
		delete(o.bad[cluster], key)
	case o.bad[cluster] == nil:
		o.bad[cluster] = map[workload.Key]Outcome{key: outcome}
	default:
		o.bad[cluster][key] = outcome
	}
	o.mu.Unlock()
	o.changed(key)
	return true
}

func (o *Outcomes) forget(cluster string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.bad, cluster)
}
