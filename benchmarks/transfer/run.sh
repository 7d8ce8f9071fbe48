#!/usr/bin/env bash
# The whole study, from the datasets to the figures.
#
#   benchmarks/transfer/run.sh STUDY          about four hours on two cores
#   benchmarks/transfer/run.sh STUDY --fast   the same steps in minutes, on a part: no evidence
#
# It goes on where it was stopped. ACRANK_SHARED names the folder of datasets and weights.
set -euo pipefail
study=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=${ACRANK_SHARED:-$root/../shared}
python=${PYTHON:-python}
export PYTHONPATH="$root:$here" OMP_NUM_THREADS=1

datasets="sign_digits magnetic_tile brain_tumor_mri bccd_crops cifar10"
rates="0.01 0.03 0.1"
seeds=3
extra=(--epochs 20)
# Blood cells are too easy to count.
forms=(--datasets sign_digits brain_tumor_mri cifar10 magnetic_tile)
rate_data=(--datasets sign_digits)
peers=(--jobs 2)
costs=(--threads 2)
peer_epochs=10
if [ "${2:-}" = --fast ]; then
  datasets="sign_digits bccd_crops"
  seeds=2
  models=(demo-cifar10 demo-cifar10-short demo-untrained demo-random-labels)
  extra=(--epochs 1)
  for model in "${models[@]}"; do extra+=(--model "$model"); done
  forms=(--models "${models[@]}")
  rate_data=(--datasets bccd_crops --models demo-cifar10)
  peers=(--datasets bccd_crops --models demo-cifar10 --methods full ac-norm ac-norm-diagonal)
  costs=(--rounds 1 --dataset bccd_crops --models "${models[@]}")
  peer_epochs=1
  export STUDY_TABLES="$study/tables"
else
  "$python" "$here/sources.py" --data "$shared/data" --out "$study/networks"
fi
tables=${STUDY_TABLES:-$here}
mkdir -p "$tables/raw" "$tables/results"

"$python" "$here/study.py" "$study" --shared "$shared"
arguments=()
for name in $datasets; do arguments+=(--data "$study/datasets/$name"); done
for rate in $rates; do arguments+=(--lr "$rate"); done
"$python" -m acrank benchmark "${arguments[@]}" "${extra[@]}" \
  --zoo "$study/zoo.yaml" --trust-code --seeds "$seeds" --batch-size 16 \
  --set finetune.val_share=0.25 --set finetune.head_lr_factor=3 \
  --metric all,bn_probe,gradient_ratio,ac_corr_shuffled \
  --jobs 2 --threads 2 --timeout 10m --output "$study/benchmark"
cp "$study/own.csv" "$study"/benchmark/{cells,SCORES}.csv "$tables/raw/"
"$python" "$here/forms.py" "$study/benchmark" --zoo "$study/zoo.yaml" --trust-code \
  --csv "$tables/raw/FORMS.csv" --threads 2 "${forms[@]}"
"$python" "$here/rates.py" "$study" --csv "$tables/raw/rates.csv" "${rate_data[@]}"
STUDY_EPOCHS=$peer_epochs "$python" "$here/peers.py" "$study" --csv "$tables/raw/peers.csv" "${peers[@]}"
"$python" "$here/evidence.py"
"$python" "$here/choices.py"
"$python" "$here/compare_peers.py"
"$python" "$here/cost.py" "$study" "${costs[@]}"
for figure in truth scores forms budgets peers; do "$python" "$here/figures.py" "$figure"; done
