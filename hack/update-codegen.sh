#!/usr/bin/env bash
# Generates what is derived from the API types: deep copies, defaults, clients, listers, informers, apply
# configurations and OpenAPI definitions. Run it after every change of pkg/apis; hack/verify-codegen.sh checks it.
set -euo pipefail
cd "$(dirname "$0")/.."

# The generators have the version of the libraries they generate for.
version=$(go list -m -f '{{.Version}}' k8s.io/apimachinery)
codegen=$(go mod download -json "k8s.io/code-generator@${version}" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cache=${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}/tools/code-generator-${version}
mkdir -p "$cache"
export GOBIN=$cache

# shellcheck source=/dev/null
source "${codegen}/kube_codegen.sh"

boilerplate=hack/boilerplate.go.txt
module=drover.dev/drover

rm -rf pkg/generated
find pkg/apis -name 'zz_generated.*.go' -delete

kube::codegen::gen_helpers --boilerplate "$boilerplate" pkg/apis

kube::codegen::gen_client \
  --with-watch --with-applyconfig \
  --boilerplate "$boilerplate" \
  --output-dir pkg/generated --output-pkg "$module/pkg/generated" \
  pkg/apis

# The native kinds are served from here too, so their definitions are generated with ours.
native=(--extra-pkgs k8s.io/apimachinery/pkg/util/intstr)
for gv in core/v1 apps/v1 batch/v1 scheduling/v1alpha3 autoscaling/v1 autoscaling/v2 policy/v1 networking/v1 coordination/v1 \
  events/v1 rbac/v1 authorization/v1 authentication/v1; do
  native+=(--extra-pkgs "k8s.io/api/${gv}")
  KUBE_CODEGEN_READONLY_PKGS+=("k8s.io/api/${gv}")
done
kube::codegen::gen_openapi --update-report --output-model-name-file zz_generated.model_name.go \
  --boilerplate "$boilerplate" \
  "${native[@]}" \
  --output-dir pkg/generated/openapi --output-pkg "$module/pkg/generated/openapi" \
  pkg/apis
