#!/usr/bin/env bash
# The study of `acrank choose`, from the datasets to the tables: about five hours of one core.
#
#   benchmarks/choose/run.sh STUDY LITE
#
# LITE is a folder with tf_efficientnet_lite0.safetensors, in timm's names. It goes on where it was
# stopped. ACRANK_SHARED names the folder of datasets and weights.
set -euo pipefail
study=$1
lite=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shared=${ACRANK_SHARED:-$root/../shared}
python=${PYTHON:-python}
export PYTHONPATH="$root:$here" OMP_NUM_THREADS=1

mkdir -p "$study" "$here/raw"
[ -f "$study/volumes/zoo.yaml" ] || "$python" "$root/benchmarks/volumes/pretrain.py" "$study/volumes"
[ -f "$study/sign_digits/zoo.yaml" ] ||
  "$python" "$here/lay_out.py" "$study" --shared "$shared" --lite "$lite" --volumes "$study/volumes"
"$python" "$here/oracle.py" "$study" --csv "$here/raw/oracle.csv"
"$python" "$here/look.py" "$study" --csv "$here/raw/look.csv"
"$python" "$here/choose_study.py" "$study" --oracle "$here/raw/oracle.csv" --csv "$here/raw/study.csv"
"$python" "$here/sizes.py" "$study" --csv "$here/raw/sizes.csv"
"$python" "$here/choose_tables.py"
