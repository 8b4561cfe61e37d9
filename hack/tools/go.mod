module drover.dev/drover/hack/tools

go 1.26.0
