// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	// announceInterval is how often the host is looked at: its APIService may be applied after Drover has started, and anew
	// at any time.
	announceInterval = 10 * time.Second

	// ServiceName is the name by which the host's kube-apiserver knows the Service of artifacts/install. One that is named
	// otherwise takes --advertise-host.
	ServiceName = "drover.drover.svc"

	apiServices = "/apis/apiregistration.k8s.io/v1/apiservices/"
)

// apiServiceName is the APIService that leads here.
var apiServiceName = v1alpha1.SchemeGroupVersion.Version + "." + v1alpha1.GroupName

// Announce keeps the authority of this server's certificate in the host's APIService, by which the host knows that it talks
// to this server and to no other. It returns when the context ends.
func (h *Host) Announce(ctx context.Context, caBundle []byte) {
	logger := klog.FromContext(ctx).WithValues("apiService", apiServiceName)
	last := ""
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		changed, err := h.announce(ctx, caBundle)
		said := ""
		switch {
		case apierrors.IsNotFound(err):
			said = "The host has no such APIService yet; apply artifacts/install/apiservice.yaml there"
		case err != nil:
			said = "The host's APIService does not lead here yet, will be tried again: " + err.Error()
		case changed:
			said = "The host's APIService knows the authority of this server"
		}
		if said != "" && said != last {
			logger.Info(said)
		}
		last = said
	}, announceInterval)
}

func (h *Host) announce(ctx context.Context, caBundle []byte) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client := h.reviews.Discovery().RESTClient()
	body, err := client.Get().AbsPath(apiServices + apiServiceName).DoRaw(ctx)
	if err != nil {
		return false, err
	}
	var found struct {
		Spec struct {
			CABundle []byte `json:"caBundle"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(body, &found); err != nil || bytes.Equal(found.Spec.CABundle, caBundle) {
		return false, err
	}
	patch := `{"spec":{"caBundle":"` + base64.StdEncoding.EncodeToString(caBundle) + `"}}`
	return true, client.Patch(types.MergePatchType).AbsPath(apiServices+apiServiceName).Param("fieldManager", v1alpha1.FieldManager).Body([]byte(patch)).Do(ctx).Error()
}
