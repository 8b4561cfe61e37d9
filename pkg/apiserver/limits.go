// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

func (o *Options) addLimitFlags(fs *pflag.FlagSet) {
	fs.IntVar(&o.MaxRequests, "max-requests-inflight", o.MaxRequests, "How many reading requests are served at a time, watches not counted. Further ones are told to come again, but for those of the group system:masters.")
	fs.IntVar(&o.MaxMutatingRequests, "max-mutating-requests-inflight", o.MaxMutatingRequests, "The same for writing requests.")
}

func (o *Options) validateLimits() error {
	if o.MaxRequests <= 0 || o.MaxMutatingRequests <= 0 {
		return errors.New("--max-requests-inflight and --max-mutating-requests-inflight must be greater than 0")
	}
	return nil
}

// applyLimits says how much of the server one client may have, and what reaches the kinds that are served.
func (o *Options) applyLimits(generic *genericapiserver.RecommendedConfig) {
	generic.MaxRequestsInFlight, generic.MaxMutatingRequestsInFlight = o.MaxRequests, o.MaxMutatingRequests
	chain := generic.BuildHandlerChainFunc
	generic.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return chain(withoutPods(withValidText(handler)), c)
	}
}

// withValidText refuses what is text and not UTF-8. The decoders would put another character for what is none, and store
// what nobody sent.
func withValidText(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && !strings.HasPrefix(r.Header.Get("Content-Type"), runtime.ContentTypeProtobuf) {
			r.Body = textBody{Reader: transform.NewReader(r.Body, encoding.UTF8Validator), Closer: r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

type textBody struct {
	io.Reader
	io.Closer
}

func (b textBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		err = apierrors.NewBadRequest("the body of the request is not UTF-8")
	}
	return n, err
}
