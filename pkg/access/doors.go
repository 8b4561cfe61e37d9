// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/native"
)

// nativeDoors are the native groups, by resource, of what Drover's own group serves, too.
var nativeDoors = func() map[string]schema.GroupVersion {
	out := map[string]schema.GroupVersion{}
	for _, k := range native.Kinds() {
		for _, door := range k.Doors {
			if door.GroupVersion == v1alpha1.SchemeGroupVersion {
				out[k.Resource] = k.GroupVersion()
			}
		}
	}
	return out
}()

// throughDoor is a request as it would be at another door.
type throughDoor struct {
	authorizer.Attributes
	gv schema.GroupVersion
}

func (d throughDoor) GetAPIGroup() string   { return d.gv.Group }
func (d throughDoor) GetAPIVersion() string { return d.gv.Version }

// AtNativeDoor is a request for a native kind as if it came by the kind's native group: in the federation one right is for
// both doors, and a rule for all of Drover's own group gives nobody Secrets.
func AtNativeDoor(a authorizer.Attributes) authorizer.Attributes {
	if gv, ok := nativeDoors[a.GetResource()]; ok && a.IsResourceRequest() && a.GetAPIGroup() == v1alpha1.GroupName {
		return throughDoor{Attributes: a, gv: gv}
	}
	return a
}

// AtOwnDoor is a request for any kind as if it came by Drover's own group: what somebody may do with a host's own
// Deployments says nothing of the federation's.
func AtOwnDoor(a authorizer.Attributes) authorizer.Attributes {
	if a.IsResourceRequest() && a.GetAPIGroup() != v1alpha1.GroupName {
		return throughDoor{Attributes: a, gv: v1alpha1.SchemeGroupVersion}
	}
	return a
}
