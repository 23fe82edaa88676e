#!/usr/bin/env bash
# The main job: fine-tunes models/bert-docs with LoRA on real text inside an ML.NET pipeline (samples/TextClassification).
# Arguments go to the sample.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source eng/setup.sh

case "${1:-}" in
  -h | --help)
    echo "usage: ./run.sh [arguments of samples/TextClassification]"
    echo "Sets up what is missing, builds samples/TextClassification in Release and runs it."
    exit 0
    ;;
esac

setup_machine
say "Building samples/TextClassification (Release)"
dotnet build samples/TextClassification/TextClassification.csproj -c Release -v quiet --nologo ||
  stop "the build failed; the compiler's messages stand above."
say "Running samples/TextClassification $*"
exec dotnet samples/TextClassification/bin/Release/net10.0/TextClassification.dll "$@"
