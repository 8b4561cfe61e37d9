// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/native"
	"drover.dev/drover/pkg/generated/informers/externalversions"
)

// Informers of the usual clients, with native kinds as protobuf, see what is there, what comes and what goes.
func TestInformers(t *testing.T) {
	f := api(t)
	config := rest.CopyConfig(f.config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf"
	nativeFactory := kubeinformers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	ownFactory := externalversions.NewSharedInformerFactory(f.own, 0)
	t.Cleanup(func() { nativeFactory.Shutdown(); ownFactory.Shutdown() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	isNative := map[string]bool{}
	for _, k := range native.Kinds() {
		isNative[k.Kind] = true
	}
	eachKind(t, func(t *testing.T, s subject) {
		s.create(t, "before")
		var informer cache.SharedIndexInformer
		if isNative[s.Kind.Kind] {
			generic, err := nativeFactory.ForResource(s.GroupVersionResource())
			if err != nil {
				t.Fatal(err)
			}
			informer = generic.Informer()
		} else {
			generic, err := ownFactory.ForResource(s.GroupVersionResource())
			if err != nil {
				t.Fatal(err)
			}
			informer = generic.Informer()
		}
		nativeFactory.Start(ctx.Done())
		ownFactory.Start(ctx.Done())
		if !cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
			t.Fatal("the informer does not sync")
		}
		label := func(name string) (string, bool) {
			obj, found, err := informer.GetStore().GetByKey(cache.NewObjectName(s.scope(), name).String())
			if err != nil || !found {
				return "", false
			}
			m, err := meta.Accessor(obj)
			if err != nil {
				t.Fatal(err)
			}
			return m.GetLabels()["seen"], true
		}
		if _, found := label("before"); !found {
			t.Error("it does not see what was there")
		}
		s.create(t, "after")
		if _, err := s.client().Patch(t.Context(), "after", types.MergePatchType, []byte(`{"metadata": {"labels": {"seen": "yes"}}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "see what came, and its change", func() string {
			if value, found := label("after"); !found || value != "yes" {
				return "label is " + value
			}
			return ""
		})
		if err := s.client().Delete(t.Context(), "after", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(s.Finalizers) > 0 || s.Kind.Kind == "Namespace" {
			s.letGo(t, "after")
		}
		eventually(t, "see that it went", func() string {
			if _, found := label("after"); found {
				return "it is still there"
			}
			return ""
		})
	})
}
