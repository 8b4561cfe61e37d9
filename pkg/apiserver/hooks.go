// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import genericapiserver "k8s.io/apiserver/pkg/server"

// unlessStopped keeps a hook that is ended with the server from being taken for one that failed, which would end the whole
// process, and nothing would be shut down in order.
func unlessStopped(hook genericapiserver.PostStartHookFunc) genericapiserver.PostStartHookFunc {
	return func(ctx genericapiserver.PostStartHookContext) error {
		if err := hook(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	}
}
