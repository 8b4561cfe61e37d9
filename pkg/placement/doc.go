// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placement decides how many replicas of a workload each cluster gets,
// and why. It is pure: a Request in, a Result out.
//
// # Apportionment
//
// A replica is a seat, a cluster a state, its weight the population. Seats are
// awarded one by one. After t awards a cluster's exact share is t × its weight ÷
// the sum of weights, and its quota that share rounded down or up. The next seat
// goes to the cluster with the highest Webster priority, weight ÷ (2 × seats held
// + 1), among those that
//
//   - stay at or below their upper quota, and
//   - leave it possible for everyone to be at or above their lower quota, then and
//     at all later house sizes.
//
// The second is a question of scheduling. A cluster's k-th seat is released when
// its share exceeds k − 1 and due when its share reaches k. The exact shares are a
// schedule in fractions that meets every due time, so there is one in whole seats;
// and a start of one can be completed unless, until some time, more seats are due
// than there are to give. Somebody is therefore always eligible.
//
// The method is house monotone since it only ever adds, and keeps quota since
// nobody else is eligible. It belongs to the class that Still, and Balinski and
// Young, described in 1979. The best known member, the quota method of 1975, has
// the priority weight ÷ (seats held + 1), which leans to large clusters: it places
// 2 replicas at weights 2:1 as 2:0, this one as 1:1. Equal priorities are decided
// by a hash of Request.Key and the cluster's name.
//
// What n awards come to is mostly found without making them. Everyone is at the
// lower quota at least, and the seats between the quotas go in order of priority,
// if those could be the ones given: rounding has the two conditions and the proof.
// Where they do not hold, or it takes too long to be sure, the awards are made from
// the last number of seats on for which they do. So a question takes time in
// proportion to the clusters, hardly ever to the replicas.
//
// # Bounds
//
// With bounds, the exact share is level × weight, but at least the minimum and at
// most the maximum or capacity, at the one level where the shares add up to the
// replicas. Each share grows with the replicas, so the same process works with
// these shares, and where no bound binds they are the plain ones.
//
// Before that come minimums and priorities: clusters are filled to their minimum,
// those of the highest priority first, and then to their ceiling in the same
// order. If rebalancing is off, what runs already is served between the two.
//
// # Spread
//
// First of all, a Spread gives one replica to one cluster in each of the first
// MinDomains domains that may hold replicas. It chooses where replicas come first
// anyway: in a domain, the cluster that has a minimum, or without rebalancing runs
// something, or is of the highest priority, or weighs most; of the domains, those
// whose cluster so comes first, or whose clusters of that priority weigh most
// together. The choice does not depend on the replicas, so that these seats are a
// bound like a minimum, which does not bind where the share is as much.
//
// Several Spreads are served in order of the number of domains: where one's are
// parts of another's, as zones are of regions, what is chosen for regions counts
// for zones, and as many replicas as the largest MinDomains do. Where domains cut
// across each other it may take more than it might.
//
// For example, 4 replicas at weights a 50 and b 50 in eu, c 1 and d 2 in us, go to a
// and b only; spread over 2 regions, d has one.
//
// # Moves
//
// With Moves, what runs already takes only so many steps towards what a plan
// without it gives: from what it would be if rebalancing were off, those of the
// highest priority that are farthest below get first, and those of the lowest that
// are farthest above give first. Who is given the result as Current, and asks
// again, comes to the plan, and stays there.
//
// # What holds
//
// For every valid Request, unless all weights are 0:
//
//   - The assignments add up to Replicas, or to all that the ceilings allow.
//   - Ceilings hold. Minimums hold up to the ceiling, or if they exceed Replicas
//     together, nobody gets more than its minimum. Weight 0 gets 0, whatever its
//     minimum. Where there are Spreads, this counts what they need as minimums.
//   - Replicas are in as many domains as a Spread asks for, or as there are
//     replicas, or domains that may hold some, if domains are equal, disjoint or
//     within one another.
//   - Each cluster gets its exact share, as defined above, rounded down or up,
//     if Rebalance is set, or nothing runs yet.
//   - More Replicas take from nobody, and fewer add to nobody, all else equal.
//   - If Rebalance is not set, no more is taken from where it runs than Replicas,
//     ceilings, minimums and Spreads call for.
//   - Only the ratios of weights count, and the order of clusters and Spreads does
//     not.
//
// The two that may surprise: a minimum moves replicas even if Rebalance is not
// set, and comes before priority. And a bound that does not bind keeps the quota,
// but may decide who of the clusters is rounded up.
//
// # Sources
//
//   - M. L. Balinski, H. P. Young: The Quota Method of Apportionment. American
//     Mathematical Monthly 82 (1975), 701–730.
//   - J. W. Still: A Class of New Methods for Congressional Apportionment. SIAM
//     Journal on Applied Mathematics 37 (1979).
//   - M. L. Balinski, H. P. Young: Quotatone Apportionment Methods. Mathematics of
//     Operations Research 4 (1979), 31–38.
//   - S. K. Baruah, N. K. Cohen, C. G. Plaxton, D. A. Varvel: Proportionate
//     Progress: A Notion of Fairness in Resource Allocation. Algorithmica 15 (1996),
//     for release and due times.
package placement
