# shellcheck shell=bash
# Sets up what the repository's commands need. Sourced by run.sh, test.sh, .ci/run and bench/train.sh; not run by itself.
#
#   say TEXT...             one line of progress
#   stop TEXT...            one sentence about what is wrong, then exit code 1
#   setup_machine [PKG...]  the .NET SDK is checked, Debian packages are installed if missing (and PKG... besides)
#
# The environment variables PeftFoundation (NuGet | Bundled) and LIBTORCH mean what eng/Foundation.props says they mean.

say() { printf '== %s\n' "$*"; }

stop() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# One busy neighbour slows small operators down many times when OpenMP threads spin instead of sleep.
# libtorch reads it when it is loaded, so it is set here, before any program starts.
export OMP_WAIT_POLICY=passive
# dotnet keeps its package cache there; a service may start us without it.
export HOME="${HOME:-$(cd ~ && pwd)}"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Build servers that outlive the command would hold its output open: `./test.sh | tail` would never end.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

setup_machine() {
  check_sdk
  local packages=("$@")
  if [ "$(uname -s)" = Linux ]; then
    packages+=("$(turbojpeg_package)" libwebp7 libsndfile1) # what pictures and sounds are decoded by
  fi
  if [ "$(uname -s)" = Linux ] && [ "${PeftFoundation:-}" != NuGet ]; then
    packages+=(cmake make g++ libpng-dev) # libpng is for pictures in foundation/Microsoft.ML; the package without -dev has a different name in each release
    if [ -z "${LIBTORCH:-}" ]; then
      packages+=(libtorch-dev libopenblas0-pthread libgloo-dev)
    fi
  fi
  if [ "${#packages[@]}" -gt 0 ]; then
    install_packages "${packages[@]}"
  fi
  if [ "$(uname -s)" = Linux ] && [ "${PeftFoundation:-}" != NuGet ] && [ -z "${LIBTORCH:-}" ]; then
    choose_blas
  fi
}

turbojpeg_package() {
  if grep -qs '^ID=ubuntu' /etc/os-release; then echo libturbojpeg; else echo libturbojpeg0; fi
}

check_sdk() {
  if ! command -v dotnet >/dev/null 2>&1 && [ -x "$HOME/.dotnet/dotnet" ]; then
    export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH"
  fi
  command -v dotnet >/dev/null 2>&1 ||
    stop "the .NET SDK is not installed (no 'dotnet' on the PATH); install the .NET 10 SDK or newer from https://dot.net and run this again."
  dotnet --list-sdks | grep -Eq '^[1-9][0-9]+\.' ||
    stop "this needs the .NET 10 SDK or newer, and found only: $(dotnet --list-sdks | cut -d' ' -f1 | paste -sd, -); install it from https://dot.net and run this again."
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages() {
  local missing=() package as_root=()
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    without_apt "$@"
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      stop "these Debian packages are missing and only root can install them: ${missing[*]}; run 'apt-get install ${missing[*]}' as root, then this again."
    as_root=(sudo)
  fi
  say "Installing Debian packages (a minute or two): ${missing[*]}"
  if ! all_known "${missing[@]}"; then
    say "Reading the package lists"
    ${as_root[@]+"${as_root[@]}"} apt-get update -q
    all_known "${missing[@]}" ||
      stop "this system's package lists do not have all of: ${missing[*]}; set LIBTORCH to a libtorch 1.13 or newer and install cmake and g++, or set PeftFoundation=NuGet to use the public packages."
  fi
  # An outdated list names files that are gone: then the lists are read again, once.
  apt_install "${missing[@]}" ||
    { ${as_root[@]+"${as_root[@]}"} apt-get update -q && apt_install "${missing[@]}"; } ||
    stop "apt-get could not install: ${missing[*]}; its own message stands above."
}

all_known() {
  local package
  for package in "$@"; do
    apt-cache policy "$package" 2>/dev/null | grep -q '^  Candidate: [0-9]' || return 1
  done
}

apt_install() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >"${TMPDIR:-/tmp}/peft-apt.$$.log" 2>&1 || {
      tail -n 20 "${TMPDIR:-/tmp}/peft-apt.$$.log" >&2
      rm -f "${TMPDIR:-/tmp}/peft-apt.$$.log"
      return 1
    }
  rm -f "${TMPDIR:-/tmp}/peft-apt.$$.log"
}

# No apt: the tools have to be there already.
without_apt() {
  local missing=() package
  for package in "$@"; do
    case "$package" in
      cmake | make | g++) command -v "$package" >/dev/null 2>&1 || missing+=("$package") ;;
      libturbojpeg* | libpng-dev | libwebp7 | libsndfile1) ;; # only pictures and sounds need them, and say so where one is missing
      *) missing+=("$package") ;;
    esac
  done
  [ "${#missing[@]}" -eq 0 ] ||
    stop "this system has no apt, so these cannot be installed here: ${missing[*]}; install cmake, make, g++ and a libtorch 1.13 or newer and name its folder by LIBTORCH, or set PeftFoundation=NuGet to use the public packages."
}

# Debian's libtorch takes whatever libblas.so.3 is chosen; the reference one is about ten times slower.
choose_blas() {
  command -v update-alternatives >/dev/null 2>&1 || return 0
  local name current wanted as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  for name in libblas.so.3 liblapack.so.3; do
    name="$name-$(gcc -print-multiarch)"
    current=$(update-alternatives --query "$name" 2>/dev/null | sed -n 's/^Value: //p')
    wanted=$(update-alternatives --list "$name" 2>/dev/null | grep openblas-pthread | head -n 1) || true
    if [ -n "$wanted" ] && [ "$current" != "$wanted" ]; then
      say "Choosing $wanted as the BLAS in use (it was ${current:-none})"
      ${as_root[@]+"${as_root[@]}"} update-alternatives --set "$name" "$wanted" >/dev/null
    fi
  done
}
