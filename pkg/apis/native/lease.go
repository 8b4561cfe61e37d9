// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
)

var leases = func() kind.Kind {
	k := ident(coordinationv1.SchemeGroupVersion, "Lease", "leases", "lease")
	k.New = func() runtime.Object { return &coordinationv1.Lease{} }
	k.NewList = func() runtime.Object { return &coordinationv1.LeaseList{} }
	k.Validate = kind.OfBoth(validateLease)
	k.Columns = []kind.Column{
		{Name: "Holder", Type: "string", Description: "Who holds the lease.", Value: kind.Of(func(l *coordinationv1.Lease) any {
			return ptr.Deref(l.Spec.HolderIdentity, "")
		})},
	}
	return k
}()

func validateLease(l, _ *coordinationv1.Lease) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if d := l.Spec.LeaseDurationSeconds; d != nil && *d <= 0 {
		errs = append(errs, field.Invalid(spec.Child("leaseDurationSeconds"), *d, "must be greater than 0"))
	}
	if n := l.Spec.LeaseTransitions; n != nil && *n < 0 {
		errs = append(errs, field.Invalid(spec.Child("leaseTransitions"), *n, "must be greater than or equal to 0"))
	}
	return errs
}
