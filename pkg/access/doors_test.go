// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"testing"

	"k8s.io/apiserver/pkg/authorization/authorizer"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestDoors(t *testing.T) {
	for _, tt := range []struct {
		name            string
		group, resource string
		path            bool
		atNative, atOwn string
	}{
		{name: "a native kind by its group", group: "apps", resource: "deployments", atNative: "apps", atOwn: v1alpha1.GroupName},
		{name: "a native kind by the own group", group: v1alpha1.GroupName, resource: "deployments", atNative: "apps", atOwn: v1alpha1.GroupName},
		{name: "a core kind by the own group", group: v1alpha1.GroupName, resource: "secrets", atNative: "", atOwn: v1alpha1.GroupName},
		{name: "an own kind", group: v1alpha1.GroupName, resource: "clusters", atNative: v1alpha1.GroupName, atOwn: v1alpha1.GroupName},
		{name: "a kind without an own door", resource: "namespaces", atNative: "", atOwn: v1alpha1.GroupName},
		{name: "no resource", path: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := authorizer.AttributesRecord{APIGroup: tt.group, APIVersion: "v9", Resource: tt.resource, ResourceRequest: !tt.path, Verb: "get", Name: "web"}
			if got := AtNativeDoor(a); got.GetAPIGroup() != tt.atNative || got.GetName() != "web" {
				t.Errorf("at the native door the group is %q, want %q", got.GetAPIGroup(), tt.atNative)
			}
			if got := AtOwnDoor(a); got.GetAPIGroup() != tt.atOwn || got.GetName() != "web" {
				t.Errorf("at the own door the group is %q, want %q", got.GetAPIGroup(), tt.atOwn)
			}
		})
	}
}
