// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package access decides who somebody is and what they may do: certificates of the federation's authority and tokens of the
// issuers in a file say who somebody is, the federation's own Roles and the authorizers in another file what they may do.
package access

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	apiserverinstall "k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/util/filesystem"
	"k8s.io/klog/v2"
)

// pollInterval is how often a file is read where its changes cannot be watched.
const pollInterval = time.Minute

var (
	scheme = runtime.NewScheme()
	// strict decodes configuration files, and refuses fields it does not know.
	strict = serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()
)

func init() {
	apiserverinstall.Install(scheme)
}

// decode reads a configuration file's contents.
func decode[T runtime.Object](data []byte) (config T, err error) {
	obj, err := runtime.Decode(strict, data)
	if err != nil {
		return config, err
	}
	config, ok := obj.(T)
	if !ok {
		return config, fmt.Errorf("expected a %T, got a %T", config, obj)
	}
	return config, nil
}

// follow takes up changes of a file until the context ends. What cannot be used is logged, and what was in force stays so.
func follow(ctx context.Context, file string, known []byte, take func(ctx context.Context, data []byte) error) {
	logger := klog.FromContext(ctx).WithValues("file", file)
	filesystem.WatchUntil(ctx, pollInterval, file, func() {
		data, err := os.ReadFile(file)
		if err != nil {
			logger.Error(err, "Cannot be read, what was in force stays so")
			return
		}
		if bytes.Equal(data, known) {
			return
		}
		known = data
		if err := take(ctx, data); err != nil {
			logger.Error(err, "Cannot be used, what was in force stays so")
			return
		}
		logger.Info("The changed file is in force")
	}, func(err error) {
		logger.Info("Changes are looked for only now and then", "interval", pollInterval, "error", err)
	})
}
