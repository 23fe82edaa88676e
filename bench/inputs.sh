#!/usr/bin/env bash
# Times our front ends beside the reference ones on one thread, in turns within one run: tokenizers beside Hugging Face's Rust library
# (npm @anush008/tokenizers), JPEG decoding and resizing beside Pillow (Debian's python3-pil). Prints a Markdown table; exit code 1 if
# a side did other work or a ratio of throughputs is below its goal.
#   bench/inputs.sh [turns, default 5] [rounds a turn, default 5]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/setup.sh
turns=${1:-5}
rounds=${2:-5}

setup_machine python3-pil python3-numpy
command -v npm >/dev/null 2>&1 || stop "the tokenizers to compare with come from npm; install Node.js 18 or newer."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "Building bench/Inputs (Release)"
dotnet build bench/Inputs/Inputs.csproj -c Release -v quiet --nologo >&2 || stop "the build failed; the compiler's messages stand above."
ours="dotnet bench/Inputs/bin/Release/net10.0/Bench.Inputs.dll"
say "Getting @anush008/tokenizers from npm"
(cd "$work" && npm install --silent --no-fund --no-audit @anush008/tokenizers >/dev/null) || stop "npm could not install @anush008/tokenizers."
cp bench/Inputs/tokenize.js "$work/"
$ours unpack test/data/golden-inputs.tar.br "$work"
mkdir "$work/images"
python="${PYTHON:-/usr/bin/python3}"
"$python" bench/Inputs/images.py make "$work/images"
# The texts of the sample, and documents of forty of them each.
tail -n +2 samples/data/debian-sections/debian-sections.train.tsv | cut -f2- | tr '\t' ' ' >"$work/short.txt"
paste -sd'                                       \n' "$work/short.txt" >"$work/long.txt"
tokenizers=("$PWD/models/bert-docs" "$work/inputs/tokenizers/bert-uncased" "$work/inputs/tokenizers/gpt2" "$work/inputs/tokenizers/llama3")

say "Taking turns"
for ((turn = 0; turn < turns; turn++)); do
  for texts in short long; do
    $ours tokenize "$work/$texts.txt" "$rounds" "${tokenizers[@]}" | sed "s/\t/, $texts texts\t/" >>"$work/ours"
    (cd "$work" && node tokenize.js "$texts.txt" "$rounds" "${tokenizers[@]}") | sed "s/\t/, $texts texts\t/" >>"$work/peer"
  done
  $ours images "$work/images" "$rounds" >>"$work/ours"
  "$python" bench/Inputs/images.py time "$work/images" "$rounds" >>"$work/peer"
done
awk -F'\t' '
  FILENAME ~ /ours$/ { if (!($1 in o)) order[++n] = $1; if (!($1 in o) || $2 < o[$1]) o[$1] = $2; sum[$1] = $3 }
  FILENAME ~ /peer$/ { if (!($1 in p) || $2 < p[$1]) p[$1] = $2; theirs[$1] = $3 }
  END {
    print "| workload | ours, ms | reference, ms | throughput, ours / reference | goal |"
    print "| --- | --- | --- | --- | --- |"
    for (k = 1; k <= n; k++) {
      w = order[k]; base = w; sub(/ with offsets/, "", base)
      goal = w ~ /^JPEG/ ? 1.0 : 0.8
      # Bytes of a picture may differ by the library that decodes it.
      same = w ~ /^JPEG/ ? (sum[w] - theirs[base]) ^ 2 < (1e-3 * theirs[base]) ^ 2 : sum[w] == theirs[base]
      if (!same) { print "error: " w ": the sides did not do the same work (" sum[w] ", " theirs[base] ")" > "/dev/stderr"; bad = 1 }
      ratio = p[base] / o[w]
      if (ratio < goal && base == w) bad = 1
      printf "| %s | %.2f | %.2f | %.2f | %s |\n", w, o[w] * 1e3, p[base] * 1e3, ratio, base == w ? sprintf("%.1f", goal) : ""
    }
    exit bad
  }' "$work/ours" "$work/peer"
