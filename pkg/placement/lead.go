// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import "time"

// Lead is which of its clients a cluster is answered to, while a workload comes to it or leaves it.
type Lead struct {
	State LeadState
	// Percent of the clients it would have without a move. 0 is nobody, unless nobody else is there.
	Percent int64
	// Full is the number of replicas with which it serves all of them.
	Full int64
	// Until is, of Withdrawn, when no answer is used any more that leads to the cluster.
	Until time.Time
}

// LeadState is how far a cluster is with coming or leaving.
type LeadState string

const (
	// LeadAll is where a workload is settled: all clients are led to the cluster.
	LeadAll LeadState = ""
	// Arriving clusters had none of a workload: their part of the clients grows with what is available.
	Arriving LeadState = "Arriving"
	// Leaving clusters are to have none: their part of the clients falls with what they have.
	Leaving LeadState = "Leaving"
	// Withdrawn clusters are to have none, and no name leads there any more.
	Withdrawn LeadState = "Withdrawn"
)

// Clients is what is known of those who are led to a cluster by names.
type Clients struct {
	// Unread says that nothing is known of them yet.
	Unread bool
	// Led says that there are names by which clients may be answered the cluster.
	Led bool
	// Told says that each of these names leads elsewhere by now, and that there is an elsewhere.
	Told bool
	// Wait is how long answers that were given before may be used after that.
	Wait time.Duration
}

// Serves says whether a cluster that is to have none keeps what its clients need. It does so no more once all names were
// told to lead elsewhere, and the answers of before have been forgotten.
func (l Lead) Serves(c Clients, now time.Time) bool {
	return c.Unread || c.Led && (l.State != Withdrawn || !c.Told || now.Before(l.Until))
}

// Next says which clients a cluster is answered to, by what it is assigned next. Others says whether another cluster has
// some of the workload.
//
// On the way in, clients come as replicas do; those for whom there are none yet are answered the next cluster. On the way
// out, the names are told first. The time to wait begins when it has been seen that they were: whoever tells them may
// be late, and whoever waits may be restarted.
func (l Lead) Next(s Share, next Next, c Clients, others bool, now time.Time) Lead {
	switch {
	case !c.Unread && !c.Led:
		return Lead{}
	case s.Target > 0:
		return l.arrive(s, others)
	case next.Replicas == 0:
		return Lead{}
	case s.Unknown && l.State != LeadAll:
		return l
	case !next.Withdraw:
		full := max(l.Full, s.Replicas)
		return Lead{State: Leaving, Percent: max(1, portion(next.Replicas, full)), Full: full}
	case l.State == Withdrawn && c.Told:
		return l
	}
	out := Lead{State: Leaving, Full: max(l.Full, s.Replicas)}
	if l.State == Leaving && l.Percent == 0 && c.Told {
		out.State, out.Until = Withdrawn, now.Add(c.Wait)
	}
	return out
}

func (l Lead) arrive(s Share, others bool) Lead {
	if s.available() >= s.Target || l.State == LeadAll && (s.Replicas > 0 || !others) {
		return Lead{}
	}
	return Lead{State: Arriving, Percent: portion(s.available(), s.Target), Full: s.Target}
}

// portion is a part of a whole in per cent, rounded up.
func portion(part, whole int64) int64 { return min(100, (part*100+whole-1)/whole) }
