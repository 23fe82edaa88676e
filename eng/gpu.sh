#!/usr/bin/env bash
# The proof on an NVIDIA GPU: the tests marked Gpu and the training steps of bench/gpu.sh.
#   eng/gpu.sh pack [archive]          where the .NET SDK is: publishes the programs into an archive, default out/gpu.tar.xz
#                                      (about 29 MiB), together with the runtime, for machines without .NET
#   eng/gpu.sh run [archive] [steps]   where the GPU is: builds the bridge against the PyTorch there, runs tests and bench
# The GPU machine needs python3 with torch, transformers and peft, g++ and CMake.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
action=${1:-} archive=${2:-out/gpu.tar.xz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pack() {
  local project root
  for project in bench/Gpu test/TorchSharp.Tests test/Microsoft.ML.Peft.Tests; do
    dotnet publish "$project" -c Release -v quiet --nologo --no-self-contained -p:DebugType=none -o "$work/$(basename "$project")"
  done
  # The runner needs neither coverage nor translations; without .deps.json the host takes what is there.
  find "$work" \( -name '*.xml' -o -name '*.deps.json' -o -iname '*codecoverage*.dll' -o -name 'Mono.Cecil*' -o -name '*.targets' -o -name '*.props' \) -delete
  find "$work" -mindepth 2 -maxdepth 2 -type d ! -name data -exec rm -rf {} +
  rm -f "$work"/*/*.tar.br "$work"/*/libpeftnative.so # both are made, or lie, where they run
  root=$(dirname "$(readlink -f "$(command -v dotnet)")")
  mkdir -p "$work/dotnet/shared" "$(dirname "$archive")"
  cp -r "$root/dotnet" "$root/host" "$work/dotnet/"
  cp -r "$root/shared/Microsoft.NETCore.App" "$work/dotnet/shared/"
  rm -f "$work"/dotnet/shared/*/*/{libmscordaccore,libmscordbi,libclrgc,libclrgcexp,libcoreclrtraceptprovider}.so # debuggers, other collectors, tracing
  tar -C "$work" -c . | xz -T0 -6 >"$archive"
  du -h "$archive"
}

run() {
  local steps=$1 failed=0 program
  mkdir "$work/programs"
  tar -C "$work/programs" -xJf "$archive"
  export DOTNET_ROOT=$work/programs/dotnet DOTNET=$work/programs/dotnet/dotnet
  export LIBTORCH PEFT_NATIVE_BUILD=$work/native OMP_WAIT_POLICY=passive
  LIBTORCH=$(python3 -c 'import torch; print(torch.__path__[0])')
  export LD_LIBRARY_PATH=$LIBTORCH/lib:${LD_LIBRARY_PATH:-}
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
  echo "== Building the bridge against $LIBTORCH"
  bash foundation/native/build.sh
  for program in TorchSharp.Tests Microsoft.ML.Peft.Tests; do
    cp "$work/native/libpeftnative.so" test/data/golden*.tar.br "$work/programs/$program/"
    echo "== $program, tests marked Gpu"
    "$DOTNET" "$work/programs/$program/$program.dll" --filter TestCategory=Gpu --progress off --no-ansi || failed=1
  done
  echo "== Training steps"
  PROGRAM=$work/programs/Gpu bench/gpu.sh "$steps" || failed=1
  return $failed
}

case $action in
  pack) pack ;;
  run) run "${3:-20}" ;;
  *) sed -n '2,7p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
