// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/openapi"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/native"
)

// definitions of OpenAPI, by what they are the schema of.
type definition struct {
	Description string `json:"description"`
	Kinds       []struct {
		Group, Version, Kind string
	} `json:"x-kubernetes-group-version-kind"`
	Properties map[string]any `json:"properties"`
}

func expectKinds(t *testing.T, definitions map[string]definition) {
	t.Helper()
	described := sets.New[schema.GroupVersionKind]()
	for name, d := range definitions {
		for _, k := range d.Kinds {
			described.Insert(schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind})
		}
		if len(d.Kinds) > 0 && d.Description == "" {
			t.Errorf("%s has no description: kubectl explain says nothing", name)
		}
	}
	for _, k := range append(native.Kinds(), ownkinds.Kinds()...) {
		if !described.Has(k.GroupVersionKind) {
			t.Errorf("%s is not described", k.GroupVersionKind)
		}
	}
}

func TestOpenAPIV2(t *testing.T) {
	body, err := rawClient(t, api(t).config).Get().AbsPath("/openapi/v2").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Info        struct{ Title string }
		Definitions map[string]definition
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	if document.Info.Title != "Drover" {
		t.Errorf("title is %q", document.Info.Title)
	}
	expectKinds(t, document.Definitions)
}

func TestOpenAPIV3(t *testing.T) {
	client := discovery.NewDiscoveryClientForConfigOrDie(api(t).config)
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]definition{}
	for _, gv := range append(slices.Clone(native.GroupVersions), schema.GroupVersion{Group: "federation.drover.dev", Version: "v1alpha1"}) {
		path := "apis/" + gv.String()
		if gv.Group == "" {
			path = "api/" + gv.Version
		}
		if gv == autoscalingv1.SchemeGroupVersion {
			continue // Scale is served as a subresource of others
		}
		var group openapi.GroupVersion = paths[path]
		if group == nil {
			t.Errorf("%s is not there", path)
			continue
		}
		body, err := group.Schema("application/json")
		if err != nil {
			t.Error(err)
			continue
		}
		var document struct {
			Components struct{ Schemas map[string]definition }
		}
		if err := json.Unmarshal(body, &document); err != nil {
			t.Error(err)
		}
		for name, d := range document.Components.Schemas {
			all[name] = d
		}
	}
	expectKinds(t, all)
}

// ours is how the names of the schemas of Drover's own types begin, in OpenAPI.
const ours = "dev.drover."

// Every field of Drover's own kinds is explained, and of a field that takes a few words alone these are told.
func TestOwnFieldsAreExplained(t *testing.T) {
	client := discovery.NewDiscoveryClientForConfigOrDie(api(t).config)
	paths := must[map[string]openapi.GroupVersion](t)(client.OpenAPIV3().Paths())
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Description string
				Properties  map[string]struct {
					Description string
					Enum        []string
					Items       struct{ Enum []string }
				}
			}
		}
	}
	if err := json.Unmarshal(must[[]byte](t)(paths["apis/federation.drover.dev/v1alpha1"].Schema("application/json")), &document); err != nil {
		t.Fatal(err)
	}
	fields, choices := 0, map[string]string{}
	for name, schema := range document.Components.Schemas {
		if !strings.HasPrefix(name, ours) {
			continue
		}
		if schema.Description == "" {
			t.Errorf("%s is not explained", name)
		}
		for property, p := range schema.Properties {
			fields++
			if p.Description == "" {
				t.Errorf("%s.%s is not explained", name, property)
			}
			if enum := slices.Concat(p.Enum, p.Items.Enum); len(enum) > 0 {
				choices[name[strings.LastIndex(name, ".")+1:]+"."+property] = strings.Join(enum, " ")
			}
		}
	}
	if fields < 150 {
		t.Errorf("only %d fields are seen", fields)
	}
	want := map[string]string{
		"TrafficPolicySpec.mode": "Failover Geo Weighted", "TrafficPolicySpec.whenNoneHealthy": "LastKnown NoData",
		"PlacementPolicySpec.conflict": "Adopt Fail", "PlacementPolicySpec.division": "Divide Whole", "PlacementSpec.conflict": "Adopt Fail",
		"Rebalance.mode": "Automatic Never OnChange", "WorkloadAffinity.topology": "cluster continent region zone",
		"Taint.effect": "NoExecute NoSchedule", "Toleration.effect": "NoExecute NoSchedule", "Toleration.operator": "Equal Exists",
		"MigrationSpec.goal": "Finish Move Rollback", "MigrationSpec.onFailure": "Pause Rollback", "MigrationStep.approval": "NotRequired Required",
		"MigrationStatus.phase": "Failed Finished Finishing Moved Moving Paused Refused RolledBack RollingBack Soaking WaitingForApproval",
	}
	for field, words := range want {
		if choices[field] != words {
			t.Errorf("%s takes %q, want %q; all: %v", field, choices[field], words, choices)
		}
	}
}

// Discovery is what kubectl reads short names, categories and verbs from.
func TestDiscovery(t *testing.T) {
	client := discovery.NewDiscoveryClientForConfigOrDie(api(t).config)
	for _, k := range append(native.Kinds(), ownkinds.Kinds()...) {
		list, err := client.ServerResourcesForGroupVersion(k.GroupVersion().String())
		if err != nil {
			t.Fatal(err)
		}
		served := sets.New[string]()
		for _, r := range list.APIResources {
			served.Insert(r.Name)
			if r.Name != k.Resource {
				continue
			}
			if r.Kind != k.Kind || r.SingularName != k.Singular || r.Namespaced != k.Namespaced || !slices.Equal(r.ShortNames, k.ShortNames) || !slices.Equal(r.Categories, k.Categories) {
				t.Errorf("%s is announced as %+v", k.Resource, r)
			}
			want := []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
			if k.Kind == "Namespace" {
				want = slices.DeleteFunc(want, func(verb string) bool { return verb == "deletecollection" })
			}
			if !slices.Equal(r.Verbs, want) {
				t.Errorf("%s can be asked to %v, want %v", k.Resource, r.Verbs, want)
			}
			if r.StorageVersionHash == "" {
				t.Errorf("%s has no storage version hash", k.Resource)
			}
		}
		for name, want := range map[string]bool{k.Resource: true, k.Resource + "/status": k.Status != nil, k.Resource + "/scale": k.Scale != nil} {
			if served.Has(name) != want {
				t.Errorf("%s is served: %v, want %v", name, served.Has(name), want)
			}
		}
	}
}
