#!/usr/bin/env bash
# The study of segmentation, from the datasets to the tables: hours of one core, most of them for peers.
#
#   benchmarks/segmentation/run.sh STUDY
#
# It goes on where it was stopped. ACRANK_SHARED names the folder of datasets and weights.
set -euo pipefail
study=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=${ACRANK_SHARED:-$root/../shared}
python=${PYTHON:-python}
jobs=${JOBS:-2}
export PYTHONPATH="$root:$root/benchmarks:$root/benchmarks/transfer:$here" OMP_NUM_THREADS=1

mkdir -p "$study" "$here/raw" "$here/results"
[ -f "$study/zoo.yaml" ] || "$python" "$root/benchmarks/transfer/study.py" "$study" --shared "$shared"
[ -f "$study/volumes/zoo.yaml" ] || "$python" "$root/benchmarks/volumes/pretrain.py" "$study/volumes"

images=(--zoo "$study/zoo.yaml" --trust-code)
for name in cifar10 brain-mri blood-cells mixed rotation random-labels untrained; do
  images+=(--model "demo-$name")
done
for name in imagenet vww widerface; do images+=(--model "mobilenetv1_025_$name"); done
metrics=all,ac_corr_shuffled
common=(--seeds 3 --jobs "$jobs" --threads "$jobs" --timeout 30m)

"$python" -m acrank benchmark --data "$shared/data/seg_nuclei_dsb18" "${images[@]}" --metric "$metrics" \
  --image-size 128 --samples 64 --batch-size 4 --epochs 20 "${common[@]}" --output "$study/nuclei"
"$python" -m acrank benchmark --data "$shared/data/seg_drive_vessels" "${images[@]}" --metric "$metrics" \
  --image-size 192 --batch-size 2 --epochs 30 "${common[@]}" --output "$study/vessels"
"$python" -m acrank benchmark --data "$shared/data/nifti_hippocampus/train" --zoo "$study/volumes/zoo.yaml" \
  --trust-code --metric "$metrics" --epochs 20 "${common[@]}" --output "$study/hippocampus"
for name in nuclei vessels hippocampus; do
  mkdir -p "$here/raw/$name"
  cp "$study/$name"/{cells,SCORES}.csv "$here/raw/$name/"
done
"$python" "$here/mask_peers.py" "$study" --csv "$here/raw/peers.csv" --jobs "$jobs"
"$python" "$here/mask_evidence.py"
"$python" "$here/cc_fv_readings.py" "$study"
"$python" "$root/benchmarks/transfer/compare_peers.py" --tables "$here" --measure dice
