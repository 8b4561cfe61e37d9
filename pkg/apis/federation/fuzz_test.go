// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"encoding/json"
	"os"
	"testing"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/kind"
)

// The seeds run with every go test; make fuzz looks for more.
func FuzzCluster(f *testing.F) {
	f.Add([]byte(`{"spec":{"server":"https://10.0.0.1:6443","credentialsSecret":{"namespace":"drover-system","name":"east"},
		"location":{"latitude":"33.8","longitude":"-84.4"},"taints":[{"key":"a/b","value":"c","effect":"NoExecute"}],"caBundle":"aGVsbG8="}}`))
	f.Add([]byte(`{"spec":{"server":"https://[::1","location":{"latitude":"NaN","longitude":"1e999"}}}`))
	fuzz(f, clusters)
}

func FuzzPlacementPolicy(f *testing.F) {
	example, err := os.ReadFile("../../../artifacts/examples/policy.yaml")
	if err != nil {
		f.Fatal(err)
	}
	if example, err = yaml.YAMLToJSON(example); err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(`{"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},"clusters":[{"name":"*","weight":2147483647,"minReplicas":1,"maxReplicas":2,"priority":-1}],
		"clusterAffinity":{"required":{"matchLabels":{"env":"prod"}},"preferred":[{"weight":-100,"selector":{}}]},"workloadAffinity":[{"workload":{"kind":"Deployment","name":"db"},"topology":"region","weight":100}],
		"spread":[{"topology":"region","minDomains":2}],"tolerations":[{"key":"a","operator":"Exists"}],"failover":{"after":"5m"},"rebalance":{"mode":"Never","maxMovesPerMinute":10},"move":{"maxSurge":"25%","maxUnavailable":0},
		"overrides":[{"clusters":["east"],"jsonPatch":[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"x"},{"op":"add","path":"/~0~1","value":{"a":[1,null]}}]}]}}`))
	f.Add([]byte(`{"spec":{"move":{"maxSurge":"-1%"},"failover":{"after":"-9223372036854775808ns"},"overrides":[{"jsonPatch":[{"op":"move","path":"","value":null},{"path":"a"}]}]}}`))
	fuzz(f, placementPolicies)
}

func FuzzPlacement(f *testing.F) {
	f.Add([]byte(`{"spec":{"workload":{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"1"},"revision":4,"policy":"web",
		"clusters":[{"name":"east","replicas":4,"target":6,"reason":"weight 2 of 3"}],"excluded":[{"name":"eu","reason":"taint upgrade=true:NoExecute"}]},
		"status":{"clusters":[{"name":"east","replicas":4,"addresses":["10.0.0.1"]}],"conditions":[{"type":"Scheduled","status":"True"}]}}`))
	fuzz(f, placements)
}

func FuzzTrafficPolicy(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"web"},"spec":{"target":{"kind":"Service","name":"web"},"mode":"Weighted","clusters":[{"name":"east","weight":95},{"name":"west","weight":5}],
		"ttlSeconds":20,"saturation":{"low":70,"high":90},"whenNoneHealthy":"LastKnown"}}`))
	f.Add([]byte(`{"spec":{"mode":"Nonsense","ttlSeconds":-1,"saturation":{"low":90,"high":70}}}`))
	fuzz(f, trafficPolicies)
}

func FuzzMigration(f *testing.F) {
	f.Add([]byte(`{"spec":{"from":"a","to":"b","namespaces":["shop"],"selector":{"matchLabels":{"app":"web"}},"steps":[{"weight":5,"soak":"2m"},{"weight":100,"approval":"Required"}],
		"gates":[{"name":"up","http":{"url":"https://example.com/healthz","status":200},"failureThreshold":3}],"onFailure":"Rollback","progressDeadline":"10m"}}`))
	f.Add([]byte(`{"spec":{"from":"a","to":"a","steps":[{"weight":-1},{"weight":101,"soak":"-1s"}],"gates":[{"name":"x","http":{"url":"http://[::1"}},{"name":"x"}],"approvedSteps":-1,"attempt":-1,"goal":"Nowhere"}}`))
	fuzz(f, migrations)
}

// fuzz brings whatever a client may send by the way of an object that is created, printed and updated. Nothing of it panics,
// and what is accepted is accepted in the form in which it is stored.
func fuzz(f *testing.F, k kind.Kind) {
	scheme := runtime.NewScheme()
	utilruntime.Must(AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	gvk := k.GroupVersionKind
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded, _, err := decoder.Decode(data, &gvk, nil)
		if err != nil {
			return
		}
		if _, own := decoded.(interface{ GetName() string }); !own || decoded.GetObjectKind().GroupVersionKind().Kind != k.Kind {
			return // a list, or a kind that the data name
		}
		scheme.Default(decoded)
		accepted := !refuses(k, decoded, nil)
		for _, column := range k.Columns {
			column.Value(decoded)
		}
		stored, err := json.Marshal(decoded)
		if err != nil {
			t.Fatalf("what was decoded cannot be stored: %v", err)
		}
		again := k.New()
		if err := json.Unmarshal(stored, again); err != nil {
			t.Fatalf("what is stored cannot be read: %v\n%s", err, stored)
		}
		if !accepted {
			return
		}
		if !apiequality.Semantic.DeepEqual(decoded, again) {
			t.Errorf("it is read otherwise than it was stored:\n%#v\n%#v", decoded, again)
		}
		if refuses(k, again, nil) || refuses(k, again, decoded) {
			t.Errorf("it was accepted, and is refused as it is stored:\n%s", stored)
		}
	})
}

// refuses checks an object as the registry does.
func refuses(k kind.Kind, obj, old runtime.Object) bool {
	if k.Warnings != nil {
		k.Warnings(obj, old)
	}
	return k.Validate != nil && len(k.Validate(obj, old)) > 0
}
