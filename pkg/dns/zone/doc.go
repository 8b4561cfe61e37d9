// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package zone turns a snapshot into answers: it knows which names there are, what stands under each, and which records
// a client gets.
//
// Names are not listed but read, label by label from the right. So a federation of many services in many regions takes
// no more room than its services, and a change of one service makes only that one anew.
package zone
