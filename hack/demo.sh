#!/usr/bin/env bash
# The demo: three real clusters and a federation of them on this machine, and an application that runs on all three.
#
#   hack/demo.sh up     builds, starts what does not run yet, and shows the application
#   hack/demo.sh down   stops what up has started, and removes its state
#
# All state is in .demo: a directory, a log and a .pid file for each process.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
demo=$root/.demo
members=(east west eu)
declare -A region=([east]=us-east1 [west]=us-west1 [eu]=europe-west1)
declare -A zone=([east]=us-east1-b [west]=us-west1-a [eu]=europe-west1-b)
export KUBECONFIG=$demo/kubeconfig PATH=$PATH:$root/bin

# --- telling

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi
doing='' began=0 look_at=''

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
seconds_since() {
    local tenths=$((($(now) - $1) / 100000))
    echo "$((tenths / 10)).$((tenths % 10)) s"
}

# step WHAT LOG: what comes next, and where to look if it fails.
step() {
    step_done
    doing=$1 look_at=$2 began=$(now)
    printf '\n%s== %s%s\n' "$bold" "$doing" "$plain"
}

step_done() {
    [[ -z $doing ]] || printf -- '-- %s\n' "$(seconds_since "$began")"
    doing=''
}

# show COMMAND…: a command, as it could be typed, and its output.
show() {
    local word line=''
    for word; do
        [[ $word =~ ^[a-zA-Z0-9/.:,=_@%+-]+$ ]] || word="'$word'"
        line+=" $word"
    done
    printf '%s$%s%s\n' "$bold" "$line" "$plain"
    "$@"
}

failed() {
    local status=$?
    trap - ERR EXIT
    ((status == 0)) && return
    printf '\nmake demo failed while: %s\n' "${doing:-starting}" >&2
    local log
    for log in $look_at; do
        if [[ -s $log ]]; then
            printf 'look at %s; it ends with:\n' "${log#"$root"/}" >&2
            tail -5 "$log" | sed 's/^/    /' >&2
        fi
    done
    echo 'what was started still runs: make demo goes on with it, make demo-down ends it' >&2
    exit "$status"
}

# until_true SECONDS WHAT COMMAND…: waits for a condition.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if ((SECONDS >= deadline)); then
            echo "waited in vain: $what" >&2
            return 1
        fi
        sleep 0.1
    done
}

# --- processes

# started_at PID: when a process started, in ticks since boot. With the PID it tells a process from any later one.
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
    stat=${stat##*) } # the name in parentheses may hold spaces
    cut -d' ' -f20 <<<"$stat"
}

# running NAME: whether the process of a .pid file lives, and is that process.
running() {
    local pid start
    read -r pid start 2>/dev/null <"$demo/$1.pid" || return 1
    [[ $(started_at "$pid") == "$start" ]] && grep -qzxF -- "$demo/$1" "/proc/$pid/cmdline" 2>/dev/null
}

# current NAME: whether it runs, and its program is the one that was built last.
current() {
    local pid
    running "$1" || return 1
    read -r pid _ <"$demo/$1.pid"
    [[ $(readlink "/proc/$pid/exe") != *' (deleted)' ]]
}

# launch NAME COMMAND…: starts a process that outlives this script and its terminal.
launch() {
    local name=$1
    shift
    setsid "$@" </dev/null >"$demo/$name.log" 2>&1 8>&- & # 8 is our lock
    local pid=$!
    echo "$pid $(started_at "$pid")" >"$demo/$name.pid"
}

# stop NAME…: ends processes, all at once.
stop() {
    local name pid
    for name; do
        if running "$name"; then
            read -r pid _ <"$demo/$name.pid"
            kill "$pid" 2>/dev/null || true
        fi
    done
    for name; do
        if running "$name" && ! until_true 12 "$name stops" not running "$name"; then
            read -r pid _ <"$demo/$name.pid"
            kill -9 "$pid" 2>/dev/null || true
            until_true 5 "$name ends" not running "$name"
        fi
        rm -f "$demo/$name.pid"
    done
}

not() { ! "$@"; }

ready() {
    if ! running "$1"; then
        echo "$1 has ended" >&2
        exit 1
    fi
    grep -q "$is_ready" "$demo/$1.log"
}
is_ready='^\(member\|drover\) .*ready' # the line they print

# --- ports and addresses

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

server_of() { kubectl --kubeconfig "$1" config view --minify --output 'jsonpath={.clusters[0].cluster.server}'; }

# port_for KUBECONFIG FALLBACK: the port of last time if it is free, so that all addresses stay; else the fallback if
# that is free; else 0, which takes a free one.
port_for() {
    local port
    if [[ -s $1 ]]; then
        port=$(server_of "$1")
        port=${port##*:}
        taken "$port" || { echo "$port" && return; }
    fi
    if [[ $2 == 0 ]] || taken "$2"; then
        echo 0
    else
        echo "$2"
    fi
}

# loopback chooses 127.N.0.0/16 for the load balancers, such that nobody on this machine listens there or means to.
loopback() {
    if [[ ! -s $demo/loopback ]]; then
        local n hex
        for n in $(shuf -i 100-250); do
            hex=$(printf '%02X7F' "$n") # /proc/net/tcp has the four bytes of an address in reverse order
            grep -qE "^ *[0-9]+: [0-9A-F]{4}$hex:" /proc/net/tcp && continue
            cat /proc/[0-9]*/cmdline 2>/dev/null | grep -qaF "127.$n." && continue
            echo "127.$n" >"$demo/loopback"
            break
        done
    fi
    cat "$demo/loopback"
}

# ingress_ports: 80 and 443 where this user may listen there.
ingress_ports() {
    if (($(id -u) == 0)) || (($(</proc/sys/net/ipv4/ip_unprivileged_port_start) <= 80)); then
        echo 80 443
    else
        echo 8080 8443
    fi
}

# --- the steps

check_machine() {
    if [[ $(uname -s) != Linux ]]; then
        echo 'the demo needs Linux: its load balancers listen on addresses of 127.0.0.0/8, which other systems do not have' >&2
        exit 1
    fi
    if ! command -v curl >/dev/null; then
        echo 'the demo needs curl; on Debian: apt-get install curl' >&2
        exit 1
    fi
}

# lock keeps a second demo.sh out of .demo.
lock() {
    exec 8>"$demo/lock"
    if ! flock -n 8; then
        echo 'another make demo is at work in this checkout; wait until it has ended' >&2
        exit 1
    fi
}

build() {
    step 'Build: Drover, and real Kubernetes clusters to join (the first time this takes 5 to 10 minutes)' ''
    make --no-print-directory build bin/member need-kubectl
}

start_member() {
    local name=$1 number=$2 http https
    read -r http https <<<"$(ingress_ports)"
    launch "$name" bin/member --data-dir "$demo/$name" --name "$name" --secure-port "$(port_for "$demo/$name/kubeconfig" 0)" \
        --nodes 3 --region "${region[$name]}" --zone "${zone[$name]}" --ready-delay 2s \
        --lb-range "$(loopback).$number.0/24" --http-port "$http" --https-port "$https"
}

start_all() {
    local name number=0 logs='' reused=() outdated=()
    for name in drover "${members[@]}"; do logs+=" $demo/$name.log"; done
    step 'Start three Kubernetes clusters, and the federation' "$logs"
    for name in "${members[@]}"; do
        number=$((number + 1))
        if current "$name"; then
            reused+=("$name")
        else
            ! running "$name" || outdated+=("$name")
            stop "$name"
            start_member "$name" "$number"
        fi
    done
    if current drover; then
        reused+=(drover)
    else
        ! running drover || outdated+=(drover)
        stop drover
        launch drover bin/drover start --data-dir "$demo/drover" --secure-port "$(port_for "$demo/drover/admin.kubeconfig" 7443)"
    fi
    ((${#reused[@]} == 0)) || echo "running already, and used again: ${reused[*]}"
    ((${#outdated[@]} == 0)) || echo "built anew, and restarted on the same data: ${outdated[*]}"
    for name in "${members[@]}" drover; do
        look_at=$demo/$name.log
        until_true 90 "$name is ready" ready "$name"
        [[ " ${reused[*]} " == *" $name "* ]] || grep -m1 "$is_ready" "$demo/$name.log" | sed "s|$root/||g; s/; to use it: .*//"
    done
    # One file with four contexts; the federation is the current one.
    local parts=$demo/drover/admin.kubeconfig
    for name in "${members[@]}"; do parts+=:$demo/$name/kubeconfig; done
    (umask 077 && KUBECONFIG=$parts kubectl config view --flatten >"$demo/kubeconfig.new")
    mv "$demo/kubeconfig.new" "$KUBECONFIG"
    kubectl config use-context federation >/dev/null
}

join_all() {
    local name server lines=99
    step 'Join the clusters' "$demo/drover.log"
    for name in "${members[@]}"; do
        server=$(kubectl get cluster "$name" --ignore-not-found --output 'jsonpath={.spec.server}')
        if [[ -z $server ]]; then
            show kubectl drover join "$name" --cluster-kubeconfig ".demo/$name/kubeconfig" | head_and_all "$lines"
            lines=2 # the first is told in full
        elif [[ $server != "$(server_of "$demo/$name/kubeconfig")" ]]; then
            show kubectl drover join "$name" --cluster-kubeconfig ".demo/$name/kubeconfig" --renew
        fi
    done
    kubectl wait cluster --all --for=condition=Ready --timeout=60s >/dev/null
    show kubectl get clusters
}

# head_and_all N: the first N lines; the rest is read, so that its writer is not interrupted.
head_and_all() { awk -v n="$1" 'NR <= n'; }

spread() { show kubectl get deployments,services,ingresses,placements,clusters; }

addresses() { kubectl get "$1" web --output 'jsonpath={.status.loadBalancer.ingress[*].ip}'; }

# answering KIND N PORT: whether N clusters have given it an address, and answer there.
answering() {
    local found address
    found=$(addresses "$1")
    (($(wc -w <<<"$found") == $2)) || return 1
    for address in $found; do
        curl -so /dev/null -H 'Host: web.example.com' "http://$address:$3/" || return 1
    done
}

run_app() {
    local logs=$demo/drover.log http address
    step 'Run an application: plain manifests, with nothing of Drover in them' "$logs"
    kubectl delete deployment,service,ingress,placementpolicy web --ignore-not-found --wait --timeout=60s
    show kubectl apply -f artifacts/examples/app-deployment.yaml -f artifacts/examples/app-service.yaml -f artifacts/examples/app-ingress.yaml
    show kubectl rollout status deployment/web --timeout=90s

    step 'It runs on every cluster, and reads as one' "$logs"
    read -r http _ <<<"$(ingress_ports)"
    until_true 60 'every cluster answers for the Service' answering service 3 8080
    until_true 60 'every cluster answers for the Ingress' answering ingress 3 "$http"
    spread

    step 'Each cluster answers at an address of its own' "$logs"
    for address in $(addresses service); do
        show curl -s "http://$address:8080/"
    done
    address=$(addresses ingress)
    show curl -s -H 'Host: web.example.com' "http://${address%% *}:$http/"
}

moved() {
    local west
    west=$(kubectl --context west get deployment web --ignore-not-found --output name) || return 1
    [[ -z $west ]] && kubectl wait placement/deployment-web --for=condition=Available --timeout=1s >/dev/null 2>&1
}

weigh() {
    step 'Weights: a policy gives east three parts, west two, eu one' "$demo/drover.log"
    show kubectl apply -f artifacts/examples/policy.yaml
    until_true 30 'the policy is in force' weighed
    show kubectl rollout status deployment/web --timeout=90s
    show kubectl get placement deployment-web
}

weighed() { [[ $(kubectl get placement deployment-web --output 'jsonpath={.spec.policy}') == web ]]; }

drain() {
    step 'Drain west: weight 0, and its replicas arrive elsewhere' "$demo/drover.log"
    show kubectl patch placementpolicy web --patch '{"spec":{"clusters":[{"name":"west","weight":0}]}}'
    until_true 90 'west is empty' moved
    show kubectl get deployment,placement
    echo
    show kubectl --context west get deployments
    show kubectl --context east get deployments
    show kubectl get placement deployment-web --output 'jsonpath={range .spec.clusters[*]}{.name}: {.replicas} ({.reason}){"\n"}{end}{range .spec.excluded[*]}{.name}: none ({.reason}){"\n"}{end}'
    step_done
}

up() {
    local start
    start=$(now)
    check_machine
    mkdir -p -m 700 "$demo"
    lock
    trap failed EXIT
    build
    start_all
    join_all
    run_app
    weigh
    drain
    cat <<END

${bold}The federation is up$plain ($(seconds_since "$start")), and stays up. In this shell:

  export KUBECONFIG=\$PWD/.demo/kubeconfig PATH=\$PATH:\$PWD/bin

Try next:

  kubectl scale deployment web --replicas 30 && kubectl rollout status deployment web
  kubectl patch placementpolicy web -p '{"spec":{"clusters":[{"name":"west","weight":2}]}}' && kubectl get placements
  kubectl --context west get pods --output wide

Each cluster is a context: federation, ${members[*]}. Logs are in .demo/*.log. To end it: make demo-down
END
}

down() {
    if [[ ! -d $demo ]]; then
        echo 'there is no demo to stop'
        return
    fi
    lock
    # Drover first, or it would call the members lost.
    stop drover
    stop "${members[@]}"
    rm -rf "$demo"
    echo 'the demo has stopped, and .demo is removed'
}

case ${1:-} in
up) up ;;
down) down ;;
*)
    echo 'usage: hack/demo.sh up|down' >&2
    exit 2
    ;;
esac
