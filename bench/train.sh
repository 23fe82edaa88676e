#!/usr/bin/env bash
# Times our training step beside PyTorch's: same machine, libtorch, BLAS, threads, weights and batches, in turns within one run.
# Arguments go to bench/Train (for example --rounds 20 --max-ratio 1.0).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/setup.sh

setup_machine python3-torch python3-numpy
say "Building bench/Train (Release)"
dotnet build bench/Train/Train.csproj -c Release -v quiet --nologo >&2 || stop "the build failed; the compiler's messages stand above."
say "Training steps, ours and PyTorch's in turns"
for workload in long sample; do
  dotnet bench/Train/bin/Release/net10.0/Bench.Train.dll --workload "$workload" --model models/bert-docs \
    --data samples/data/debian-sections/debian-sections.train.tsv --peer bench/Train/peer.py "$@"
done
