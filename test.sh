#!/usr/bin/env bash
# All tests. The last line is always "N passed, N failed, N skipped"; exit code 0 only if something ran and nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
usage: ./test.sh [--all] [--filter EXPRESSION] [PROJECT...]
  --all                tests of the category Slow too (minutes more)
  --filter EXPRESSION  only tests that match, in the language of 'dotnet test --filter'
  PROJECT...           only these test projects, for example TorchSharp.Tests
Tests of the category Gpu run only by --filter TestCategory=Gpu.
END
}

filter='TestCategory!=Slow&TestCategory!=Gpu'
only=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --all) filter='TestCategory!=Gpu' ;;
    --filter) [ $# -ge 2 ] || { usage >&2; exit 2; }; filter=$2; shift ;;
    -*) usage >&2; exit 2 ;;
    *) only+=("$1") ;;
  esac
  shift
done

source eng/setup.sh
source eng/trx.sh
started=$SECONDS
results=$PWD/TestResults

projects=()
for project in test/*.Tests/*.csproj; do
  name=$(basename "$project" .csproj)
  if [ "${#only[@]}" -gt 0 ]; then
    case " ${only[*]} " in *" $name "*) ;; *) continue ;; esac
  fi
  projects+=("$name")
done
[ "${#projects[@]}" -gt 0 ] || stop "no test project is called ${only[*]}; there are: $(basename -a -s .csproj test/*.Tests/*.csproj | paste -sd' ' -)."

setup_machine

say "Building the solution (Release)"
if ! dotnet build Peft.ML.sln -c Release -v quiet --nologo; then
  echo "error: the build failed, so no test ran; the compiler's messages stand above." >&2
  echo "0 passed, 0 failed, 0 skipped"
  exit 1
fi

rm -rf "$results"
mkdir -p "$results"
# One project: its own log and result file; a test that hangs is named and ended.
run_project() {
  local name=$1 begin=$SECONDS status=0
  dotnet test "test/$name/bin/Release/net10.0/$name.dll" --filter "$filter" --results-directory "$results/$name" \
    --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" \
    --blame-hang-timeout 6min --blame-hang-dump-type none >"$results/$name.log" 2>&1 || status=$?
  echo "$status" >"$results/$name.status"
  echo "   $name: $(trx_line "$results/$name/$name.trx") in $((SECONDS - begin)) s"
}

say "Running ${#projects[@]} test projects ($filter)"
running=()
for name in "${projects[@]}"; do
  # Two at a time; the pid list keeps it working in bash 3.2, which has no `wait -n`.
  if [ "${#running[@]}" -ge 2 ]; then
    wait "${running[0]}"
    running=("${running[@]:1}")
  fi
  run_project "$name" &
  running+=($!)
done
wait "${running[@]}"

passed=0 failed=0 skipped=0
for name in "${projects[@]}"; do
  trx=$results/$name/$name.trx
  read -r p f s <<<"$(trx_counts "$trx")"
  if [ "$(cat "$results/$name.status")" != 0 ] && [ "$f" -eq 0 ]; then
    # The test process itself died (or hung): that is a failure, and its log says more than the result file.
    echo "FAILED $name: the test run did not end well; the end of its output:"
    tail -n 30 "$results/$name.log" | cut -c1-300 | sed 's/^/    /'
    f=1
  fi
  trx_failures "$trx"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

say "Tests took $((SECONDS - started)) s with set-up and build; logs are in TestResults/"
[ $((passed + failed)) -gt 0 ] || echo "error: no test matched '$filter'." >&2
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
