#!/usr/bin/env bash
# Builds libpeftnative.so into build/ beside this script. Quick when nothing changed.
#   LIBTORCH=<dir>       a libtorch or PyTorch folder with include/ and lib/; unset: Debian's libtorch-dev
#   CUDA_INCLUDE=<dir>   folder with cuda_runtime_api.h, when it is not found by itself
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
build="${PEFT_NATIVE_BUILD:-$here/build}"
mkdir -p "$build"
exec 8>"$build/.lock"; flock 8   # two projects of one solution may ask at the same time
wanted="LIBTORCH=${LIBTORCH:-} CUDA_INCLUDE=${CUDA_INCLUDE:-}"
if [[ ! -f "$build/CMakeCache.txt" || "$(cat "$build/.configured" 2>/dev/null)" != "$wanted" ]]; then
  rm -f "$build/CMakeCache.txt"
  cmake -S "$here" -B "$build" -DLIBTORCH="${LIBTORCH:-}" -DCUDA_INCLUDE="${CUDA_INCLUDE:-}" >"$build/configure.log" 2>&1 \
    || { cat "$build/configure.log" >&2; exit 1; }
  echo "$wanted" >"$build/.configured"
fi
cmake --build "$build" --parallel 2 >"$build/build.log" 2>&1 || { cat "$build/build.log" >&2; exit 1; }
echo "$build/libpeftnative.so"
