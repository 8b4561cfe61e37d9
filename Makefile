# make help lists what there is. Logic that is longer than a line lives in hack/.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The part of the members' build flags that their tests need in order to find its packages in the build cache.
MEMBER_GO := cd test/member && CGO_ENABLED=0 GOWORK=off go

##@ Use

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9\/-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/drover and bin/kubectl-drover
	@hack/build.sh

.PHONY: demo
demo: ## Run a federation of three real clusters on this machine, and show it at work
	@hack/demo.sh up

.PHONY: demo-down
demo-down: ## Stop the demo and remove its state
	@hack/demo.sh down

##@ Develop

.PHONY: test
test: ## Everything: lint, verify, unit, integration, e2e
	@hack/sections.sh build bin/member lint verify unit integration conformance e2e

.PHONY: lint
lint: ## Run the linters that hack/tools pins
	hack/lint.sh

.PHONY: verify
verify: ## Check what is generated, formatting, go.mod files, license headers
	@hack/verify.sh

.PHONY: unit
unit: ## Unit tests of both modules; for daily work: go test ./... -short
	go test ./... -short
	go test ./pkg/placement ./pkg/controllers/schedule/decision -count=1 -rapid.seed=1975 -rapid.checks=500
	$(MEMBER_GO) test -trimpath ./...

.PHONY: fuzz
fuzz: ## Look for input that breaks Drover's own kinds, a minute each; go test runs what was found before
	for kind in Cluster PlacementPolicy Placement TrafficPolicy Migration; do \
	  go test ./pkg/apis/federation -run '^$$' -fuzz "^Fuzz$$kind\$$" -fuzztime 1m || exit; done
	go test ./pkg/registry/placementreview -run '^$$' -fuzz '^FuzzPlacementReview$$' -fuzztime 1m

.PHONY: integration
integration: ## Tests of the control plane in one process, on embedded etcd; and on simulated clusters
	go test ./test/integration/... ./test/fleet/... -count=1

.PHONY: conformance
conformance: ## The name server against the rules of DNS, by raw packets and by programs of others
	@hack/dns-programs.sh dig kdig drill named knotd unbound
	go test ./test/conformance/... -count=1

.PHONY: e2e
e2e: build bin/member need-kubectl ## Tests against real clusters
	go test -tags e2e ./test/e2e/... -count=1 -timeout 45m

.PHONY: chaos
chaos: build bin/member ## Kill API server and controllers at random during 5000 creates and deletes; DROVER_SEED repeats a run
	DROVER_CHAOS=$${DROVER_CHAOS:-5000} go test -tags e2e ./test/e2e -run TestKilledAtRandom -v -count=1 -timeout 60m

.PHONY: soak
soak: build ## Half an hour of coming and going on simulated clusters: what drover start holds does not grow; DROVER_SOAK=5m is shorter
	go test -tags soak ./test/soak -run TestSoak -v -count=1 -timeout 3h -for $${DROVER_SOAK:-30m}

.PHONY: bench
bench: build bin/member ## Compare Drover with two lower bounds on three real clusters, and measure its memory
	go test -tags bench ./test/bench -run '^$$' -bench . -benchtime 1x -count=1 -timeout 2h

.PHONY: bench-dns
bench-dns: build ## Compare the name server with CoreDNS and Knot, each on one core
	@hack/dns-programs.sh dnsperf knotd
	coredns=$$(hack/coredns.sh) && go test -tags bench ./test/bench/dns -run '^$$' -bench . -benchtime 1x -count=1 -timeout 30m -coredns "$$coredns"

.PHONY: generate
generate: ## Generate what is derived from the API types, and the reference of what is served
	hack/update-codegen.sh
	hack/update-api-reference.sh

.PHONY: format
format: ## Format all Go files
	hack/update-format.sh

.PHONY: clean
clean: ## Remove what was built; caches outside the checkout stay
	rm -rf bin

##@ Programs to test with

.PHONY: bin/member
bin/member: ## One real Kubernetes cluster in one process
	@hack/build-member.sh

.PHONY: bin/kubectl
bin/kubectl: ## kubectl of the members' version
	@hack/build-member.sh kubectl

# Only where there is none on the PATH.
.PHONY: need-kubectl
need-kubectl:
	@command -v kubectl >/dev/null || hack/build-member.sh kubectl
