// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Site is what answers on one address and port.
type Site struct {
	Owner  Owner
	TLS    bool
	Routes []Route
}

// Route leads requests for a host and path to the ready pods of a Service.
type Route struct {
	Host    string // empty: every host; *.example.com: every one label below example.com
	Path    string
	Exact   bool // the path itself only; else it and what is below it
	Service types.NamespacedName
	Pods    []string
}

// ReadyPods returns the names of each Service's ready pods, sorted. As the API says, an endpoint that does not tell
// whether it is ready is ready; one without a pod goes by its address.
func ReadyPods(endpointSlices []*discoveryv1.EndpointSlice) map[types.NamespacedName][]string {
	ready := map[types.NamespacedName][]string{}
	for _, slice := range endpointSlices {
		service := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
		if service.Name == "" {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
				continue
			}
			if endpoint.TargetRef != nil {
				ready[service] = append(ready[service], endpoint.TargetRef.Name)
			} else {
				ready[service] = append(ready[service], endpoint.Addresses...)
			}
		}
	}
	for service, pods := range ready {
		slices.Sort(pods)
		ready[service] = slices.Compact(pods)
	}
	return ready
}

// ServiceSites returns where a Service answers: on each TCP port of its address, while it has ready pods.
func ServiceSites(service *corev1.Service, address netip.Addr, ready map[types.NamespacedName][]string) map[netip.AddrPort]Site {
	owner := ServiceOwner(service)
	pods := ready[owner.NamespacedName]
	if !address.IsValid() || len(pods) == 0 {
		return nil
	}
	sites := map[netip.AddrPort]Site{}
	for _, port := range service.Spec.Ports {
		if port.Protocol == corev1.ProtocolTCP || port.Protocol == "" {
			sites[netip.AddrPortFrom(address, uint16(port.Port))] = Site{
				Owner:  owner,
				Routes: []Route{{Path: "/", Service: owner.NamespacedName, Pods: pods}},
			}
		}
	}
	return sites
}

// IngressSites returns where an Ingress answers: on the HTTP and HTTPS port, while any of its backends has ready pods.
func IngressSites(ingress *ingressObject, address netip.Addr, httpPort, httpsPort uint16, ready map[types.NamespacedName][]string) map[netip.AddrPort]Site {
	routes := ingressRoutes(ingress, ready)
	anyReady := slices.ContainsFunc(routes, func(r Route) bool { return len(r.Pods) > 0 })
	if !address.IsValid() || !anyReady {
		return nil
	}
	owner := IngressOwner(ingress)
	return map[netip.AddrPort]Site{
		netip.AddrPortFrom(address, httpPort):  {Owner: owner, Routes: routes},
		netip.AddrPortFrom(address, httpsPort): {Owner: owner, Routes: routes, TLS: true},
	}
}

// ingressRoutes returns the routes in the order in which they are tried: a host before a wildcard before any host, then
// exact paths, then the longest.
func ingressRoutes(ingress *ingressObject, ready map[types.NamespacedName][]string) []Route {
	var routes []Route
	add := func(host, path string, exact bool, backend networkingv1.IngressBackend) {
		if backend.Service == nil {
			return
		}
		service := types.NamespacedName{Namespace: ingress.Namespace, Name: backend.Service.Name}
		routes = append(routes, Route{strings.ToLower(host), cmp.Or(path, "/"), exact, service, ready[service]})
	}
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			exact := path.PathType != nil && *path.PathType == networkingv1.PathTypeExact
			add(rule.Host, path.Path, exact, path.Backend)
		}
	}
	slices.SortStableFunc(routes, func(a, b Route) int {
		return cmp.Or(hostRank(a.Host)-hostRank(b.Host), exactRank(a)-exactRank(b), len(b.Path)-len(a.Path))
	})
	if ingress.Spec.DefaultBackend != nil {
		add("", "/", false, *ingress.Spec.DefaultBackend)
	}
	return routes
}

func hostRank(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*."):
		return 1
	}
	return 0
}

func exactRank(route Route) int {
	if route.Exact {
		return 0
	}
	return 1
}

// Match returns the first route for a request's host, which may carry a port, and path.
func Match(routes []Route, host, path string) (Route, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(host)
	i := slices.IndexFunc(routes, func(r Route) bool { return r.matchesHost(host) && r.matchesPath(path) })
	if i < 0 {
		return Route{}, false
	}
	return routes[i], true
}

func (r Route) matchesHost(host string) bool {
	if suffix, wildcard := strings.CutPrefix(r.Host, "*"); wildcard {
		label, matches := strings.CutSuffix(host, suffix)
		return matches && label != "" && !strings.Contains(label, ".")
	}
	return r.Host == "" || r.Host == host
}

// matchesPath compares whole elements: /a leads to /a, /a/ and /a/b, not to /ab.
func (r Route) matchesPath(path string) bool {
	if r.Exact {
		return path == r.Path
	}
	prefix := strings.TrimSuffix(r.Path, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
