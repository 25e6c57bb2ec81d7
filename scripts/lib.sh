# What scripts/demo and scripts/test need, installed if it is missing. To be sourced.

# Keeps what is installed below here out of the way of the rest of the machine.
tools=$PWD/target/tools

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf '%s: %s\n' "$0" "$*" >&2; exit 1; }

# Installs Debian packages as root or by sudo; false if neither is to be had.
install_packages() {
    command -v apt-get >/dev/null || return 1
    local root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        root=sudo
    fi
    say "Installing $*"
    { $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } >&2
}

need_build_tools() {
    command -v git >/dev/null || install_packages git || fail "git is needed"
    command -v cargo >/dev/null || [ ! -f "$HOME/.cargo/env" ] || . "$HOME/.cargo/env"
    command -v cargo >/dev/null || fail "Rust is needed: https://rustup.rs"
    command -v cc >/dev/null || install_packages build-essential || fail "a C compiler is needed (cc)"
}

# A virtual environment of Python at $tools/venv with these packages.
need_python_packages() {
    if [ ! -x "$tools/venv/bin/pip" ]; then
        python3 -m venv "$tools/venv" >/dev/null 2>&1 || {
            rm -rf "$tools/venv"
            install_packages python3 python3-venv || fail "python3 with venv is needed"
            python3 -m venv "$tools/venv"
        }
    fi
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
}

# git-annex from the distribution, else the wheel of PyPI.
need_git_annex() {
    command -v git-annex >/dev/null && return
    install_packages git-annex && return
    say "Installing git-annex into $tools/venv"
    need_python_packages git-annex
    mkdir -p "$tools/bin"
    ln -sf "$tools/venv/bin/git-annex" "$tools/bin/git-annex"
    PATH=$tools/bin:$PATH
}

# The newest git-annex, the wheel of PyPI, in $tools/newest.
need_newest_git_annex() {
    need_python_packages git-annex
    mkdir -p "$tools/newest"
    ln -sf "$tools/venv/bin/git-annex" "$tools/venv/bin/git-annex-shell" "$tools/newest/"
}

# cargo-deny, built into $tools/cargo. Without optimisation, which it does not need for so few crates and which would take
# most of the time.
need_cargo_deny() {
    local version=0.20.2
    [ "$("$tools/cargo/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $version" ] || return 0
    say "Building cargo-deny $version into $tools/cargo"
    CARGO_PROFILE_DEV_DEBUG=false \
        cargo install --quiet --locked --debug --root "$tools/cargo" "cargo-deny@$version" >&2
}

# Holds the dependencies against deny.toml. Sets $unchecked to what could not be checked.
check_dependencies() {
    local checks="bans licenses sources"
    unchecked=
    # Where the network lets nothing through, nor says so, this would wait for ever.
    if timeout 120 "$tools/cargo/bin/cargo-deny" --locked fetch db; then
        checks="advisories $checks"
    else
        unchecked="known vulnerabilities of dependencies: the advisory database cannot be fetched"
        say "NOT CHECKED: $unchecked"
    fi
    # shellcheck disable=SC2086
    "$tools/cargo/bin/cargo-deny" --locked check --hide-inclusion-graph $checks
}

# Builds all programs and puts them first on PATH.
build_programs() {
    say "Building"
    cargo build --workspace --bins --locked >&2
    PATH=$PWD/target/debug:$PATH
}
