// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	codec "github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// clientNetworks is how many networks clients are in. Those of one network have one resolver, which keeps answers.
	clientNetworks = 40
	// requestsPerSecond is how many requests all clients send together. No fewer than enoughPerSecond come to be sent.
	requestsPerSecond, enoughPerSecond = 250, 200
)

// clients resolve web by the federation's name server, keep an answer as long as they may and no longer, and send requests
// to whom they were answered, each on a connection of its own.
type clients struct {
	*resolver
	stop func()

	mu       sync.Mutex
	started  time.Time
	sent     int
	failed   []error
	answered map[string]int // requests by cluster
}

// kept is an answer.
type kept struct {
	address string
	expires time.Time
}

// send has clients send requests until the test ends.
func (r *resolver) send() *clients {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	c := &clients{resolver: r, started: time.Now(), answered: map[string]int{}}
	var wg sync.WaitGroup
	for network := range clientNetworks {
		wg.Go(func() { c.run(ctx, network) })
	}
	c.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	r.Cleanup(c.stop)
	return c
}

// run sends the requests of the clients in one network when they are due, however long each takes.
func (c *clients) run(ctx context.Context, network int) {
	var answer kept
	var wg sync.WaitGroup
	defer wg.Wait()
	const every = time.Second * clientNetworks / requestsPerSecond
	look := time.NewTicker(every)
	defer look.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for ; due.Before(time.Now()); due = due.Add(every) { // also those for which this process had no time
			if !time.Now().Before(answer.expires) {
				next, err := c.lookup(ctx, network)
				if err != nil {
					c.count(ctx, "", err)
					continue
				}
				answer = next
			}
			address := answer.address
			wg.Go(func() {
				cluster, err := askBy(ctx, patientClient, "http://"+net.JoinHostPort(address, "8080")+"/", "web")
				c.count(ctx, cluster, err)
			})
		}
	}
}

// patientClient waits for who is slow: what counts is whether a request fails.
var patientClient = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

// lookup asks the name server for an address. It is kept from before it was asked for: no longer than any resolver would.
func (c *clients) lookup(ctx context.Context, network int) (kept, error) {
	query := new(codec.Msg).SetQuestion(c.nameOf(""), codec.TypeA)
	query.SetEdns0(1232, false)
	query.IsEdns0().Option = append(query.IsEdns0().Option, &codec.EDNS0_SUBNET{
		Code: codec.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{10, 9, byte(network), 0},
	})
	reply, _, err := (&codec.Client{Timeout: patience}).ExchangeContext(ctx, query, c.Address)
	if err != nil {
		return kept{}, fmt.Errorf("resolve: %w", err)
	}
	for _, rr := range reply.Answer {
		if a, ok := rr.(*codec.A); ok {
			return kept{address: a.A.String(), expires: time.Now().Add(time.Duration(a.Hdr.Ttl) * time.Second)}, nil
		}
	}
	return kept{}, errors.New("resolve: no address is answered: " + codec.RcodeToString[reply.Rcode])
}

func (c *clients) count(ctx context.Context, cluster string, err error) {
	if ctx.Err() != nil {
		return // it was ended with the test
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	if err != nil {
		c.failed = append(c.failed, fmt.Errorf("%s: %w", time.Now().Format("15:04:05.000"), err))
		return
	}
	c.answered[cluster]++
}

// during makes a change while clients send, and fails the test if a request failed meanwhile, or if too few were sent.
func (c *clients) during(t *testing.T, what string, change func()) {
	t.Helper()
	c.mu.Lock()
	c.started, c.sent, c.failed, c.answered = time.Now(), 0, nil, map[string]int{}
	c.mu.Unlock()
	change()
	c.mu.Lock()
	defer c.mu.Unlock()
	took := time.Since(c.started)
	rate := float64(c.sent) / took.Seconds()
	t.Logf("%s took %.1fs: %d requests, %.0f a second, %d failed, answered %v", what, took.Seconds(), c.sent, rate, len(c.failed), c.answered)
	if rate < enoughPerSecond {
		t.Errorf("%s: only %.0f requests a second were sent, want %d", what, rate, enoughPerSecond)
	}
	for _, err := range c.failed[:min(5, len(c.failed))] {
		t.Errorf("%s: a request failed: %v", what, err)
	}
	if len(c.failed) > 0 {
		t.Errorf("%s: %d of %d requests failed", what, len(c.failed), c.sent)
	}
}

// isServed waits until a cluster answers some of the requests.
func (c *clients) isServed(cluster string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered[cluster] == 0 {
		return fmt.Errorf("%s has answered no request: %v", cluster, c.answered)
	}
	return nil
}

// sends waits until so many more requests were sent, and says whether they were before the context ended.
func (c *clients) sends(ctx context.Context, more int) bool {
	sent := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.sent
	}
	want := sent() + more
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) { return sent() >= want, nil }) == nil
}
