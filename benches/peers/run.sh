#!/usr/bin/env bash
# Every side on every workload, alternately, as one table: `run.sh [THREADS] [ROUNDS] [WORKLOAD..]`.
# Needs the packages of requirements.txt in the Python that $PYTHON names, and a C++ compiler for
# torch.compile: a side that fails is left out of the table, and said.
set -euo pipefail
cd "$(dirname "$0")"
threads=${1:-1} rounds=${2:-3}
shift $(($# < 2 ? $# : 2))
workloads=("$@")
[ ${#workloads[@]} -gt 0 ] || workloads=(W1 W2 W3 W4 W5 W7)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=$threads
[ -n "${STEPS:-}" ] || (cd ../.. && cargo build --release -q -p wengert-benches --bin steps --features peers)
steps=${STEPS:-${CARGO_TARGET_DIR:-../../target}/release/steps}
# The rows of all sides so far; a file that $ROWS names is added to, and kept.
rows=${ROWS:-}
if [ -z "$rows" ]; then
    rows=$(mktemp)
    trap 'rm -f "$rows"' EXIT
fi
# One side, on as many processors as threads.
side() {
    taskset -c "0-$((threads - 1))" "$@" >>"$rows" || echo "failed: $*" >&2
}
for ((round = 0; round < rounds; round++)); do
    for workload in "${workloads[@]}"; do
        for engine in wengert candle burn dfdx; do
            side "$steps" --json --engine $engine --only "$workload" --threads "$threads"
        done
        side "$python" jax_steps.py "$workload" "$threads"
        modes=(eager eager_fused compile compile_all)
        [ "$workload" != W7 ] || modes=(eager compile)
        for mode in "${modes[@]}"; do
            side "$python" torch_steps.py "$mode" "$workload" "$threads"
        done
    done
done
"$python" table.py <"$rows"
