// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlanAnswersRequests(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"one": {
			in: `{"replicas":3,"key":"default/web","clusters":[{"name":"a","weight":2},{"name":"b","weight":1}],"rebalance":true}`,
			want: `{"assignments":{"a":2,"b":1},"unplaced":0,"outcome":"Placed","reasons":{"a":"weight 2 of 3","b":"weight 1 of 3"}}
`,
		},
		"array": {
			in: ` [{"replicas":0,"clusters":[]}, {"replicas":9,"clusters":[{"name":"a","weight":1,"max":4}]}]`,
			want: `[{"assignments":{},"unplaced":0,"outcome":"NoClusters","reasons":{}},` +
				`{"assignments":{"a":4},"unplaced":5,"outcome":"Unplaced","reasons":{"a":"maximum 4 reached"}}]
`,
		},
		"empty array": {in: `[]`, want: "[]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			options := PlanOptions{Streams: Streams{In: strings.NewReader(test.in), Out: &out}, Request: "-"}
			if err := options.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Error(diff)
			}
			fromFile := PlanOptions{Streams: Streams{Out: &out}, Request: filepath.Join(t.TempDir(), "request.json")}
			if err := os.WriteFile(fromFile.Request, []byte(test.in), 0o600); err != nil {
				t.Fatal(err)
			}
			out.Reset()
			if err := fromFile.Run(t.Context()); err != nil || out.String() != test.want {
				t.Errorf("from a file: %q, %v", out.String(), err)
			}
		})
	}
}

func TestPlanRefusesBadRequests(t *testing.T) {
	for name, test := range map[string]struct{ request, in, want string }{
		"none":             {want: "give either manifests by -f FILE"},
		"missing file":     {request: "/does/not/exist.json", want: "no such file"},
		"not JSON":         {request: "-", in: "replicas: 3", want: "not a placement request"},
		"unknown field":    {request: "-", in: `{"replica":3}`, want: `unknown field "replica"`},
		"two values":       {request: "-", in: `{"replicas":1}{"replicas":2}`, want: "put several requests into an array"},
		"negative":         {request: "-", in: `{"replicas":-1}`, want: "replicas is -1"},
		"one of an array":  {request: "-", in: `[{"replicas":1,"clusters":[]},{"replicas":1,"clusters":[{"name":""}]}]`, want: "request 2 of 2"},
		"unclosed array":   {request: "-", in: `[{"replicas":1}`, want: "not a JSON array"},
		"cluster is twice": {request: "-", in: `{"replicas":1,"clusters":[{"name":"a","weight":1},{"name":"a","weight":1}]}`, want: "listed twice"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			options := PlanOptions{Streams: Streams{In: strings.NewReader(test.in), Out: &out}, Request: test.request}
			err := options.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}
