#!/usr/bin/env bash
# Trains the three bundled networks side by side on one machine, from nothing but a folder of clips:
#
#     train/all_networks.sh DATA OUT MINUTES [options of train.fit_predictor]
#
# Side by side, because one network of this size leaves a GPU waiting between its many small steps. Each writes its state
# every minute and goes on from it when the script is started again.
set -euo pipefail
data=$1 out=$2 minutes=$3
shift 3
mkdir -p "$out"
cache=${VP_CACHE:-$out/cache}
python3 -m train.cache --data "$data" --cache "$cache" --part train+validation
runs=() failed=0
for name in ${VP_NETWORKS:-lvln full_res one_frame}; do
  python3 -m train.fit_predictor "$name" --data "$data" --cache "$cache" --out "$out/$name" \
    --minutes "$minutes" --save-every 1 --score-every 1 "$@" >"$out/$name.txt" 2>&1 &
  runs+=($!)
done
for run in "${runs[@]}"; do wait "$run" || failed=1; done
tail -n 2 "$out"/*.txt
exit $failed
