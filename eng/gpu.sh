#!/usr/bin/env bash
# The proof on an NVIDIA GPU: the tests marked Gpu and the training steps of bench/gpu.sh.
#   eng/gpu.sh pack [folder]          where the .NET SDK is: publishes the programs, default to out/gpu (about 10 MiB), with the
#                                     runtime (runtime.tar.xz) for machines without .NET
#   eng/gpu.sh run [folder] [steps]   where the GPU is: builds the bridge against the PyTorch there, runs tests and bench
# The GPU machine needs python3 with torch, transformers and peft, g++ and CMake; DOTNET names a .NET host other than the packed one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
action=${1:-} folder=${2:-out/gpu}

pack() {
  rm -rf "$folder"
  local project
  for project in bench/Gpu test/TorchSharp.Tests test/Microsoft.ML.Peft.Tests; do
    dotnet publish "$project" -c Release -v quiet --nologo --no-self-contained -p:DebugType=none -o "$folder/$(basename "$project")"
  done
  # The runner needs neither coverage nor translations; without .deps.json the host takes what is there.
  find "$folder" \( -name '*.xml' -o -name '*.deps.json' -o -iname '*codecoverage*.dll' -o -name 'Mono.Cecil*' -o -name '*.targets' -o -name '*.props' \) -delete
  find "$folder" -mindepth 2 -maxdepth 2 -type d ! -name data -exec rm -rf {} +
  local root
  root=$(dirname "$(readlink -f "$(command -v dotnet)")")
  tar -C "$root" -c dotnet host "shared/Microsoft.NETCore.App" | xz -T0 -6 >"$folder/runtime.tar.xz"
  du -sh "$folder"
}

run() {
  local steps=${1:-20} work failed=0
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if [ -z "${DOTNET:-}" ]; then
    mkdir "$work/dotnet"
    tar -C "$work/dotnet" -xJf "$folder/runtime.tar.xz"
    export DOTNET_ROOT=$work/dotnet DOTNET=$work/dotnet/dotnet
  fi
  export LIBTORCH PEFT_NATIVE_BUILD=$work/native OMP_WAIT_POLICY=passive DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
  LIBTORCH=$(python3 -c 'import torch; print(torch.__path__[0])')
  export LD_LIBRARY_PATH=$LIBTORCH/lib:${LD_LIBRARY_PATH:-}
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
  echo "== Building the bridge against $LIBTORCH"
  bash foundation/native/build.sh
  cp -r "$folder" "$work/programs"
  local program
  for program in TorchSharp.Tests Microsoft.ML.Peft.Tests; do
    cp "$work/native/libpeftnative.so" "$work/programs/$program/"
    echo "== $program, tests marked Gpu"
    "$DOTNET" "$work/programs/$program/$program.dll" --filter TestCategory=Gpu --progress off --no-ansi || failed=1
  done
  echo "== Training steps"
  PROGRAM=$folder/Gpu bench/gpu.sh "$steps" || failed=1
  return $failed
}

case $action in
  pack) pack ;;
  run) run "${3:-20}" ;;
  *) sed -n '2,7p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
