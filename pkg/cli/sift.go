// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes/scheme"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// imported are the resources that import takes, in the order in which they are created. What others refer to comes first,
// and autoscalers come before what they scale: no moment may be without them.
var imported = []schema.GroupVersionResource{
	members.ResourceQuotas, members.LimitRanges, members.ServiceAccounts, members.ConfigMaps, members.Secrets,
	members.NetworkPolicies, members.PodDisruptionBudgets, members.HorizontalPodAutoscalers,
	members.Deployments, members.StatefulSets, members.DaemonSets, members.ReplicaSets, members.CronJobs,
	members.Services, members.Ingresses,
}

// object is one that was found in the cluster.
type object struct {
	resource schema.GroupVersionResource
	*unstructured.Unstructured
}

// key names an object among all.
func (o object) key() string {
	return o.resource.Resource + "/" + o.GetNamespace() + "/" + o.GetName()
}

// String is the object as people write it, e.g. "deployment/web in shop".
func (o object) String() string {
	name := strings.ToLower(o.GetKind()) + "/" + o.GetName()
	if o.GetNamespace() == "" {
		return name
	}
	return name + " in " + o.GetNamespace()
}

// reason is why an object stays where it is; empty if it is taken.
type reason struct {
	text string
	// generated says that something in the cluster has made it, so that nobody misses it.
	generated bool
}

func because(format string, args ...any) reason { return reason{text: fmt.Sprintf(format, args...)} }

// remaining is an object that stays where it is.
type remaining struct {
	namespace, kind, name string
	reason
}

// sifted is what there is in a cluster.
type sifted struct {
	// taken are objects to take over, with all that the cluster has set, managed those that Drover manages already.
	taken, managed []object
	left           []remaining
}

// sift sorts what was found in one namespace of a cluster. Of a federation of that identity it takes all that somebody has
// put there, and that goes where workloads do which are taken, too: Drover would send anything else nowhere.
func sift(found []object, identity string) (s sifted) {
	known := make([]sifting, 0, len(found))
	for _, o := range found {
		known = append(known, look(o, identity))
	}
	leaveScaled(known)
	leaveUnfollowed(known)
	leaveUnnamed(known)
	for _, k := range known {
		switch {
		case k.managed:
			s.managed = append(s.managed, k.object)
		case k.why.text != "":
			s.left = append(s.left, remaining{k.GetNamespace(), k.GetKind(), k.GetName(), k.why})
		default:
			s.taken = append(s.taken, k.object)
		}
	}
	return s
}

// sifting is an object, and what is known of it by then.
type sifting struct {
	object
	// typed is the same as its Go type, and kind how Drover places it: nil where it is only referred to.
	typed workload.Object
	kind  *workload.Kind
	// managed says that this federation manages it already.
	managed bool
	why     reason
}

// stays says whether an object will not be Drover's.
func (s *sifting) stays() bool { return s.why.text != "" && !s.managed }

// look says of an object what can be said by itself.
func look(o object, identity string) sifting {
	s := sifting{object: o, kind: workload.KindOfResource(o.resource)}
	s.managed = o.GetLabels()[v1alpha1.LabelManaged] == "true" && o.GetAnnotations()[v1alpha1.AnnotationFederation] == identity
	typed, err := scheme.Scheme.New(o.GroupVersionKind())
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed)
	}
	if err != nil {
		s.why, s.kind = because("cannot be read: %v", err), nil
		return s
	}
	s.typed = typed.(workload.Object)
	s.why = leftOut(o.resource, o.Unstructured)
	return s
}

// leaveScaled leaves workloads whose autoscaler stays: Drover would hold their replicas against it.
func leaveScaled(known []sifting) {
	for i := range known {
		h := &known[i]
		if h.resource != members.HorizontalPodAutoscalers || !h.stays() || h.kind == nil {
			continue
		}
		for n := range known {
			if w := &known[n]; w.kind != nil && w.kind.Placed() && h.kind.Behind(h.typed, w.kind, w.typed) && !w.stays() && !w.managed {
				w.why = because("horizontalpodautoscaler/%s scales it, and stays (%s): Drover would not let it", h.GetName(), h.why.text)
			}
		}
	}
}

// leaveUnfollowed leaves what goes where others are of which none is taken.
func leaveUnfollowed(known []sifting) {
	for i := range known { // Services come before Ingresses
		f := &known[i]
		if f.kind == nil || f.kind.Behind == nil || f.stays() {
			continue
		}
		if f.kind.Everywhere != nil && f.kind.Everywhere(f.typed) {
			f.why = because("selects no workload: Drover would send it to every cluster")
			continue
		}
		if !slices.ContainsFunc(known, func(o sifting) bool {
			return o.kind != nil && !o.stays() && f.kind.Behind(f.typed, o.kind, o.typed)
		}) {
			f.why = because("is for no workload that is taken: Drover would send it nowhere")
		}
	}
}

// leaveUnnamed leaves what nothing refers to that is taken.
func leaveUnnamed(known []sifting) {
	named := sets.New[workload.Reference]()
	name := func(of func(*sifting) bool) {
		for i := range known {
			if k := &known[i]; !k.stays() && of(k) {
				named = named.Union(workload.References(k.typed))
			}
		}
	}
	isNamed := func(k *sifting) bool {
		return named.Has(workload.Reference{Resource: k.resource, Name: k.GetName()})
	}
	name(func(k *sifting) bool { return k.kind != nil })
	name(func(k *sifting) bool { return k.resource == members.ServiceAccounts && isNamed(k) })
	for i := range known {
		if k := &known[i]; k.kind == nil && !k.stays() && !isNamed(k) {
			k.why = because("no workload that is taken names it: Drover would send it nowhere")
		}
	}
}

// isSystem says whether a namespace belongs to the cluster, not to what runs in it. Kubernetes reserves the prefix kube-.
func isSystem(namespace string) bool {
	return strings.HasPrefix(namespace, "kube-") || namespace == v1alpha1.SystemNamespace
}

const eachItsOwn = "each cluster makes its own"

// leftOut is why an object stays where it is, by what it says itself.
func leftOut(resource schema.GroupVersionResource, obj *unstructured.Unstructured) reason {
	name, annotations := obj.GetName(), obj.GetAnnotations()
	switch {
	case obj.GetDeletionTimestamp() != nil:
		return because("is being deleted")
	case obj.GetLabels()[v1alpha1.LabelManaged] == "true" && annotations[v1alpha1.AnnotationFederation] != "":
		return because("is managed by another federation, %s", annotations[v1alpha1.AnnotationFederation])
	case len(obj.GetOwnerReferences()) > 0:
		return madeBy(obj.GetOwnerReferences()[0])
	case annotations["control-plane.alpha.kubernetes.io/leader"] != "":
		return reason{"a lock of something that runs there", true}
	}
	switch resource {
	case members.ConfigMaps:
		if slices.Contains([]string{"kube-root-ca.crt", "openshift-service-ca.crt"}, name) {
			return reason{eachItsOwn, true}
		}
	case members.ServiceAccounts:
		if pulls, _, _ := unstructured.NestedSlice(obj.Object, "imagePullSecrets"); name == "default" && len(pulls) > 0 {
			return because("%s; this one has imagePullSecrets: give them to the others, too", eachItsOwn)
		}
		if name == "default" {
			return reason{eachItsOwn, true}
		}
	case members.Services:
		if name == "kubernetes" && obj.GetNamespace() == metav1.NamespaceDefault {
			return reason{eachItsOwn, true}
		}
	case members.Secrets:
		return leftOutSecret(obj)
	}
	return reason{}
}

func leftOutSecret(obj *unstructured.Unstructured) reason {
	kind, _, _ := unstructured.NestedString(obj.Object, "type")
	switch issued := obj.GetAnnotations()["cert-manager.io/certificate-name"]; {
	case kind == string(corev1.SecretTypeServiceAccountToken):
		return reason{"a token of this cluster", true}
	case strings.HasPrefix(kind, "helm.sh/release"):
		return because("Helm's record of a release: it stays where Helm looks for it")
	case issued != "":
		return because("cert-manager renews it, by certificate %s: have it issued in the other clusters, too", issued)
	}
	return reason{}
}

// madeBy is why what belongs to something else stays. Nobody misses what the cluster's own controllers have made.
func madeBy(owner metav1.OwnerReference) reason {
	group, _, _ := strings.Cut(owner.APIVersion, "/")
	return reason{fmt.Sprintf("made by %s %s", owner.Kind, owner.Name), slices.Contains([]string{"v1", "apps", "batch"}, group)}
}
