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
for group in core apps networking coordination authorization authentication autoscaling; do
  native+=(--extra-pkgs "k8s.io/api/${group}/v1")
  KUBE_CODEGEN_READONLY_PKGS+=("k8s.io/api/${group}/v1")
done
kube::codegen::gen_openapi --update-report --output-model-name-file zz_generated.model_name.go \
  --boilerplate "$boilerplate" \
  "${native[@]}" \
  --output-dir pkg/generated/openapi --output-pkg "$module/pkg/generated/openapi" \
  pkg/apis
