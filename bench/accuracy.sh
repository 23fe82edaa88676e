#!/usr/bin/env bash
# Accuracy, trained numbers, time and memory of every method of bench/Accuracy/methods.json on samples/data/debian-sections.
#   bench/accuracy.sh [processes] [threads each] [method...]     default: one process with every core
# PROGRAM=<folder of a published bench/Accuracy> runs that program (with DOTNET as its host) instead of building one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
processes=${1:-1} threads=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
if [ -z "${PROGRAM:-}" ]; then
  source eng/setup.sh
  setup_machine >&2
  dotnet build bench/Accuracy/Accuracy.csproj -c Release -v quiet --nologo >&2
  PROGRAM=bench/Accuracy/bin/Release/net10.0
fi
export PROGRAM DOTNET="${DOTNET:-dotnet}" THREADS=$threads OMP_WAIT_POLICY=passive
results=$(mktemp)
trap 'rm -f "$results"' EXIT
one() {
  "$DOTNET" "$PROGRAM/Bench.Accuracy.dll" run --model models/bert-docs --data samples/data/debian-sections --threads "$THREADS" --method "$1"
}
export -f one
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else "$DOTNET" "$PROGRAM/Bench.Accuracy.dll" list; fi |
  xargs -P "$processes" -I{} bash -c 'one {} || true' | tee "$results" >&2
"$DOTNET" "$PROGRAM/Bench.Accuracy.dll" table "$results"
