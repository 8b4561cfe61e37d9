// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"k8s.io/component-base/version"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// PrintVersion says which plugin this is.
func PrintVersion(streams Streams) {
	fmt.Fprintf(streams.Out, "kubectl-drover %s (API %s, %s, %s/%s)\n", pluginVersion(), v1alpha1.SchemeGroupVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// pluginVersion is the release, or the commit where it was not built as one.
func pluginVersion() string {
	if release := version.Get().GitVersion; !strings.HasPrefix(release, "v0.0.0-master") {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return "devel-" + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return "devel"
}
