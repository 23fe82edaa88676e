#!/usr/bin/env bash
# Cost per call of the TorchSharp foundation beside Python torch and a C++ loop, in one run; prints a Markdown table.
#   run.sh [interleaved runs, default 3] [rounds a run, default 7]
# Needs python3-torch (Debian: apt-get install python3-torch), g++ and libtorch-dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export OMP_WAIT_POLICY=passive
runs="${1:-3}"; rounds="${2:-7}"; python="${PYTHON:-/usr/bin/python3}"
work="$(mktemp -d)"; trap 'rm -rf "$work"' EXIT
dotnet build -c Release -v q >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
g++ -O2 -std=c++17 -I/usr/include/torch/csrc/api/include loop.cpp -o "$work/loop" -ltorch -ltorch_cpu -lc10
for ((k = 0; k < runs; k++)); do
  dotnet bin/Release/net10.0/Ops.dll "$rounds" >>"$work/ours"
  "$python" ops.py "$rounds" >>"$work/python"
  "$work/loop" "$rounds" >>"$work/loop.out"
done
awk '
  FILENAME ~ /ours$/   { if (!($1 in o) || $2 < o[$1]) o[$1] = $2; bytes[$1] = $3; if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 } }
  FILENAME ~ /python$/ { if (!($1 in p) || $2 < p[$1]) p[$1] = $2 }
  FILENAME ~ /loop.out$/ { if (!($1 in c) || $2 < c[$1]) c[$1] = $2 }
  END {
    print "| row | ours, ns | Python torch, ns | C++ loop, ns | ours / Python | ours / C++ | managed bytes a call |"
    print "| --- | --- | --- | --- | --- | --- | --- |"
    # a tensor made in a scope costs Python and C++ what any tensor costs
    p["add_in_scope"] = p["add"]; c["add_in_scope"] = c["add"]; p["slice_no_scope"] = p["slice"]; c["slice_no_scope"] = c["slice"]
    for (k = 1; k <= n; k++) { r = order[k]
      if (r ~ /1024/) printf "| %s | %.1f GFLOP/s | %.1f GFLOP/s | | %.2f | | |\n", r, 2 * 1024^3 / o[r], 2 * 1024^3 / p[r], o[r] / p[r]
      else printf "| %s | %d | %d | %s | %.2f | %s | %d |\n", r, o[r], p[r], (r in c) ? c[r] : "", o[r] / p[r], (r in c) ? sprintf("%.2f", o[r] / c[r]) : "", bytes[r] }
  }' "$work/ours" "$work/python" "$work/loop.out"
