// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"time"
)

// dialTimeout is how long the balancer tries a backend before it takes the next.
const dialTimeout = time.Second

// Balance starts a TCP load balancer before servers, given by their URLs. A connection goes to the next one that takes it. It
// returns the URL to reach them by.
func (l *Lab) Balance(servers ...string) (string, error) {
	var backends []string
	for _, server := range servers {
		u, err := url.Parse(server)
		if err != nil {
			return "", err
		}
		backends = append(backends, u.Host)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("balancer: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.onClose(func() { cancel(); listener.Close() })
	var turn atomic.Uint32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go forward(ctx, conn, backends, int(turn.Add(1)))
		}
	}()
	return "https://" + listener.Addr().String(), nil
}

// forward connects a client with the first backend that takes it, and ends with either of them.
func forward(ctx context.Context, client net.Conn, backends []string, first int) {
	defer client.Close()
	for i := range backends {
		dialer := net.Dialer{Timeout: dialTimeout}
		backend, err := dialer.DialContext(ctx, "tcp4", backends[(first+i)%len(backends)])
		if err != nil {
			continue
		}
		defer backend.Close()
		done := make(chan struct{}, 2)
		copying := func(to, from net.Conn) {
			_, _ = io.Copy(to, from) // however it ends, it has ended
			done <- struct{}{}
		}
		go copying(backend, client)
		go copying(client, backend)
		select {
		case <-done:
		case <-ctx.Done():
		}
		return
	}
}
