#!/usr/bin/env bash
# Times loading a model of 490 MB beside reading its file and beside PyTorch, and measures the peak of resident memory.
# Arguments go to bench/Load's compare (for example --rounds 9 --max-memory 1.15).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/setup.sh

setup_machine python3-torch python3-numpy
say "Building bench/Load (Release)"
dotnet build bench/Load/Load.csproj -c Release -v quiet --nologo >&2 || stop "the build failed; the compiler's messages stand above."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { dotnet bench/Load/bin/Release/net10.0/Bench.Load.dll "$@"; }
for type in Float32 BFloat16; do
  run make "$work/$type" --type "$type"
  say "Stored as $type, file in the cache"
  run compare "$work/$type" --peer bench/Load/peer.py "$@"
done
say "Stored as Float32, file not in the cache"
run compare "$work/Float32" --peer bench/Load/peer.py --cold "$@"
