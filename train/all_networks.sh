#!/usr/bin/env bash
# Trains the three bundled networks side by side on one machine, from nothing but a folder of clips:
#
#     train/all_networks.sh DATA OUT MINUTES [options of train.fit_predictor]
#
# Side by side, because one network of this size leaves a GPU waiting between its many small steps. The last fifth of the
# minutes of each is at a low rate (its recipe NAME_finish). What was trained lies in OUT/NAME_finish/export. Each writes its
# state every minute and goes on from it when the script is started again.
set -euo pipefail
data=$1 out=$2 minutes=$3
shift 3
mkdir -p "$out"
cache=$out/cache
python3 -m train.cache --data "$data" --cache "$cache" --part train+validation

fit() {  # RECIPE SHARE [options]: trains for so much of the minutes
  local budget
  budget=$(awk "BEGIN { print $minutes * $2 }")
  python3 -m train.fit_predictor "$1" --data "$data" --cache "$cache" --out "$out/$1" --minutes "$budget" \
    --save-every 1 --score-every 1 "${@:3}"
}

runs=() failed=0
for name in ${VP_NETWORKS:-lvln full_res one_frame}; do
  (fit "$name" 0.8 "$@" && fit "${name}_finish" 0.2 --start "$out/$name/export/$name" "$@") >"$out/$name.txt" 2>&1 &
  runs+=($!)
done
for run in "${runs[@]}"; do wait "$run" || failed=1; done
tail -n 2 "$out"/*.txt
exit $failed
