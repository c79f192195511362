#!/usr/bin/env bash
# Rehearsal of the programme for a machine with a GPU that has no network and lacks some packages.
#
#     bench/gpu/rehearse.sh [PYTHON] [FOLDER]
#
# PYTHON is a python3.12 (default: the one on the path), FOLDER a folder to work in (default: runs/gpu_rehearsal).
# The script makes an environment with torch and common scientific packages alone, collects the wheels that are
# missing there (wheels.txt) in FOLDER/wheels, installs them without an index into FOLDER/site, and runs the
# programme on the CPU from the checkout, without a network if the system can take it away.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${1:-python3.12}
folder=$(realpath --canonicalize-missing "${2:-runs/gpu_rehearsal}")
most_mib=64
there=(torch==2.11.0 click filelock jinja2 joblib matplotlib "numpy>=2" pandas psutil pyarrow pyyaml rich
    scikit-learn scipy seaborn tabulate tensorboard torchdiffeq tqdm)
platforms=(--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64)

mkdir -p "$folder"
if [ ! -x "$folder/env/bin/python" ]; then
    "$python" -m venv "$folder/env"
    "$folder/env/bin/pip" install --quiet "${there[@]}"
fi
"$folder/env/bin/python" -c 'import sys, torch; print("Python", sys.version.split()[0], "torch", torch.__version__)'

rm -rf "$folder/wheels" "$folder/site" "$folder/rows"
while read -r wheel; do
    # What has no wheel on the index is pure Python, and a wheel of it is made here.
    "$folder/env/bin/pip" download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
        --implementation cp "${platforms[@]}" --dest "$folder/wheels" "$wheel" 2>/dev/null ||
        "$folder/env/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder/wheels" "$wheel"
done < bench/gpu/wheels.txt

mib=$(du --summarize --apparent-size --block-size=MiB "$folder/wheels" | cut --delimiter=M --fields=1)
echo "$mib MiB of wheels"
if [ "$mib" -ge "$most_mib" ]; then
    echo "the wheels are too large: fewer than $most_mib MiB can be carried" >&2
    exit 1
fi

"$folder/env/bin/pip" install --quiet --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target "$folder/site" "$folder"/wheels/*.whl

apart=()
if unshare --map-root-user --net true 2>/dev/null; then
    apart=(unshare --map-root-user --net)
fi
echo "network: $([ ${#apart[@]} -gt 0 ] && echo none || echo "not taken away, the system does not allow it")"
PYTHONPATH="$PWD:$folder/site" OMP_NUM_THREADS=1 "${apart[@]}" "$folder/env/bin/python" \
    -c "from bench.commands.main import main; main()" time gpu --device cpu --scale 0.005 --out "$folder/rows"
