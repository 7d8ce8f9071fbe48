#!/usr/bin/env bash
# The whole study, from the datasets to the figures.
#
#   benchmarks/real/run.sh STUDY LITE     about two and a half hours on two free cores
#
# LITE holds EfficientNet-Lite 0, 1 and 2 as safetensors. It goes on where it was stopped, and what is
# there is enough for the tables of results. ACRANK_SHARED names the folder of datasets and weights.
set -euo pipefail
study=$1
lite=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=${ACRANK_SHARED:-$root/../shared}
python=${PYTHON:-python}
tables=${STUDY_TABLES:-$here}
export PYTHONPATH="$root:$here" OMP_NUM_THREADS=1
mkdir -p "$tables/raw" "$tables/results"

"$python" "$here/descendants.py" "$study" --shared "$shared" --lite "$lite"
"$python" "$here/zoo.py" "$study" --shared "$shared" --lite "$lite"
cp "$study"/{own,candidates,targets}.csv "$tables/raw/"
"$python" "$here/score.py" "$study" --csv "$tables/raw/scores.csv" --runs labels shuffled
"$python" "$here/cells.py" "$study" --csv "$tables/raw/cells.csv" --jobs "${JOBS:-2}"
"$python" "$here/score.py" "$study" --csv "$tables/raw/scores.csv" --costs "$tables/raw/score_costs.csv"
"$python" "$here/real_evidence.py"
"$python" "$here/real_figures.py"
