// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
)

// maxConfigSize is the most bytes a ConfigMap or Secret may hold, as in Kubernetes.
const maxConfigSize = 1 << 20

var configMaps = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "ConfigMap", "configmaps", "configmap", "cm")
	k.New = func() runtime.Object { return &corev1.ConfigMap{} }
	k.NewList = func() runtime.Object { return &corev1.ConfigMapList{} }
	k.Validate = kind.OfBoth(validateConfigMap)
	k.Columns = []kind.Column{
		{Name: "Data", Type: "string", Description: "Number of keys.", Value: kind.Of(func(c *corev1.ConfigMap) any {
			return int64(len(c.Data) + len(c.BinaryData))
		})},
	}
	return k
}()

var secrets = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "Secret", "secrets", "secret")
	k.New = func() runtime.Object { return &corev1.Secret{} }
	k.NewList = func() runtime.Object { return &corev1.SecretList{} }
	k.Prepare = func(obj, _ runtime.Object) { foldStringData(obj.(*corev1.Secret)) }
	k.Default = kind.On(setSecretDefaults)
	k.Validate = kind.OfBoth(validateSecret)
	k.Fields = kind.Of(func(s *corev1.Secret) fields.Set { return fields.Set{"type": string(s.Type)} })
	k.Columns = []kind.Column{
		{Name: "Type", Type: "string", Description: "Kind of secret.", Value: kind.Of(func(s *corev1.Secret) any { return string(s.Type) })},
		{Name: "Data", Type: "string", Description: "Number of keys.", Value: kind.Of(func(s *corev1.Secret) any { return int64(len(s.Data)) })},
	}
	return k
}()

var serviceAccounts = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "ServiceAccount", "serviceaccounts", "serviceaccount", "sa")
	k.New = func() runtime.Object { return &corev1.ServiceAccount{} }
	k.NewList = func() runtime.Object { return &corev1.ServiceAccountList{} }
	return k
}()

func validateConfigMap(c, old *corev1.ConfigMap) field.ErrorList {
	data, binary := field.NewPath("data"), field.NewPath("binaryData")
	var errs field.ErrorList
	size := 0
	for key, value := range c.Data {
		errs = append(errs, validateConfigKey(key, data)...)
		if _, both := c.BinaryData[key]; both {
			errs = append(errs, field.Invalid(data.Key(key), key, "duplicate of key present in binaryData"))
		}
		size += len(value)
	}
	for key, value := range c.BinaryData {
		errs = append(errs, validateConfigKey(key, binary)...)
		size += len(value)
	}
	if size > maxConfigSize {
		errs = append(errs, field.TooLong(field.NewPath(""), "", maxConfigSize))
	}
	if old == nil || !ptr.Deref(old.Immutable, false) {
		return errs
	}
	if !ptr.Deref(c.Immutable, false) {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), "field is immutable when `immutable` is set"))
	}
	if !apiequality.Semantic.DeepEqual(c.Data, old.Data) {
		errs = append(errs, field.Forbidden(data, "field is immutable when `immutable` is set"))
	}
	if !apiequality.Semantic.DeepEqual(c.BinaryData, old.BinaryData) {
		errs = append(errs, field.Forbidden(binary, "field is immutable when `immutable` is set"))
	}
	return errs
}

func setSecretDefaults(s *corev1.Secret) {
	if s.Type == "" {
		s.Type = corev1.SecretTypeOpaque
	}
}

// foldStringData moves the write-only stringData into data, where it wins over an equal key.
func foldStringData(s *corev1.Secret) {
	if len(s.StringData) > 0 && s.Data == nil {
		s.Data = make(map[string][]byte, len(s.StringData))
	}
	for key, value := range s.StringData {
		s.Data[key] = []byte(value)
	}
	s.StringData = nil
}

// requiredSecretKeys are the keys that secrets of a well-known type must have.
var requiredSecretKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeDockercfg:        {corev1.DockerConfigKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
}

func validateSecret(s, old *corev1.Secret) field.ErrorList {
	data := field.NewPath("data")
	var errs field.ErrorList
	size := 0
	for key, value := range s.Data {
		errs = append(errs, validateConfigKey(key, data)...)
		size += len(value)
	}
	if size > maxConfigSize {
		errs = append(errs, field.TooLong(data, "", maxConfigSize))
	}
	for _, key := range requiredSecretKeys[s.Type] {
		if _, ok := s.Data[key]; !ok {
			errs = append(errs, field.Required(data.Key(key), ""))
		}
	}
	if old == nil {
		return errs
	}
	errs = append(errs, apivalidation.ValidateImmutableField(s.Type, old.Type, field.NewPath("type"))...)
	if !ptr.Deref(old.Immutable, false) {
		return errs
	}
	if !ptr.Deref(s.Immutable, false) {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), "field is immutable when `immutable` is set"))
	}
	if !apiequality.Semantic.DeepEqual(s.Data, old.Data) {
		errs = append(errs, field.Forbidden(data, "field is immutable when `immutable` is set"))
	}
	return errs
}

func validateConfigKey(key string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsConfigMapKey(key) {
		errs = append(errs, field.Invalid(path.Key(key), key, msg))
	}
	return errs
}
