// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"net/http"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
)

// hostUser is somebody whom the host knows. It is a type, and nothing that can be written in a request, a token or a
// certificate: only Host makes one.
type hostUser struct{ user.Info }

// IsUser says whether somebody is known by the host.
func IsUser(who user.Info) bool {
	_, ok := who.(hostUser)
	return ok
}

// AuthenticateRequest knows whom the host's aggregator vouches for, and who shows a token that the host knows.
func (h *Host) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	response, ok, err := h.authenticator.AuthenticateRequest(r)
	if err != nil || !ok {
		return nil, false, err
	}
	known := *response
	known.User = hostUser{response.User}
	return &known, true, nil
}
