// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// collector is in the user agent of a cluster's garbage collector, whoever it logs in as.
const collector = "generic-garbage-collector"

// Shield keeps from the host's users, whatever their rights, what would harm the federation.
func Shield(next http.Handler, codecs runtime.NegotiatedSerializer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, known := request.UserFrom(r.Context())
		info, ok := request.RequestInfoFrom(r.Context())
		if known && ok && IsUser(who) && info.IsResourceRequest {
			if err := shielded(info, r.UserAgent()); err != nil {
				responsewriters.ErrorNegotiated(err, codecs, v1alpha1.SchemeGroupVersion, w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// shielded says why a request of a user of the host goes no further; nil if it does.
//   - The federation's own namespace holds the credentials of all clusters. It is not forbidden but not there, so that a host
//     can delete a namespace of that name.
//   - The host's garbage collector looks for owners among the host's objects. Those of the federation's objects are not
//     there: it would delete what it takes for left over, and clear the finalizers that say what to orphan.
func shielded(info *request.RequestInfo, userAgent string) error {
	switch {
	case info.Namespace == v1alpha1.SystemNamespace:
		return apierrors.NewNotFound(corev1.Resource("namespaces"), info.Namespace)
	case strings.Contains(userAgent, collector) && slices.Contains([]string{"create", "update", "patch", "delete"}, info.Verb):
		return apierrors.NewForbidden(schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}, info.Name,
			errors.New("the host's garbage collector does not collect what is the federation's"))
	}
	return nil
}
