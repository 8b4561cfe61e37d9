// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var clusters = func() kind.Kind {
	k := ident("Cluster", "clusters", "cluster")
	k.Namespaced = false
	k.New = func() runtime.Object { return &v1alpha1.Cluster{} }
	k.NewList = func() runtime.Object { return &v1alpha1.ClusterList{} }
	k.Status = kind.Of(func(c *v1alpha1.Cluster) any { return &c.Status })
	k.Spec = kind.Of(func(c *v1alpha1.Cluster) any { return &c.Spec })
	k.Validate = kind.OfBoth(validateCluster)
	k.Warnings = kind.OfBoth(warnCluster)
	k.Columns = []kind.Column{
		{Name: "Ready", Type: "string", Description: "Whether the cluster answers and takes work.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return clusterReady(c) })},
		{Name: "Version", Type: "string", Description: "Kubernetes version.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return c.Status.KubernetesVersion })},
		{Name: "Region", Type: "string", Description: "Region the cluster is in.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return c.Status.Location.Region })},
		{Name: "Zone", Type: "string", Description: "Zone the cluster is in.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return c.Status.Location.Zone })},
		{Name: "Replicas", Type: "integer", Description: "Federated replicas placed there.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return int64(c.Status.Replicas) })},
		{Name: "Server", Type: "string", Wide: true, Description: "URL of the API server.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return c.Spec.Server })},
		{Name: "Nodes", Type: "string", Wide: true, Description: "Ready nodes of all nodes.", Value: kind.Of(func(c *v1alpha1.Cluster) any { return FormatNodes(c) })},
		{Name: "Owed", Type: "string", Wide: true, Description: "Deletions that are to be done when the cluster can be reached.", Value: kind.Of(func(c *v1alpha1.Cluster) any {
			if c.Status.OwedMore {
				return strconv.Itoa(len(c.Status.Owed)) + "+"
			}
			return strconv.Itoa(len(c.Status.Owed))
		})},
		{Name: "Reason", Type: "string", Wide: true, Description: "Why the cluster is ready or not.", Value: kind.Of(func(c *v1alpha1.Cluster) any {
			if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
				return ready.Reason
			}
			return ""
		})},
	}
	return k
}()

// FormatNodes is how many nodes of a cluster are ready, of all: "3/4".
func FormatNodes(c *v1alpha1.Cluster) string {
	return strconv.Itoa(int(c.Status.Nodes.Ready)) + "/" + strconv.Itoa(int(c.Status.Nodes.Total))
}

func clusterReady(c *v1alpha1.Cluster) string {
	status := string(metav1.ConditionUnknown)
	if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		status = string(ready.Status)
	}
	if c.Spec.Unschedulable {
		status += ",SchedulingDisabled"
	}
	return status
}

func validateCluster(c, _ *v1alpha1.Cluster) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	// The name becomes a label of DNS names and of the credentials' names.
	for _, msg := range validation.IsDNS1123Label(c.Name) {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), c.Name, msg))
	}
	errs = append(errs, validateServer(c.Spec.Server, spec.Child("server"))...)
	if c.Spec.CredentialsSecret.Namespace == "" {
		errs = append(errs, field.Required(spec.Child("credentialsSecret", "namespace"), "the namespace of the Secret with the cluster's credentials"))
	}
	if c.Spec.CredentialsSecret.Name == "" {
		errs = append(errs, field.Required(spec.Child("credentialsSecret", "name"), "the Secret with the cluster's credentials"))
	}
	errs = append(errs, validateCoordinate(c.Spec.Location.Latitude, 90, spec.Child("location", "latitude"))...)
	errs = append(errs, validateCoordinate(c.Spec.Location.Longitude, 180, spec.Child("location", "longitude"))...)
	if d := c.Spec.Drain; d != nil && d.ParallelNamespaces < 0 {
		errs = append(errs, field.Invalid(spec.Child("drain", "parallelNamespaces"), d.ParallelNamespaces, "must be 1 or more, or 0 for all at once"))
	}
	return append(errs, validateTaints(c.Spec.Taints, spec.Child("taints"))...)
}

func warnCluster(c, _ *v1alpha1.Cluster) []string {
	if len(c.Spec.CABundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(c.Spec.CABundle) {
		return []string{"spec.caBundle: holds no usable PEM certificate; the cluster will not become ready"}
	}
	return nil
}

func validateServer(server string, path *field.Path) field.ErrorList {
	if server == "" {
		return field.ErrorList{field.Required(path, "the URL of the cluster's API server, e.g. https://10.0.0.1:6443")}
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" {
		return field.ErrorList{field.Invalid(path, server, "must be an https URL, e.g. https://10.0.0.1:6443")}
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return field.ErrorList{field.Invalid(path, u.Redacted(), "must not hold user, query or fragment")}
	}
	return nil
}

func validateCoordinate(value string, limit float64, path *field.Path) field.ErrorList {
	if value == "" {
		return nil
	}
	degrees, err := strconv.ParseFloat(value, 64)
	if err != nil || !(degrees >= -limit && degrees <= limit) {
		return field.ErrorList{field.Invalid(path, value, "must be decimal degrees between "+
			strconv.FormatFloat(-limit, 'f', -1, 64)+" and "+strconv.FormatFloat(limit, 'f', -1, 64))}
	}
	return nil
}

var taintEffects = []v1alpha1.TaintEffect{v1alpha1.TaintNoExecute, v1alpha1.TaintNoSchedule}

func validateTaints(taints []v1alpha1.Taint, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[v1alpha1.Taint]bool{}
	for i, taint := range taints {
		at := path.Index(i)
		errs = append(errs, metav1validation.ValidateLabelName(taint.Key, at.Child("key"))...)
		for _, msg := range validation.IsValidLabelValue(taint.Value) {
			errs = append(errs, field.Invalid(at.Child("value"), taint.Value, msg))
		}
		if !slices.Contains(taintEffects, taint.Effect) {
			errs = append(errs, field.NotSupported(at.Child("effect"), taint.Effect, taintEffects))
		}
		id := v1alpha1.Taint{Key: taint.Key, Effect: taint.Effect}
		if seen[id] {
			errs = append(errs, field.Duplicate(at, taint.Key+":"+string(taint.Effect)))
		}
		seen[id] = true
	}
	return errs
}
