// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
)

// withScheduler runs the schedule controller alone, so that the test says which clusters are ready, not a probe of them.
func withScheduler(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.QPS = -1
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return err
	}
	own, native := externalversions.NewSharedInformerFactory(client, 0), kubeinformers.NewSharedInformerFactory(kube, 0)
	controller, err := schedule.New(client, own, native, &record.FakeRecorder{})
	if err != nil {
		return err
	}
	own.StartWithContext(ctx)
	native.StartWithContext(ctx)
	controller.Run(ctx)
	own.Shutdown()
	native.Shutdown()
	return nil
}

// join adds a cluster that is ready.
func (f *federation) join(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	must[*v1alpha1.Cluster](t)(f.own.FederationV1alpha1().Clusters().Create(t.Context(), &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       v1alpha1.ClusterSpec{Server: "https://" + name + ".example.com", CredentialsSecret: v1alpha1.SecretReference{Namespace: "drover-system", Name: "cluster-" + name}},
	}, metav1.CreateOptions{}))
	f.setReady(t, name, metav1.ConditionTrue)
}

// joined waits until the scheduler knows that clusters are ready: what it decides after that, it decides on all of them.
func (f *federation) joined(t *testing.T, namespace string, clusters ...string) {
	t.Helper()
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Create(t.Context(), deployment("probe", 0), metav1.CreateOptions{}))
	eventually(t, "the clusters are candidates", func() string {
		p, err := f.own.FederationV1alpha1().Placements(namespace).Get(t.Context(), "deployment-probe", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		ready := map[string]bool{}
		for _, e := range p.Spec.Excluded {
			ready[e.Name] = e.Code == "NoReplicas"
		}
		for _, name := range clusters {
			if !ready[name] {
				return name + " is not"
			}
		}
		return ""
	})
}

// setReady says whether a cluster is ready, since a moment long enough ago for any failover if it is not.
func (f *federation) setReady(t *testing.T, name string, ready metav1.ConditionStatus) {
	t.Helper()
	cluster := must[*v1alpha1.Cluster](t)(f.own.FederationV1alpha1().Clusters().Get(t.Context(), name, metav1.GetOptions{}))
	meta.RemoveStatusCondition(&cluster.Status.Conditions, v1alpha1.ConditionReady)
	meta.SetStatusCondition(&cluster.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: ready, Reason: "Tested", LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour)),
	})
	must[*v1alpha1.Cluster](t)(f.own.FederationV1alpha1().Clusters().UpdateStatus(t.Context(), cluster, metav1.UpdateOptions{}))
}

// placed waits until a workload's Placement says so, and returns it.
func (f *federation) placed(t *testing.T, namespace, name, want string) *v1alpha1.Placement {
	t.Helper()
	var found *v1alpha1.Placement
	eventually(t, name+" is placed on "+want, func() string {
		p, err := f.own.FederationV1alpha1().Placements(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if got := ownkinds.FormatClusters(p); got != want {
			return "it is on " + got
		}
		found = p
		return ""
	})
	return found
}

func policy(name string, clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
	return &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PlacementPolicySpec{Clusters: clusters}}
}

func weight(name string, weight int64) v1alpha1.ClusterWeight {
	return v1alpha1.ClusterWeight{Name: name, Weight: ptr.To(weight)}
}

// One workload's way: placed equally, by weights, drained, failed over, joined, left.
func TestSchedule(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	deployments, policies := f.kube.AppsV1().Deployments(namespace), f.own.FederationV1alpha1().PlacementPolicies(namespace)
	const name = "deployment-web"

	web := must[*appsv1.Deployment](t)(deployments.Create(ctx, deployment("web", 30), metav1.CreateOptions{}))
	p := f.placed(t, namespace, name, "<none>")
	if p.Spec.Problem != "NoClusters" || p.Spec.Unplaced != 30 {
		t.Errorf("without clusters: problem %q, %d unplaced", p.Spec.Problem, p.Spec.Unplaced)
	}
	owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: web.UID, Controller: ptr.To(true)}
	if diff := cmp.Diff([]metav1.OwnerReference{owner}, p.OwnerReferences); diff != "" {
		t.Errorf("owner (-want +got):\n%s", diff)
	}

	must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, policy("web", weight("one", 1), weight("two", 2), weight("three", 3)), metav1.CreateOptions{}))
	for _, cluster := range []string{"one", "two", "three"} {
		f.join(t, cluster, nil)
	}
	f.joined(t, namespace, "one", "two", "three")
	// The first cluster took all, since it was the only one; a change of the workload or the policy spreads them.
	must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"priority": 1}}`), metav1.PatchOptions{}))
	p = f.placed(t, namespace, name, "one=5 three=15 two=10")
	if p.Spec.Policy != "web" || p.Spec.WorkloadGeneration != 1 || p.Spec.PolicyGeneration != 2 || p.Spec.Problem != "" {
		t.Errorf("decided on %+v", p.Spec)
	}

	// One weight set to 0, as the design shows it: the list is merged by name.
	must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.StrategicMergePatchType, []byte(`{"spec": {"clusters": [{"name": "three", "weight": 0}]}}`), metav1.PatchOptions{}))
	drained := f.placed(t, namespace, name, "one=10 two=20")
	if drained.Spec.Revision != p.Spec.Revision+1 {
		t.Errorf("revision went from %d to %d", p.Spec.Revision, drained.Spec.Revision)
	}
	if diff := cmp.Diff([]v1alpha1.ClusterExclusion{{Name: "three", Code: "Drained", Reason: "weight 0: drained"}}, drained.Spec.Excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
	must[*appsv1.Deployment](t)(deployments.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 6}}`), metav1.PatchOptions{}, "scale"))
	f.placed(t, namespace, name, "one=2 two=4")
	must[*v1alpha1.PlacementPolicy](t)(policies.Patch(ctx, "web", types.StrategicMergePatchType, []byte(`{"spec": {"clusters": [{"name": "three", "weight": 3}]}}`), metav1.PatchOptions{}))
	f.placed(t, namespace, name, "one=1 three=3 two=2")

	f.setReady(t, "three", metav1.ConditionFalse) // for an hour already
	p = f.placed(t, namespace, name, "one=2 two=4")
	if len(p.Spec.Excluded) != 1 || p.Spec.Excluded[0].Code != v1alpha1.ExcludedNotReady {
		t.Errorf("excluded are %+v", p.Spec.Excluded)
	}
	f.setReady(t, "three", metav1.ConditionTrue)
	eventually(t, "the cluster that is back is a candidate", func() string {
		p = must[*v1alpha1.Placement](t)(f.own.FederationV1alpha1().Placements(namespace).Get(ctx, name, metav1.GetOptions{}))
		if len(p.Spec.Excluded) == 1 && p.Spec.Excluded[0].Code == v1alpha1.ExcludedNotReady {
			return p.Spec.Excluded[0].Reason
		}
		return ""
	})
	if got := ownkinds.FormatClusters(p); got != "one=2 two=4" {
		t.Errorf("a cluster that comes back draws replicas: %s", got)
	}

	// A Cluster that is deleted takes nothing any more, even while a finalizer keeps it.
	clusters := f.own.FederationV1alpha1().Clusters()
	must[*v1alpha1.Cluster](t)(clusters.Patch(ctx, "two", types.MergePatchType, []byte(`{"metadata": {"finalizers": ["federation.drover.dev/leave"]}}`), metav1.PatchOptions{}))
	if err := clusters.Delete(ctx, "two", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is on the cluster that leaves", func() string {
		p = must[*v1alpha1.Placement](t)(f.own.FederationV1alpha1().Placements(namespace).Get(ctx, name, metav1.GetOptions{}))
		sum := int32(0)
		for _, c := range p.Spec.Clusters {
			sum += *c.Replicas
			if c.Name == "two" {
				return ownkinds.FormatClusters(p)
			}
		}
		if sum != 6 {
			return ownkinds.FormatClusters(p)
		}
		return ""
	})
	must[*v1alpha1.Cluster](t)(clusters.Patch(ctx, "two", types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{}))

	// A Placement that was deleted is made again.
	must[*appsv1.Deployment](t)(deployments.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 8}}`), metav1.PatchOptions{}, "scale"))
	p = f.placed(t, namespace, name, "one=2 three=6")
	if err := f.own.FederationV1alpha1().Placements(namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a new Placement", func() string {
		if f.placed(t, namespace, name, "one=2 three=6").UID == p.UID {
			return "it is the old one"
		}
		return ""
	})

	// The Placement goes when the workload is gone, not before.
	if err := deployments.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.own.FederationV1alpha1().Placements(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
		t.Errorf("the Placement goes before the workload: %v", err)
	}
	must[*appsv1.Deployment](t)(deployments.Patch(ctx, "web", types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{}))
	eventually(t, "the Placement is gone", func() string {
		if _, err := f.own.FederationV1alpha1().Placements(namespace).Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprint(err)
		}
		return ""
	})
}

// Services go where their Deployments go, Ingresses where their Services go, whatever comes first.
func TestFollowers(t *testing.T) {
	f, ctx := startFor(t, withScheduler), t.Context()
	namespace := f.namespace(t)
	for _, cluster := range []string{"east", "west", "eu"} {
		f.join(t, cluster, nil)
	}
	f.joined(t, namespace, "east", "west", "eu")
	web := samples["Ingress"]
	must[*unstructured.Unstructured](t)(f.dynamic.Resource(networkingv1.SchemeGroupVersion.WithResource("ingresses")).Namespace(namespace).Create(ctx,
		object(t, networkingv1.SchemeGroupVersion.WithKind("Ingress"), namespace, "web", web.manifest), metav1.CreateOptions{}))
	must[*corev1.Service](t)(f.kube.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{}))
	for _, name := range []string{"service-web", "ingress-web"} {
		if p := f.placed(t, namespace, name, "<none>"); p.Spec.Problem != v1alpha1.ReasonNoBackends || !strings.Contains(p.Spec.ProblemMessage, "no cluster runs a workload behind") {
			t.Errorf("%s: problem %q: %s", name, p.Spec.Problem, p.Spec.ProblemMessage)
		}
	}

	policies := f.own.FederationV1alpha1().PlacementPolicies(namespace)
	must[*v1alpha1.PlacementPolicy](t)(policies.Create(ctx, policy("web", weight("east", 1), weight("west", 1)), metav1.CreateOptions{}))
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Create(ctx, deployment("web", 4), metav1.CreateOptions{}))
	f.placed(t, namespace, "deployment-web", "east=2 west=2")
	f.placed(t, namespace, "service-web", "east west")
	f.placed(t, namespace, "ingress-web", "east west")

	must[*v1alpha1.PlacementPolicy](t)(policies.Update(ctx, replacing(t, policies, policy("web", weight("eu", 1))), metav1.UpdateOptions{}))
	f.placed(t, namespace, "deployment-web", "eu=4")
	f.placed(t, namespace, "service-web", "eu")
	f.placed(t, namespace, "ingress-web", "eu")

	// Scaled to nothing, the addresses stay.
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 0}}`), metav1.PatchOptions{}, "scale"))
	eventually(t, "scaled to nothing", func() string {
		p := must[*v1alpha1.Placement](t)(f.own.FederationV1alpha1().Placements(namespace).Get(ctx, "deployment-web", metav1.GetOptions{}))
		if len(p.Spec.Clusters) != 1 || *p.Spec.Clusters[0].Replicas != 0 {
			return fmt.Sprintf("%+v", p.Spec.Clusters)
		}
		return ""
	})
	f.placed(t, namespace, "service-web", "eu")

	// Another selector, no Deployment behind it any more: the addresses stay, and it is said.
	must[*corev1.Service](t)(f.kube.CoreV1().Services(namespace).Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"selector": {"app": "other"}}}`), metav1.PatchOptions{}))
	eventually(t, "the Service has no backend", func() string {
		p := f.placed(t, namespace, "service-web", "eu")
		if p.Spec.Problem != v1alpha1.ReasonNoBackends {
			return "problem is " + p.Spec.Problem
		}
		return ""
	})
	// No selector: everywhere.
	must[*corev1.Service](t)(f.kube.CoreV1().Services(namespace).Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"selector": null}}`), metav1.PatchOptions{}))
	f.placed(t, namespace, "service-web", "east eu west")
	f.placed(t, namespace, "ingress-web", "east eu west")
}

func replacing(t *testing.T, client interface {
	Get(context.Context, string, metav1.GetOptions) (*v1alpha1.PlacementPolicy, error)
}, p *v1alpha1.PlacementPolicy,
) *v1alpha1.PlacementPolicy {
	t.Helper()
	p.ResourceVersion = must[*v1alpha1.PlacementPolicy](t)(client.Get(t.Context(), p.Name, metav1.GetOptions{})).ResourceVersion
	return p
}
