// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// clusterStatus is what the control endpoint says of a cluster.
type clusterStatus struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	Faults Faults `json:"faults"`
	// Objects by resource.
	Objects map[string]int `json:"objects"`
}

// requestCount is how many requests of a sort there were.
type requestCount struct {
	Request
	Count int `json:"count"`
}

// Control is a handler to command a fleet by, without authentication: serve it on loopback only. PATTERN selects
// clusters by name, with the wildcards of path.Match.
//
//	GET    /clusters/PATTERN           name, server, faults and number of objects of each
//	PUT    /clusters/PATTERN/faults    a JSON object of Faults, which replaces those there are
//	DELETE /clusters/PATTERN/faults    heals
//	DELETE /clusters/PATTERN/watches   ends all watches
//	DELETE /clusters/PATTERN/history   has watches from before now get 410 Gone
//	GET    /clusters/PATTERN/requests  what they were asked so far, summed up: the most frequent first
func (f *Fleet) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clusters/{pattern}", f.selected(func(_ *http.Request, selected []*Cluster) (any, error) {
		out := make([]clusterStatus, 0, len(selected))
		for _, c := range selected {
			out = append(out, c.status())
		}
		return out, nil
	}))
	mux.HandleFunc("GET /clusters/{pattern}/requests", f.selected(func(_ *http.Request, selected []*Cluster) (any, error) {
		return countsOf(selected), nil
	}))
	mux.HandleFunc("PUT /clusters/{pattern}/faults", f.selected(func(r *http.Request, selected []*Cluster) (any, error) {
		var faults Faults
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&faults); err != nil {
			return nil, fmt.Errorf("faults: %w; an example: {\"latency\":\"2s\"}", err)
		}
		return nil, each(selected, func(c *Cluster) error { return c.Fault(faults) })
	}))
	mux.HandleFunc("DELETE /clusters/{pattern}/faults", f.selected(func(_ *http.Request, selected []*Cluster) (any, error) {
		return nil, each(selected, (*Cluster).Heal)
	}))
	mux.HandleFunc("DELETE /clusters/{pattern}/watches", f.selected(func(_ *http.Request, selected []*Cluster) (any, error) {
		return nil, each(selected, func(c *Cluster) error { c.DropWatches(); return nil })
	}))
	mux.HandleFunc("DELETE /clusters/{pattern}/history", f.selected(func(_ *http.Request, selected []*Cluster) (any, error) {
		return nil, each(selected, func(c *Cluster) error { c.Compact(); return nil })
	}))
	return mux
}

// selected makes a handler of a function on the clusters that a request selects. What it returns is the answer in JSON.
func (f *Fleet) selected(do func(*http.Request, []*Cluster) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		pattern := r.PathValue("pattern")
		if _, err := path.Match(pattern, ""); err != nil {
			http.Error(w, fmt.Sprintf("%q: %v", pattern, err), http.StatusBadRequest)
			return
		}
		var selected []*Cluster
		for _, c := range f.Clusters {
			if match, _ := path.Match(pattern, c.Name); match { // the pattern is well-formed
				selected = append(selected, c)
			}
		}
		if len(selected) == 0 {
			http.Error(w, fmt.Sprintf("no cluster is called %s", pattern), http.StatusNotFound)
			return
		}
		answer, err := do(r, selected)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer) // the client may have gone
		}
	}
}

func each(clusters []*Cluster, do func(*Cluster) error) error {
	var errs []error
	for _, c := range clusters {
		errs = append(errs, do(c))
	}
	return errors.Join(errs...)
}

func (c *Cluster) status() clusterStatus {
	s := clusterStatus{Name: c.Name, Server: c.Server(), Faults: c.Faults(), Objects: map[string]int{}}
	for _, k := range kinds {
		if n := len(c.List(k.Resource)); n > 0 {
			s.Objects[k.Resource] = n
		}
	}
	return s
}

func countsOf(clusters []*Cluster) []requestCount {
	sum := map[Request]int{}
	for _, c := range clusters {
		for sort, n := range c.Requests() {
			sum[sort] += n
		}
	}
	out := make([]requestCount, 0, len(sum))
	for sort, n := range sum {
		out = append(out, requestCount{Request: sort, Count: n})
	}
	slices.SortFunc(out, func(a, b requestCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(fmt.Sprint(a.Request), fmt.Sprint(b.Request))
	})
	return out
}
