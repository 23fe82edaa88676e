#!/usr/bin/env bash
# Scaled-down experiments for what the papers of the methods claim; result lines go to standard output.
#   bench/claims.sh [processes] [threads each] [method...]     default: one process with every core, every method
# PROGRAM=<folder of a published bench/Claims> runs that program (with DOTNET as its host) instead of building one; MODELS=<folder> has more models.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
processes=${1:-1} threads=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
if [ -z "${PROGRAM:-}" ]; then
  source eng/setup.sh
  setup_machine >&2
  dotnet build bench/Claims/Claims.csproj -c Release -v quiet --nologo >&2
  PROGRAM=bench/Claims/bin/Release/net10.0
fi
export PROGRAM DOTNET="${DOTNET:-dotnet}" THREADS=$threads MODELS="${MODELS:-models}" OMP_WAIT_POLICY=passive
one() { "$DOTNET" "$PROGRAM/Bench.Claims.dll" run "$1" --models "$MODELS" --threads "$THREADS"; }
export -f one
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else "$DOTNET" "$PROGRAM/Bench.Claims.dll" list; fi |
  xargs -P "$processes" -I{} bash -c 'one {} || true'
