// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package routing decides which cluster a client is answered. It is pure: a snapshot and a client go in, an order of
// clusters comes out, and any two name servers with the same snapshot agree without talking to each other.
//
// The order of decisions: the scope of the name; who is eligible; by weight or by proximity; a move that is under way;
// saturation. The first cluster of the order that has an address of the family asked for is answered, alone. The order
// does not depend on the family, so that A and AAAA name the same cluster wherever it has both.
package routing
