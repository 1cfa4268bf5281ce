#!/usr/bin/env bash
# Runs the tests that need a GPU, and a table of what checks cost there, in at most 8 minutes.
#
#   tests/cuda/run.sh --prepare   downloads into tests/cuda/wheels what a machine without a network
#                                 may lack. That folder is ignored by git: carry it along.
#   tests/cuda/run.sh             runs, without a network, with the Python named in PYTHON (python3).
#
# The array libraries (PyTorch, JAX, CuPy) are the machine's own. Those that see no GPU are skipped.
# Without any GPU the script says so and ends with status 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

wheels=tests/cuda/wheels
python=${PYTHON:-python3}

# The machine for which --prepare downloads.
python_version=${PYTHON_VERSION:-3.12}
platforms=(--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64
    --platform manylinux2014_x86_64)

# Module and package: our dependencies and those of the tests, each with what it needs itself.
needed=(
    array_api_compat:array-api-compat array_api_extra:array-api-extra optree:optree
    typing_extensions:typing-extensions
    pytest:pytest iniconfig:iniconfig pluggy:pluggy packaging:packaging pygments:pygments
    xdist:pytest-xdist execnet:execnet
    hypothesis:hypothesis sortedcontainers:sortedcontainers
)

# Seconds. The rest of the 8 minutes goes into starting Python and importing the libraries.
table_limit=150
tests_limit=270

if [[ ${1:-} == --prepare ]]; then
    "$python" -m pip download --quiet --no-deps --only-binary=:all: --implementation cp \
        --python-version "$python_version" "${platforms[@]}" --dest "$wheels" "${needed[@]#*:}"
    ls "$wheels"
    exit
fi

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
export PYTHONPATH="$PWD/src:$site${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Several processes share the GPU, and JAX shares it with PyTorch.
export XLA_PYTHON_CLIENT_PREALLOCATE=false
export JAX_ENABLE_X64=1

# The packages of `needed` whose modules Python does not find.
missing() {
    "$python" - "${needed[@]}" <<'PYTHON'
import importlib.util, sys
pairs = (pair.split(":") for pair in sys.argv[1:])
print(*(package for module, package in pairs if importlib.util.find_spec(module) is None))
PYTHON
}

lacking=$(missing)
if [[ -n $lacking && -d $wheels ]]; then
    # shellcheck disable=SC2086  # one word for each package
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --find-links "$wheels" \
        --target "$site" $lacking || true
    lacking=$(missing)
fi
if [[ -n $lacking ]]; then
    echo "These packages are missing: $lacking." >&2
    echo "Run 'tests/cuda/run.sh --prepare' where there is a network, and bring $wheels along." >&2
    exit 1
fi

libraries=$("$python" tests/cuda/ratios.py --list)
if [[ -z $libraries ]]; then
    echo "No GPU: neither PyTorch, JAX nor CuPy sees one here. Nothing was run."
    exit 0
fi
echo "A GPU is seen by: $libraries"

# Run a command for so many seconds at most, then interrupt it: pytest still prints what failed.
within() {
    local limit=$1 status=0
    shift
    timeout --signal=INT --kill-after=20 "$limit" "$@" || status=$?
    if ((status == 124 || status == 137)); then
        echo "Stopped after $limit seconds: $*" >&2
    fi
    return "$status"
}

failed=0
within "$table_limit" "$python" tests/cuda/ratios.py || failed=1
# A warning of another version of a library is no fault of ours: it is shown, and is no error.
workers=$(($(nproc) < 8 ? $(nproc) : 8))
within "$tests_limit" "$python" -m pytest -p no:cacheprovider -m cuda -W default -q \
    --numprocesses="$workers" || failed=1
exit "$failed"
