// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver is the federation's API server: it opens a door for each kind of the tables, keeps what comes in
// by them in etcd, and knows nothing of clusters.
package apiserver

import (
	"context"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"drover.dev/drover/pkg/access/accounts"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/registry"
	"drover.dev/drover/pkg/registry/migration"
	"drover.dev/drover/pkg/registry/namespace"
	"drover.dev/drover/pkg/registry/placementpolicy"
	"drover.dev/drover/pkg/registry/placementreview"
	"drover.dev/drover/pkg/registry/rbac"
	"drover.dev/drover/pkg/registry/reviews"
	"drover.dev/drover/pkg/registry/serviceaccount"
)

const (
	// shutdownTimeout is how long connections may take to close when the server stops.
	shutdownTimeout = 2 * time.Second
	// watchGrace is how long watches are given to end before that.
	watchGrace = 2 * time.Second
)

// Server is the API server, ready to run.
type Server struct {
	*genericapiserver.GenericAPIServer
}

// Config is what the server is made of.
type Config struct {
	Generic *genericapiserver.RecommendedConfig
	// Tokens of ServiceAccounts.
	Tokens *accounts.Tokens
	// Identities know the federation's own users. TokenReviews tell of no others: who asks would take them for these.
	Identities authenticator.Request
}

type completedConfig struct {
	generic    genericapiserver.CompletedConfig
	tokens     *accounts.Tokens
	identities authenticator.Request
}

// CompletedConfig can only be made by Config.Complete.
type CompletedConfig struct {
	*completedConfig
}

// Complete fills in what the configuration leaves open.
func (c *Config) Complete() CompletedConfig {
	return CompletedConfig{&completedConfig{generic: c.Generic.Complete(), tokens: c.Tokens, identities: c.Identities}}
}

// storages of a group version, by path: "deployments", "deployments/status".
type storages map[string]rest.Storage

// withoutProtobuf does not offer an encoding that Drover's own types do not have.
type withoutProtobuf struct{ runtime.NegotiatedSerializer }

func (s withoutProtobuf) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(s.NegotiatedSerializer.SupportedMediaTypes()), func(i runtime.SerializerInfo) bool {
		return i.MediaType == runtime.ContentTypeProtobuf
	})
}

// New makes the server and opens its doors.
func (c CompletedConfig) New() (*Server, error) {
	generic, err := c.generic.New("drover-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	generic.ShutdownTimeout = shutdownTimeout
	storage, err := c.storage()
	if err != nil {
		return nil, err
	}
	for _, group := range groups() {
		if err := install(generic, group, storage); err != nil {
			return nil, fmt.Errorf("install API group %q: %w", group, err)
		}
	}
	serveNoCustomResources(generic)
	generic.AddPostStartHookOrDie("drover-system-namespaces", unlessStopped(ensureSystemNamespaces))
	return &Server{GenericAPIServer: generic}, nil
}

// install opens the door of a group, for those of its versions in which there is something.
func install(generic *genericapiserver.GenericAPIServer, group string, storage map[schema.GroupVersion]storages) error {
	info := genericapiserver.NewDefaultAPIGroupInfo(group, Scheme, metav1.ParameterCodec, Codecs)
	info.PrioritizedVersions = slices.DeleteFunc(versionsOf(group), func(gv schema.GroupVersion) bool { return len(storage[gv]) == 0 })
	for _, gv := range info.PrioritizedVersions {
		info.VersionedResourcesStorageMap[gv.Version] = storage[gv]
	}
	switch group {
	case corev1.GroupName:
		return generic.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, &info)
	case v1alpha1.GroupName:
		info.NegotiatedSerializer = withoutProtobuf{Codecs}
	}
	for i, gv := range groupVersions { // the first is what kubectl takes, of a kind with several doors
		if gv.Group == group {
			generic.AggregatedDiscoveryGroupManager.SetGroupVersionPriority(metav1.GroupVersion{Group: gv.Group, Version: gv.Version}, len(groupVersions)-i, len(groupVersions)-i)
		}
	}
	return generic.InstallAPIGroup(&info)
}

// storage makes the storages of every group version, one store for each row of the tables.
func (c CompletedConfig) storage() (map[schema.GroupVersion]storages, error) {
	served := map[schema.GroupVersion]storages{
		authorizationv1.SchemeGroupVersion: {
			"selfsubjectaccessreviews":  reviews.SelfSubjectAccess(c.generic.Authorization.Authorizer),
			"selfsubjectrulesreviews":   reviews.SelfSubjectRules(c.generic.RuleResolver),
			"subjectaccessreviews":      reviews.SubjectAccess(c.generic.Authorization.Authorizer),
			"localsubjectaccessreviews": reviews.LocalSubjectAccess(c.generic.Authorization.Authorizer),
		},
		authenticationv1.SchemeGroupVersion: {
			"selfsubjectreviews": reviews.SelfSubject(),
			"tokenreviews":       reviews.Token(c.identities),
		},
	}
	var placements *registry.REST
	options := registry.Options{
		Typer:       Scheme,
		RESTOptions: c.generic.RESTOptionsGetter,
		Placements: func(ctx context.Context, namespace, name string) *v1alpha1.Placement {
			obj, err := placements.Get(request.WithNamespace(ctx, namespace), name, &metav1.GetOptions{ResourceVersion: "0"})
			if err != nil {
				return nil
			}
			return obj.(*v1alpha1.Placement)
		},
	}
	for _, gv := range groupVersions {
		if served[gv] == nil {
			served[gv] = storages{}
		}
	}
	plain := map[string]*registry.REST{}
	for _, k := range kinds {
		own := served[k.GroupVersion()]
		if k.Group == corev1.GroupName && k.Kind == "Namespace" {
			main, status, finalize, err := namespace.New(k, options)
			if err != nil {
				return nil, err
			}
			own["namespaces"], own["namespaces/status"], own["namespaces/finalize"] = main, status, finalize
			continue
		}
		main, err := registry.New(k, options)
		if err != nil {
			return nil, err
		}
		own.add(k, main)
		for _, door := range k.Doors {
			served[door.GroupVersion].add(k, main.Door(door))
		}
		plain[k.Kind] = main
	}
	placements = plain["Placement"]
	addPlanning(served[v1alpha1.SchemeGroupVersion], plain)
	served[corev1.SchemeGroupVersion]["serviceaccounts/token"] = serviceaccount.NewToken(plain["ServiceAccount"], c.tokens.Issue)
	guarded := rbac.Stores{
		Roles: plain["Role"], RoleBindings: plain["RoleBinding"], ClusterRoles: plain["ClusterRole"], ClusterRoleBindings: plain["ClusterRoleBinding"],
	}
	for resource, storage := range rbac.New(guarded, c.generic.Authorization.Authorizer) {
		served[rbacv1.SchemeGroupVersion][resource] = storage
	}
	return served, nil
}

// addPlanning serves what answers where workloads would be placed.
func addPlanning(own storages, plain map[string]*registry.REST) {
	stores := placementreview.Stores{
		Clusters: plain["Cluster"], Policies: plain["PlacementPolicy"], Placements: plain["Placement"], Migrations: plain["Migration"],
		Autoscalers: plain[workload.HorizontalPodAutoscaler.Kind], Workloads: map[*workload.Kind]placementreview.Store{},
	}
	for _, k := range workload.Kinds {
		if k.Placed() {
			stores.Workloads[k] = plain[k.Kind]
		}
	}
	own["placementreviews"] = placementreview.New(placementreview.Options{
		Stores: stores, Scheme: Scheme, Kinds: kinds, Decoder: serializer.NewCodecFactory(Scheme, serializer.EnableStrict).UniversalDeserializer(),
	})
	own["migrations"] = migration.New(plain["Migration"])
	own["placementpolicies"] = placementpolicy.New(plain["PlacementPolicy"], stores)
}

// add serves a kind, and the subresources it has.
func (s storages) add(k kind.Kind, main *registry.REST) {
	s[k.Resource] = main
	if k.Status != nil {
		s[k.Resource+"/status"] = main.Status()
	}
	if k.Scale != nil {
		s[k.Resource+"/scale"] = main.Scale()
	}
}
