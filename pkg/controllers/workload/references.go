// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"

	"drover.dev/drover/pkg/members"
)

// Reference names an object of the same namespace that another one needs.
type Reference struct {
	Resource schema.GroupVersionResource
	Name     string
}

// defaultServiceAccount is in every namespace of every cluster already.
const defaultServiceAccount = "default"

// References are the ConfigMaps, Secrets and ServiceAccounts that an object cannot run without.
func References(obj any) sets.Set[Reference] {
	refs := references{}
	if kind := KindOf(obj); kind != nil && kind.Template != nil && !kind.isUnplaced(obj.(Object)) {
		refs.podSpec(&kind.Template(obj.(Object)).Spec)
	}
	switch o := obj.(type) {
	case *networkingv1.Ingress:
		for _, tls := range o.Spec.TLS {
			refs.add(members.Secrets, tls.SecretName)
		}
	case *corev1.ServiceAccount:
		for _, secret := range o.Secrets {
			refs.add(members.Secrets, secret.Name)
		}
		refs.pullSecrets(o.ImagePullSecrets)
	}
	return sets.Set[Reference](refs)
}

type references sets.Set[Reference]

func (r references) add(resource schema.GroupVersionResource, name string) {
	if name != "" {
		sets.Set[Reference](r).Insert(Reference{Resource: resource, Name: name})
	}
}

func (r references) podSpec(spec *corev1.PodSpec) {
	if spec.ServiceAccountName != defaultServiceAccount {
		r.add(members.ServiceAccounts, spec.ServiceAccountName)
	}
	r.pullSecrets(spec.ImagePullSecrets)
	for i := range spec.Volumes {
		r.volume(&spec.Volumes[i].VolumeSource)
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			r.container(&containers[i])
		}
	}
}

func (r references) pullSecrets(list []corev1.LocalObjectReference) {
	for _, secret := range list {
		r.add(members.Secrets, secret.Name)
	}
}

func (r references) container(c *corev1.Container) {
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			r.add(members.ConfigMaps, from.ConfigMapRef.Name)
		}
		if from.SecretRef != nil {
			r.add(members.Secrets, from.SecretRef.Name)
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom == nil {
			continue
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
			r.add(members.ConfigMaps, ref.Name)
		}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil {
			r.add(members.Secrets, ref.Name)
		}
	}
}

func (r references) volume(v *corev1.VolumeSource) {
	if v.ConfigMap != nil {
		r.add(members.ConfigMaps, v.ConfigMap.Name)
	}
	if v.Secret != nil {
		r.add(members.Secrets, v.Secret.SecretName)
	}
	for _, secret := range volumeSecrets(v) {
		if secret != nil {
			r.add(members.Secrets, secret.Name)
		}
	}
	if v.AzureFile != nil {
		r.add(members.Secrets, v.AzureFile.SecretName)
	}
	if v.Projected == nil {
		return
	}
	for _, source := range v.Projected.Sources {
		if source.ConfigMap != nil {
			r.add(members.ConfigMaps, source.ConfigMap.Name)
		}
		if source.Secret != nil {
			r.add(members.Secrets, source.Secret.Name)
		}
	}
}

// volumeSecrets are the Secrets that kinds of storage log in with.
func volumeSecrets(v *corev1.VolumeSource) (refs []*corev1.LocalObjectReference) {
	if v.CSI != nil {
		refs = append(refs, v.CSI.NodePublishSecretRef)
	}
	if v.ISCSI != nil {
		refs = append(refs, v.ISCSI.SecretRef)
	}
	if v.RBD != nil {
		refs = append(refs, v.RBD.SecretRef)
	}
	if v.FlexVolume != nil {
		refs = append(refs, v.FlexVolume.SecretRef)
	}
	if v.Cinder != nil {
		refs = append(refs, v.Cinder.SecretRef)
	}
	if v.CephFS != nil {
		refs = append(refs, v.CephFS.SecretRef)
	}
	if v.ScaleIO != nil {
		refs = append(refs, v.ScaleIO.SecretRef)
	}
	if v.StorageOS != nil {
		refs = append(refs, v.StorageOS.SecretRef)
	}
	return refs
}
