#!/usr/bin/env bash
# Sourced by scripts that build a program which takes minutes to compile: once, into a cache, with a sign of life.
# The cache is ${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}/tools; entries that nobody uses may be deleted.

cache=${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}/tools

say() { echo "$(basename "$0" .sh): $*" >&2; }

# compile_once KEY MODULE PACKAGE MINUTES [FLAG…]: brings the package of the module into the cache, as the file KEY. The
# key has to name all that the result depends on. MINUTES is what the first build takes on two cores, for a person to know.
compile_once() {
    local key=$1 module=$2 package=$3 minutes=$4
    shift 4
    [[ -x $cache/$key ]] && return
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # two builds at once would only take each other's CPU
    if [[ ! -x $cache/$key ]]; then
        say "building ${key%-*}; the first time this can take $minutes minutes on two cores"
        compile "$cache/$key" "$module" "$package" "$@"
    fi
    exec 9>&-
}

# compile FILE MODULE PACKAGE [FLAG…]: builds, and puts the file in place only when it is whole.
compile() {
    local file=$1 module=$2 package=$3
    shift 3
    unfinished=$file.$$.tmp
    build_watched "$module" "$@" -o "$unfinished" "$package"
    mv "$unfinished" "$file"
}

# build_watched MODULE ARGUMENT…: go build, with a line every 15 s that shows it is alive.
build_watched() {
    local module=$1 build status=0 started=$SECONDS next=15
    shift
    compile_log=$(mktemp)
    (cd "$module" && exec go build -v "$@") >/dev/null 2>"$compile_log" 9>&- &
    build=$!
    # Bash shields background commands from Ctrl-C, so that they have to be ended by hand.
    trap 'kill "$build" 2>/dev/null || true; rm -f "$compile_log" "${unfinished:-}"' EXIT
    while kill -0 "$build" 2>/dev/null; do
        sleep 0.5
        if ((SECONDS - started >= next)); then
            say "$next s, $(grep -vc ' ' "$compile_log") packages compiled"
            next=$((next + 15))
        fi
    done
    wait "$build" || status=$?
    if ((status != 0)); then
        grep ' ' "$compile_log" | tail -30 >&2 || true
        say "go build failed; its messages are above"
        exit "$status"
    fi
    rm -f "$compile_log"
    trap - EXIT
    say "built in $((SECONDS - started)) s"
}
