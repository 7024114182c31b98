#!/usr/bin/env bash
# Every side on every workload, alternately, as one table: `run.sh [THREADS] [ROUNDS] [WORKLOAD..]`.
# Needs the packages of requirements.txt in the Python that $PYTHON names.
set -euo pipefail
cd "$(dirname "$0")"
threads=${1:-1} rounds=${2:-1}
shift $(($# < 2 ? $# : 2))
workloads=("$@")
[ ${#workloads[@]} -gt 0 ] || workloads=(W1 W2 W3 W4 W5 W7)
python=${PYTHON:-python3}
cpus=$((threads - 1))
export OMP_NUM_THREADS=$threads
(cd ../.. && cargo build --release -q -p wengert-benches --bin steps)
steps=${CARGO_TARGET_DIR:-../../target}/release/steps
table=$(mktemp)
trap 'rm -f "$table"' EXIT
for ((round = 0; round < rounds; round++)); do
    for workload in "${workloads[@]}"; do
        taskset -c 0-$cpus "$steps" --json --only "$workload" --threads "$threads" |
            "$python" -c 'import json, sys
for r in json.load(sys.stdin):
    numbers = [r["median"], r["minimum"], *r["losses"], r["peak_memory"]]
    print(r["engine"], r["workload"], r["threads"], *("%.6f" % n for n in numbers), sep="\t")' >>"$table"
        taskset -c 0-$cpus "$python" jax_steps.py "$workload" "$threads" >>"$table"
        for mode in eager eager_fused compile; do
            [ "$workload" = W7 ] && [ $mode = eager_fused ] && continue
            # The compiled side needs a C++ compiler; where there is none it is left out.
            taskset -c 0-$cpus "$python" torch_steps.py $mode "$workload" "$threads" >>"$table" ||
                echo "torch-$mode $workload: failed" >&2
        done
    done
done
"$python" table.py <"$table"
