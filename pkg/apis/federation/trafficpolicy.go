// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var trafficPolicies = func() kind.Kind {
	k := ident("TrafficPolicy", "trafficpolicies", "trafficpolicy", "tp")
	k.New = func() runtime.Object { return &v1alpha1.TrafficPolicy{} }
	k.NewList = func() runtime.Object { return &v1alpha1.TrafficPolicyList{} }
	k.Spec = kind.Of(func(p *v1alpha1.TrafficPolicy) any { return &p.Spec })
	k.Status = kind.Of(func(p *v1alpha1.TrafficPolicy) any { return &p.Status })
	k.Validate = kind.OfBoth(validateTrafficPolicy)
	k.Columns = []kind.Column{
		{Name: "Target", Type: "string", Description: "Whose clients are led.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any { return FormatTarget(p) })},
		{Name: "Mode", Type: "string", Description: "By what a cluster is chosen for a client.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any { return string(p.Spec.Mode) })},
		{Name: "Weights", Type: "string", Description: "Weight of each cluster.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any {
			var out []string
			for _, c := range p.Spec.Clusters {
				out = append(out, fmt.Sprintf("%s=%d", c.Name, ptr.Deref(c.Weight, 1)))
			}
			return strings.Join(out, " ")
		})},
		{Name: "Applied", Type: "string", Description: "Whether the target's clients are led by it.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any {
			return string(applied(p).Status)
		})},
		{Name: "TTL", Type: "integer", Wide: true, Description: "Seconds that an answer may be kept.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any { return int64(ptr.Deref(p.Spec.TTLSeconds, 0)) })},
		{Name: "Reason", Type: "string", Wide: true, Description: "Why they are not.", Value: kind.Of(func(p *v1alpha1.TrafficPolicy) any {
			if c := applied(p); c.Status == metav1.ConditionFalse {
				return c.Reason
			}
			return ""
		})},
	}
	return k
}()

// applied is the condition of a policy; unknown until it was looked at.
func applied(p *v1alpha1.TrafficPolicy) metav1.Condition {
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionApplied); c != nil {
		return *c
	}
	return metav1.Condition{Status: metav1.ConditionUnknown}
}

// FormatTarget says in a word whose clients a policy leads: service/web.
func FormatTarget(p *v1alpha1.TrafficPolicy) string {
	return strings.ToLower(p.Spec.Target.Kind) + "/" + p.TargetName()
}

// maxTTLSeconds is a day: longer than that nobody wants to be answered what was true once.
const maxTTLSeconds = 24 * 60 * 60

func validateTrafficPolicy(p, _ *v1alpha1.TrafficPolicy) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateClusterTraffic(p.Spec.Clusters, spec.Child("clusters"))
	if kinds := []string{"Ingress", "Service"}; !slices.Contains(kinds, p.Spec.Target.Kind) {
		errs = append(errs, field.NotSupported(spec.Child("target", "kind"), p.Spec.Target.Kind, kinds))
	}
	if name := p.Spec.Target.Name; name != "" {
		for _, msg := range validation.IsDNS1123Subdomain(name) {
			errs = append(errs, field.Invalid(spec.Child("target", "name"), name, msg))
		}
	}
	if modes := []v1alpha1.TrafficMode{v1alpha1.TrafficFailover, v1alpha1.TrafficGeo, v1alpha1.TrafficWeighted}; !slices.Contains(modes, p.Spec.Mode) {
		errs = append(errs, field.NotSupported(spec.Child("mode"), p.Spec.Mode, modes))
	}
	if ttl := ptr.Deref(p.Spec.TTLSeconds, 1); ttl < 1 || ttl > maxTTLSeconds {
		errs = append(errs, field.Invalid(spec.Child("ttlSeconds"), ttl, fmt.Sprintf("must be between 1 and %d", maxTTLSeconds)))
	}
	if s := p.Spec.Saturation; s != nil {
		errs = append(errs, validateSaturation(s, spec.Child("saturation"))...)
	}
	if answers := []v1alpha1.WhenNoneHealthy{v1alpha1.AnswerLastKnown, v1alpha1.AnswerNoData}; !slices.Contains(answers, p.Spec.WhenNoneHealthy) {
		errs = append(errs, field.NotSupported(spec.Child("whenNoneHealthy"), p.Spec.WhenNoneHealthy, answers))
	}
	return errs
}

func validateSaturation(s *v1alpha1.Saturation, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.Low < 0 || s.Low > 99 {
		errs = append(errs, field.Invalid(path.Child("low"), s.Low, "must be between 0 and 99"))
	}
	if s.High <= s.Low || s.High > 100 {
		errs = append(errs, field.Invalid(path.Child("high"), s.High, "must be greater than low, and at most 100"))
	}
	return errs
}

func validateClusterTraffic(clusters []v1alpha1.ClusterTraffic, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, c := range clusters {
		at := path.Index(i)
		errs = append(errs, validateClusterName(c.Name, seen, at.Child("name"))...)
		errs = append(errs, validateWeight(c.Weight, at.Child("weight"))...)
	}
	return errs
}

// validateClusterName checks a name in a policy's list of clusters, and adds it to those that are seen.
func validateClusterName(name string, seen map[string]bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case name == "":
		errs = append(errs, field.Required(path, `the name of a cluster, or "*" for every cluster not named`))
	case seen[name]:
		errs = append(errs, field.Duplicate(path, name))
	case name != v1alpha1.AnyCluster:
		for _, msg := range validation.IsDNS1123Label(name) {
			errs = append(errs, field.Invalid(path, name, msg))
		}
	}
	seen[name] = true
	return errs
}

func validateWeight(weight *int64, path *field.Path) field.ErrorList {
	if w := ptr.Deref(weight, 1); w < 0 || w > math.MaxInt32 {
		return field.ErrorList{field.Invalid(path, w, fmt.Sprintf("must be between 0 and %d", math.MaxInt32))}
	}
	return nil
}
