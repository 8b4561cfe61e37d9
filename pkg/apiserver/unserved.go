// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// customResourceDefinitions is where kubectl looks for a kind that is not served, before it says so.
const customResourceDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// serveNoCustomResources answers that there are no CustomResourceDefinitions. Without an answer, kubectl create of a kind
// that is not served fails with advice to turn validation off.
func serveNoCustomResources(generic *genericapiserver.GenericAPIServer) {
	generic.Handler.NonGoRestfulMux.HandleFunc(customResourceDefinitions, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			http.Error(w, "custom resources are not served here", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		_, _ = w.Write([]byte(`{"kind":"CustomResourceDefinitionList","apiVersion":"apiextensions.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`))
	})
}

// withoutPods answers who lists pods that there are none. They are in the clusters, and discovery does not tell of them here.
// But kubectl describe of what has pods, a StatefulSet or a DaemonSet, shows nothing at all where pods cannot be listed.
func withoutPods(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := request.RequestInfoFrom(r.Context())
		if !ok || info.Verb != "list" || info.APIPrefix != "api" || info.Resource != "pods" || info.Subresource != "" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		_, _ = w.Write([]byte(`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`))
	})
}
