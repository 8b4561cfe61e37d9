// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapifilters "k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericfilters "k8s.io/apiserver/pkg/server/filters"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/apiserver/pkg/server/routine"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/util/compatibility"
	restclient "k8s.io/client-go/rest"

	"drover.dev/drover/pkg/registry"
	"drover.dev/drover/pkg/registry/namespace"
	"drover.dev/drover/pkg/registry/reviews"
	"drover.dev/drover/test/fleet/memory"
)

// server is the one API server of all clusters. Whose objects a request is about is in its context.
type server struct {
	generic *genericapiserver.GenericAPIServer
	// stores by resource, but for namespaces.
	stores     map[string]*registry.REST
	namespaces *namespace.REST
	finalize   *registry.SubresourceREST
}

// groupVersions are served in this order, one of each group.
var groupVersions = []schema.GroupVersion{
	corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, batchv1.SchemeGroupVersion, autoscalingv2.SchemeGroupVersion,
	policyv1.SchemeGroupVersion, networkingv1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion, rbacv1.SchemeGroupVersion,
	authorizationv1.SchemeGroupVersion,
}

func newServer() (*server, error) {
	config := newConfig()
	generic, err := config.Complete(nil).New("fleet", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	s := &server{generic: generic, stores: map[string]*registry.REST{}}
	groups, err := s.storages(config)
	if err != nil {
		return nil, err
	}
	for _, gv := range groupVersions {
		info := genericapiserver.NewDefaultAPIGroupInfo(gv.Group, scheme, metav1.ParameterCodec, codecs)
		info.VersionedResourcesStorageMap[gv.Version] = groups[gv.Group]
		if gv.Group == corev1.GroupName {
			err = generic.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, &info)
		} else {
			err = generic.InstallAPIGroup(&info)
		}
		if err != nil {
			return nil, fmt.Errorf("install API group %q: %w", gv.Group, err)
		}
	}
	generic.PrepareRun()
	return s, nil
}

// newConfig leaves out of an API server what would run in the background, or limit all clusters together.
func newConfig() *genericapiserver.Config {
	config := genericapiserver.NewConfig(codecs)
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openAPIDefinitions, openapi.NewDefinitionNamer(openAPIScheme))
	config.SkipOpenAPIInstallation = true
	config.ExternalAddress = "127.0.0.1:443" // each cluster has its own; this one is shown nowhere
	config.LoopbackClientConfig = &restclient.Config{}
	config.RESTOptionsGetter = inMemory{}
	config.AdmissionControl = namespaceLifecycle{}
	config.Authentication.Authenticator = bearertoken.New(authenticator.TokenFunc(authenticate))
	config.Authorization.Authorizer = authorizer.AuthorizerFunc(authorize)
	config.BuildHandlerChainFunc = handlerChain
	config.StorageObjectCountTracker = nil
	config.EnableProfiling, config.EnableMetrics, config.EnableIndex = false, false, false
	config.DisabledPostStartHooks = sets.NewString("max-in-flight-filter")
	ping := []healthz.HealthChecker{healthz.PingHealthz}
	config.HealthzChecks, config.LivezChecks, config.ReadyzChecks = ping, ping, ping
	return config
}

// handlerChain is what of the usual chain a client can tell the absence of. Each watch keeps a stack of it.
func handlerChain(handler http.Handler, c *genericapiserver.Config) http.Handler {
	handler = genericapifilters.WithAuthorization(handler, c.Authorization.Authorizer, c.Serializer)
	handler = genericapifilters.WithAuthentication(handler, c.Authentication.Authenticator, genericapifilters.Unauthorized(c.Serializer), nil, nil)
	handler = genericapifilters.WithWarningRecorder(handler)
	handler = genericapifilters.WithRequestDeadline(handler, nil, nil, c.LongRunningFunc, c.Serializer, c.RequestTimeout)
	handler = genericapifilters.WithCacheControl(handler)
	handler = routine.WithRoutine(handler, c.LongRunningFunc)
	handler = genericapifilters.WithRequestInfo(handler, c.RequestInfoResolver)
	handler = genericapifilters.WithRequestReceivedTimestamp(handler)
	handler = genericfilters.WithPanicRecovery(handler, c.RequestInfoResolver)
	return genericapifilters.WithAuditInit(handler)
}

// inMemory says where resources are stored.
type inMemory struct{}

func (inMemory) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	config := (&storagebackend.Config{Codec: codecs.LegacyCodec(groupVersions...)}).ForResource(resource)
	config.EncodeVersioner = groupVersions[slices.IndexFunc(groupVersions, func(gv schema.GroupVersion) bool { return gv.Group == resource.Group })]
	return generic.RESTOptions{
		StorageConfig: config, Decorator: memory.Decorate, ResourcePrefix: resource.Resource,
		EnableGarbageCollection: true, DeleteCollectionWorkers: 1,
	}, nil
}

// storages makes the storages of each group, by path.
func (s *server) storages(config *genericapiserver.Config) (map[string]map[string]rest.Storage, error) {
	groups := map[string]map[string]rest.Storage{}
	for _, gv := range groupVersions {
		groups[gv.Group] = map[string]rest.Storage{}
	}
	options := registry.Options{Typer: scheme, RESTOptions: config.RESTOptionsGetter}
	for _, k := range kinds {
		group := groups[k.Group]
		if k.Kind == "Namespace" {
			main, status, finalize, err := namespace.New(k, options)
			if err != nil {
				return nil, err
			}
			group["namespaces"], group["namespaces/status"], group["namespaces/finalize"] = main, status, finalize
			s.namespaces, s.finalize = main, finalize
			continue
		}
		main, err := registry.New(k, options)
		if err != nil {
			return nil, err
		}
		main.DeleteStrategy = collected{main.DeleteStrategy}
		s.stores[k.Resource] = main
		group[k.Resource] = main
		if k.Status != nil {
			group[k.Resource+"/status"] = main.Status()
		}
		if k.Scale != nil {
			group[k.Resource+"/scale"] = main.Scale()
		}
	}
	groups[corev1.GroupName]["serviceaccounts/token"] = &tokenREST{accounts: s.stores["serviceaccounts"]}
	groups[authorizationv1.GroupName]["selfsubjectaccessreviews"] = reviews.SelfSubjectAccess(config.Authorization.Authorizer)
	return groups, nil
}

// collected deletes as a cluster with a garbage collector does: a client's wish for the dependents becomes a finalizer.
type collected struct{ rest.RESTDeleteStrategy }

var _ rest.GarbageCollectionDeleteStrategy = collected{}

// DefaultGarbageCollectionPolicy deletes dependents after their owner.
func (collected) DefaultGarbageCollectionPolicy(context.Context) rest.GarbageCollectionPolicy {
	return rest.DeleteDependents
}
