// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placementreview_test

import (
	"context"
	"errors"
	"os"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/native"
	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/registry/placementreview"
)

// listed is a store with what is in a list, of which nothing has the name that is asked for.
type listed struct {
	rest.Lister
	list runtime.Object
}

func (l listed) List(context.Context, *metainternalversion.ListOptions) (runtime.Object, error) {
	return l.list, nil
}

func (l listed) Get(_ context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{}, name)
}

func ready(name string) v1alpha1.Cluster {
	return v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "1", Generation: 1},
		Status:     v1alpha1.ClusterStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}},
	}
}

// Whatever is asked is answered, or refused as the client's fault. Of what is placed, every replica is accounted for.
func FuzzPlacementReview(f *testing.F) {
	example, err := os.ReadFile("../../../artifacts/examples/policy.yaml")
	if err != nil {
		f.Fatal(err)
	}
	if example, err = yaml.YAMLToJSON(example); err != nil {
		f.Fatal(err)
	}
	const workloadOf = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"app":"web"}},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web","resources":{"requests":{"cpu":"1"}}}]}}}}`
	f.Add([]byte(`{"spec":{"workload":` + workloadOf + `,"without":["east"],"policies":[` + string(example) + `]}}`))
	f.Add([]byte(`{"spec":{"workload":` + workloadOf + `,"policies":[{"apiVersion":"federation.drover.dev/v1alpha1","kind":"PlacementPolicy","metadata":{"name":"web"},"spec":{"clusters":[{"name":"east","weight":2147483647,"minReplicas":1,"maxReplicas":1},{"name":"*","weight":0}],"spread":[{"topology":"region","minDomains":2}]}}]}}`))
	f.Add([]byte(`{"spec":{"workload":{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"web"}}}}`))
	f.Add([]byte(`{"spec":{"workload":null,"policies":[null,7,{}]}}`))

	workloads := map[*workload.Kind]placementreview.Store{}
	for _, k := range workload.Kinds {
		workloads[k] = listed{}
	}
	review := placementreview.New(placementreview.Options{
		Stores: placementreview.Stores{
			Clusters: listed{list: &v1alpha1.ClusterList{Items: []v1alpha1.Cluster{ready("east"), ready("west")}}}, Policies: listed{list: &v1alpha1.PlacementPolicyList{}},
			Autoscalers: listed{list: &autoscalingv2.HorizontalPodAutoscalerList{}}, Migrations: listed{list: &v1alpha1.MigrationList{}},
			Placements: listed{}, Workloads: workloads,
		},
		Scheme: apiserver.Scheme, Kinds: append(native.Kinds(), ownkinds.Kinds()...),
		Decoder: serializer.NewCodecFactory(apiserver.Scheme, serializer.EnableStrict).UniversalDeserializer(),
	})
	decoder, gvk := apiserver.Codecs.UniversalDeserializer(), v1alpha1.SchemeGroupVersion.WithKind("PlacementReview")
	f.Fuzz(func(t *testing.T, data []byte) {
		asked, _, err := decoder.Decode(data, &gvk, nil)
		if err != nil {
			return
		}
		answer, err := review.Create(request.WithNamespace(t.Context(), "default"), asked, nil, &metav1.CreateOptions{})
		if err != nil {
			var status apierrors.APIStatus
			if !errors.As(err, &status) || status.Status().Code >= 500 {
				t.Errorf("it is refused as the server's fault: %v", err)
			}
			return
		}
		placed := answer.(*v1alpha1.PlacementReview).Status.Placement
		sum := int64(placed.Unplaced)
		for _, c := range placed.Clusters {
			sum += int64(ptr.Deref(c.Replicas, 0))
		}
		if want := int64(ptr.Deref(placed.Replicas, 0)); placed.Problem == "" && want != sum && want > 0 {
			t.Errorf("of %d replicas %d are accounted for: %+v", want, sum, placed)
		}
	})
}
