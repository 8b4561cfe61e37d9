// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// TokenLifetime is how long a token for a member is asked to be valid. The member may grant less.
const TokenLifetime = 30 * 24 * time.Hour

// Marks are the annotations Drover puts on what it manages, besides the label v1alpha1.LabelManaged.
var Marks = []string{v1alpha1.AnnotationFederation, v1alpha1.AnnotationSourceUID, v1alpha1.AnnotationSourceGeneration, v1alpha1.AnnotationTemplateHash, v1alpha1.AnnotationDigest}

// Release takes Drover's marks off an object, and lets go of its fields. The object itself stays as it is.
// The metadata must be whole, as the member returned it.
func (m *Member) Release(ctx context.Context, resource schema.GroupVersionResource, obj *metav1.PartialObjectMetadata) error {
	annotations := map[string]any{}
	for _, mark := range Marks {
		annotations[mark] = nil
	}
	fields := []metav1.ManagedFieldsEntry{}
	for _, e := range obj.ManagedFields {
		if e.Manager != v1alpha1.FieldManager {
			fields = append(fields, e)
		}
	}
	if len(fields) == 0 {
		fields = append(fields, metav1.ManagedFieldsEntry{}) // one empty entry means none; an empty list means no change
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"labels": map[string]any{v1alpha1.LabelManaged: nil}, "annotations": annotations,
		"managedFields": fields, "uid": obj.UID, "resourceVersion": obj.ResourceVersion,
	}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	_, err = m.Metadata.Resource(resource).Namespace(obj.Namespace).Patch(ctx, obj.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// ReleaseReplicas lets go of spec.replicas of an object, which stay what they are, and returns the object as it is then.
// A field that is merely no longer applied would be removed.
func (m *Member) ReleaseReplicas(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	objects := m.Metadata.Resource(resource).Namespace(namespace)
	obj, err := objects.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	kept := []metav1.ManagedFieldsEntry{}
	for _, e := range obj.ManagedFields {
		if e.Manager != v1alpha1.FieldManager || e.Operation != metav1.ManagedFieldsOperationApply || e.FieldsV1 == nil {
			kept = append(kept, e)
			continue
		}
		owned := &fieldpath.Set{}
		if err := owned.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
			return nil, fmt.Errorf("fields owned of %s %s/%s: %w", resource.Resource, namespace, name, err)
		}
		rest := owned.Difference(fieldpath.NewSet(fieldpath.MakePathOrDie("spec", "replicas")))
		if rest.Empty() {
			continue // it was scaled, and nothing else
		}
		data, err := rest.ToJSON()
		if err != nil {
			return nil, err
		}
		e.FieldsV1 = metav1.NewFieldsV1(string(data))
		kept = append(kept, e)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"managedFields": kept, "uid": obj.UID, "resourceVersion": obj.ResourceVersion,
	}})
	if err != nil {
		return nil, err
	}
	return objects.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
}

// ReleaseAll releases everything in the member that the federation of that identity manages, and counts it.
func (m *Member) ReleaseAll(ctx context.Context, identity string) (int, error) {
	return m.eachManaged(ctx, identity, func(resource schema.GroupVersionResource, obj *metav1.PartialObjectMetadata) error {
		if err := m.Release(ctx, resource, obj); err != nil {
			return fmt.Errorf("release %s %s/%s: %w", resource.Resource, obj.Namespace, obj.Name, err)
		}
		return nil
	})
}

// DeleteAll deletes everything in the member that the federation of that identity put there, and counts it. Namespaces are
// left, for others may have put something into them.
func (m *Member) DeleteAll(ctx context.Context, identity string) (int, error) {
	return m.eachManaged(ctx, identity, func(resource schema.GroupVersionResource, obj *metav1.PartialObjectMetadata) error {
		if resource == Namespaces || !Holds(identity, resource, obj) || obj.DeletionTimestamp != nil {
			return nil
		}
		return m.delete(ctx, resource, obj, metav1.DeletePropagationBackground)
	})
}

// eachManaged does something about everything in the member that has the marks of the federation of that identity: what
// needs others before these. It counts what it was done about.
func (m *Member) eachManaged(ctx context.Context, identity string, do func(schema.GroupVersionResource, *metav1.PartialObjectMetadata) error) (int, error) {
	done := 0
	for _, resource := range slices.Backward(Synced) {
		list, err := m.listManaged(ctx, resource)
		if err != nil {
			return done, fmt.Errorf("list managed %s: %w", resource.Resource, err)
		}
		for i := range list.Items {
			if list.Items[i].Annotations[v1alpha1.AnnotationFederation] != identity {
				continue
			}
			if err := do(resource, &list.Items[i]); err != nil {
				return done, err
			}
			done++
		}
	}
	return done, nil
}

func (m *Member) listManaged(ctx context.Context, resource schema.GroupVersionResource) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*RequestTimeout)
	defer cancel()
	return m.Metadata.Resource(resource).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelManaged + "=true"})
}

// RemoveAccess deletes Drover's own namespace in the member. Its ServiceAccount goes with it at once, and what belongs
// to it by an owner reference, the ClusterRole and its binding, soon after.
func (m *Member) RemoveAccess(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	err := m.Client.CoreV1().Namespaces().Delete(ctx, v1alpha1.SystemNamespace, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// TokenAged says whether a third of a token's life is over, and it is time for a new one. It reads the token's own claims
// (RFC 7519): a member may grant less than it was asked for.
func TokenAged(token string, now time.Time) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Issued  int64 `json:"iat"`
		Expires int64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Expires <= claims.Issued {
		return false
	}
	return now.Unix()-claims.Issued > (claims.Expires-claims.Issued)/3
}

// NewToken has the member issue a token for Drover's ServiceAccount there.
func (m *Member) NewToken(ctx context.Context) (token string, expires time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	request, err := m.Client.CoreV1().ServiceAccounts(v1alpha1.SystemNamespace).CreateToken(ctx, AccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(TokenLifetime.Seconds()))},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("new token for ServiceAccount %s/%s: %w", v1alpha1.SystemNamespace, AccountName, err)
	}
	return request.Status.Token, request.Status.ExpirationTimestamp.Time, nil
}
