// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

type ingressObject = networkingv1.Ingress

const mergePatch = types.MergePatchType

var patchOptions = metav1.PatchOptions{FieldManager: "member-load-balancer"}

// Owner is the Service or Ingress that an address or a listener belongs to.
type Owner struct {
	Kind string
	types.NamespacedName
}

// ServiceOwner names a Service as an owner.
func ServiceOwner(service *corev1.Service) Owner {
	return Owner{"Service", types.NamespacedName{Namespace: service.Namespace, Name: service.Name}}
}

// IngressOwner names an Ingress as an owner.
func IngressOwner(ingress *ingressObject) Owner {
	return Owner{"Ingress", types.NamespacedName{Namespace: ingress.Namespace, Name: ingress.Name}}
}

// Claim is an owner's wish for an address, with those that its status shows already.
type Claim struct {
	Owner   Owner
	Created time.Time
	Current []netip.Addr
}

// Claims returns the wishes of the balanced Services and of the Ingresses.
func Claims(services []*corev1.Service, ingresses []*ingressObject) []Claim {
	var claims []Claim
	for _, service := range services {
		if service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.DeletionTimestamp == nil {
			claims = append(claims, Claim{ServiceOwner(service), service.CreationTimestamp.Time, serviceAddresses(service)})
		}
	}
	for _, ingress := range ingresses {
		if ingress.DeletionTimestamp == nil {
			claims = append(claims, Claim{IngressOwner(ingress), ingress.CreationTimestamp.Time, ingressAddresses(ingress)})
		}
	}
	return claims
}

// Assign gives each claim one address of the range. An owner keeps what it held; else it gets what its status shows, so
// that addresses outlive a restart; else the lowest that is free. Older objects choose first. The second result names
// those for whom nothing was left.
func Assign(prefix netip.Prefix, held map[Owner]netip.Addr, claims []Claim) (map[Owner]netip.Addr, []Owner) {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b Claim) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Owner.Kind, b.Owner.Kind), cmp.Compare(a.Owner.String(), b.Owner.String()))
	})
	assigned := map[Owner]netip.Addr{}
	taken := map[netip.Addr]bool{prefix.Masked().Addr(): true, last(prefix): true}
	take := func(owner Owner, address netip.Addr) {
		if _, has := assigned[owner]; has || taken[address] || !prefix.Contains(address) {
			return
		}
		assigned[owner] = address
		taken[address] = true
	}
	for _, claim := range claims {
		if address, has := held[claim.Owner]; has {
			take(claim.Owner, address)
		}
	}
	for _, claim := range claims {
		for _, address := range claim.Current {
			take(claim.Owner, address)
		}
	}
	var unplaced []Owner
	free := prefix.Masked().Addr()
	for _, claim := range claims {
		if _, has := assigned[claim.Owner]; has {
			continue
		}
		for taken[free] {
			free = free.Next()
		}
		take(claim.Owner, free)
		if _, has := assigned[claim.Owner]; !has {
			unplaced = append(unplaced, claim.Owner)
		}
	}
	return assigned, unplaced
}

// last returns the highest address of an IPv4 prefix.
func last(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(bytes)
}

func serviceAddresses(service *corev1.Service) []netip.Addr {
	var addresses []netip.Addr
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func ingressAddresses(ingress *ingressObject) []netip.Addr {
	var addresses []netip.Addr
	for _, point := range ingress.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(point.IP); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// addressPatch returns the merge patch of a status that shows current so that it shows the assigned address, and nothing
// once none is assigned; nil if there is nothing to do. Addresses out of the range that an unassigned object shows are
// somebody else's.
func addressPatch(assigned netip.Addr, current []netip.Addr, prefix netip.Prefix) []byte {
	ingress := []map[string]string{}
	if assigned.IsValid() {
		if slices.Equal(current, []netip.Addr{assigned}) {
			return nil
		}
		ingress = append(ingress, map[string]string{"ip": assigned.String()})
	} else if !slices.ContainsFunc(current, prefix.Contains) {
		return nil
	}
	patch, _ := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}}) // maps of strings cannot fail
	return patch
}
