// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// explain says of a failed call which server it was, what was to be done, why it failed, and what helps.
func (c *connection) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted: %s: %s: %w\nthe same command again goes on from here", c.name, doing, err)
	}
	cause, remedy := c.diagnose(err)
	if cause != "" {
		cause += ": "
	}
	if remedy != "" {
		remedy = "\n" + remedy
	}
	return fmt.Errorf("%s: %s: %s%w\n(%s)%s", c.name, doing, cause, bare{err}, c.where(), remedy)
}

// diagnose names the cause and the remedy of what is likely to go wrong; both are empty for the rest.
func (c *connection) diagnose(err error) (cause, remedy string) {
	choose := fmt.Sprintf("by %s%s or %s", c.contextFlag, c.others(), c.fileFlag)
	switch {
	case apierrors.IsUnauthorized(err):
		return fmt.Sprintf("the credentials of user %q are not accepted", c.userName),
			"they have expired or belong to another cluster: renew them, or choose others " + choose
	case apierrors.IsForbidden(err):
		return "no permission", c.forbidden()
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return "", ""
	}
	if cause, remedy := c.diagnoseTLS(err); cause != "" {
		return cause, remedy
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case strings.Contains(err.Error(), "getting credentials: exec"):
		return "the login plugin in the kubeconfig failed", "run it by hand to see why, or choose other credentials " + choose
	case errors.As(err, &dns):
		return "unreachable, its host name is unknown here", "check the server address and this machine's DNS, or choose another server " + choose
	case errors.Is(err, syscall.ECONNREFUSED):
		return "unreachable, nothing listens at that address", "is it running? If so, choose its address " + choose
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("unreachable, no answer within %s", c.config.Timeout),
			"check that it runs and that no firewall is between, or choose another server " + choose
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable, there is no way to that address", "is a VPN missing? Or choose another server " + choose
	case apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsTooManyRequests(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return "the server is not well", "try again in a while; the same command goes on from here"
	}
	return "", ""
}

func (c *connection) forbidden() string {
	return c.needs + ", by " + c.contextFlag + c.others() + " or " + c.fileFlag
}

func (c *connection) diagnoseTLS(err error) (cause, remedy string) {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	file := fmt.Sprintf("of %q in %s", c.clusterName, c.files)
	switch {
	case errors.As(err, &unknown):
		return "TLS failed, the server's certificate is signed by an authority that the kubeconfig does not name",
			"is it still the same cluster? Then get a fresh kubeconfig, or correct certificate-authority-data " + file
	case errors.As(err, &host):
		return "TLS failed, the server's certificate is for other names",
			"correct server, or set tls-server-name, " + file
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "TLS failed, the server's certificate has expired or is not valid yet", "renew it there, or check the clock here"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "TLS failed, the server does not speak it", "correct server " + file + ": it must be the https port of the API server"
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return "TLS failed", "check server and certificates " + file
	}
	return "", ""
}

// bare is an error without the request's URL in front: where is said already.
type bare struct{ error }

func (b bare) Unwrap() error { return b.error }

func (b bare) Error() string {
	text := b.error.Error()
	if i := strings.Index(text, `": `); i >= 0 && strings.Contains(text[:i], ` "https://`) {
		return text[i+3:]
	}
	return text
}
