// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	// probeTimeout is how long one question may take.
	probeTimeout = 5 * time.Second
	// answerLimit is the most that is read of an answer, in bytes.
	answerLimit = 1 << 20
)

// prober asks gates. What it may reach is what the controllers may: who creates Migrations says what is asked. No redirect
// takes a question elsewhere, nor does a proxy of the environment, and nothing of an answer is shown but its status and
// numbers.
type prober struct {
	client *http.Client

	mu     sync.Mutex
	failed map[string]int32 // times in a row, by migration and gate
}

func newProber() *prober {
	return &prober{
		failed: map[string]int32{},
		client: &http.Client{
			Timeout:       probeTimeout,
			Transport:     &http.Transport{DisableKeepAlives: true, TLSHandshakeTimeout: probeTimeout, ResponseHeaderTimeout: probeTimeout},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// ask asks all gates of a migration at once, and returns the first that has now been answered badly so many times in a row
// that it has failed; nil if none has.
func (p *prober) ask(ctx context.Context, m *v1alpha1.Migration) *v1alpha1.MigrationFailure {
	answers := make([]error, len(m.Spec.Gates))
	var wg sync.WaitGroup
	for i := range m.Spec.Gates {
		wg.Go(func() { answers[i] = p.askOne(ctx, &m.Spec.Gates[i]) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil // it was not the gates
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, err := range answers {
		gate := &m.Spec.Gates[i]
		key := string(m.UID) + "/" + gate.Name
		if err == nil {
			delete(p.failed, key)
			continue
		}
		if p.failed[key]++; p.failed[key] >= ptr.Deref(gate.FailureThreshold, 3) {
			p.forget(m)
			return &v1alpha1.MigrationFailure{Gate: gate.Name, Message: err.Error()}
		}
	}
	return nil
}

// forget drops what was counted for a migration.
func (p *prober) forget(m *v1alpha1.Migration) {
	for key := range p.failed {
		if strings.HasPrefix(key, string(m.UID)+"/") {
			delete(p.failed, key)
		}
	}
}

func (p *prober) askOne(ctx context.Context, gate *v1alpha1.MigrationGate) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if gate.HTTP != nil {
		return p.askHTTP(ctx, gate.HTTP)
	}
	return p.askPrometheus(ctx, gate.Prometheus)
}

func (p *prober) askHTTP(ctx context.Context, gate *v1alpha1.HTTPGate) error {
	response, err := p.get(ctx, gate.URL)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if want := int(ptr.Deref(gate.Status, http.StatusOK)); response.StatusCode != want {
		return fmt.Errorf("answered status %d, want %d", response.StatusCode, want)
	}
	return nil
}

func (p *prober) get(ctx context.Context, target string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	request.Header.Set("User-Agent", "drover-controllers")
	response, err := p.client.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("no answer: %w", failed.Err) // without the URL, which may hold a token
	}
	return response, err
}

// askPrometheus compares an instant query, https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
func (p *prober) askPrometheus(ctx context.Context, gate *v1alpha1.PrometheusGate) error {
	server, err := url.Parse(gate.Server)
	if err != nil {
		return errors.New("the URL cannot be asked")
	}
	server = server.JoinPath("api/v1/query")
	server.RawQuery = url.Values{"query": {gate.Query}}.Encode()
	response, err := p.get(ctx, server.String())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the query was answered status %d", response.StatusCode)
	}
	values, err := samples(body)
	if err != nil {
		return err
	}
	return within(values, gate)
}

// samples are the values of a scalar or an instant vector.
func samples(body []byte) ([]float64, error) {
	var answer struct {
		Data struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("the answer is not Prometheus'")
	}
	var points [][2]any
	switch answer.Data.ResultType {
	case "scalar":
		points = make([][2]any, 1)
		if err := json.Unmarshal(answer.Data.Result, &points[0]); err != nil {
			return nil, errors.New("the answer is not Prometheus'")
		}
	case "vector":
		var series []struct {
			Value [2]any `json:"value"`
		}
		if err := json.Unmarshal(answer.Data.Result, &series); err != nil {
			return nil, errors.New("the answer is not Prometheus'")
		}
		for _, s := range series {
			points = append(points, s.Value)
		}
	default:
		return nil, fmt.Errorf("the query gives a %q: it has to give a scalar or an instant vector", answer.Data.ResultType)
	}
	values := make([]float64, 0, len(points))
	for _, point := range points {
		text, _ := point[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errors.New("the answer is not Prometheus'")
		}
		values = append(values, value)
	}
	return values, nil
}

// within says what is not within the bounds.
func within(values []float64, gate *v1alpha1.PrometheusGate) error {
	if len(values) == 0 {
		return errors.New("the query finds nothing: there is no sample to compare")
	}
	for _, value := range values {
		if least, err := strconv.ParseFloat(ptr.Deref(gate.Min, "-Inf"), 64); err != nil || value < least || math.IsNaN(value) {
			return fmt.Errorf("the value is %v, less than %s", value, ptr.Deref(gate.Min, "any number"))
		}
		if most, err := strconv.ParseFloat(ptr.Deref(gate.Max, "+Inf"), 64); err != nil || value > most {
			return fmt.Errorf("the value is %v, more than %s", value, *gate.Max)
		}
	}
	return nil
}
