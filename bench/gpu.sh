#!/usr/bin/env bash
# Times LoRA training steps in bf16 on an NVIDIA GPU beside HF PEFT, in one run; eng/gpu.sh runs it with all that it needs.
# By itself it needs python3 with torch, transformers and peft, a compiler and CMake, and the program, published before:
#   dotnet publish bench/Gpu -c Release -o out/gpu/Gpu  # where the .NET SDK is
#   bench/gpu.sh [steps]                                # where the GPU is; DOTNET names the runtime's host
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
steps=${1:-20}
program=${PROGRAM:-out/gpu/Gpu}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LIBTORCH=$(python3 -c 'import torch; print(torch.__path__[0])')
export PEFT_NATIVE_BUILD=${PEFT_NATIVE_BUILD:-$work/native}
echo "== Building the bridge against $LIBTORCH"
bash foundation/native/build.sh
cp -r "$program" "$work/program"
cp "$PEFT_NATIVE_BUILD/libpeftnative.so" "$work/program/"
export LD_LIBRARY_PATH=$LIBTORCH/lib:${LD_LIBRARY_PATH:-}
both() { # case rows length [targets]
  local folder=$work/${1%%-*}
  [ -d "$folder" ] || python3 bench/Gpu/peer.py make "$1" "$folder" >/dev/null 2>"$work/error" || cat "$work/error"
  python3 bench/Gpu/peer.py time "$1" "$folder" "$2" "$3" "$steps" ${4:+"$4"} 2>"$work/error" || echo "{\"side\":\"hf-peft\",\"case\":\"$1\",\"error\":\"$(tail -1 "$work/error" | tr -d '"')\"}"
  "${DOTNET:-dotnet}" "$work/program/Gpu.dll" "$folder" "$1" "$2" "$3" "$steps" ${4:+"$4"} || echo "{\"side\":\"ours\",\"case\":\"$1\",\"error\":true}"
}
both bert-32x128 32 128 query,value
both bert-8x64 8 64 query,value
both vit-64 64 224 "${VIT_TARGETS:-q_proj,v_proj}"
both llama-2x256 2 256 q_proj,v_proj
both llama-8x1024 8 1024 all-linear
