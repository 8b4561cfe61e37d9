// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package feed makes a name server's snapshot of a federation's objects: of Services and Ingresses, their Placements and
// TrafficPolicies, and Clusters. What one object means for the snapshot is a pure function; the Feed watches the
// objects, and has a store changed as they do.
package feed
