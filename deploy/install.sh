#!/bin/sh
# Installs Platekeeper into a new environment, with what the named packages under services/ need and nothing else:
#   deploy/install.sh ENVIRONMENT [ingest recognition hotlist retention release access-audit]
# or only writes to a file what that would be: deploy/install.sh --resolve FILE [...]
# Run from the root of the sources. Versions and hashes are those of requirements.lock. UV: the uv to use.
set -eu
only=
[ "${1:-}" != --resolve ] || { only=yes && shift; }
environment=${1:?where to}
shift
uv=${UV:-uv}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pinned() { # FILE, and what it is resolved from; what stands in the lock keeps its version and hashes
    file=$1
    shift
    cp requirements.lock "$file"
    "$uv" pip compile "$@" --python-version 3.11 --generate-hashes --quiet --no-header --no-annotate --output-file "$file"
}

# Our own packages are installed below; here they stand for nothing, so that only what the named ones need is resolved.
for project in libs/* services/*; do
    echo "platekeeper-${project##*/} ; sys_platform == 'never'"
done >"$work/none"
echo "opencv-python ; sys_platform == 'never'" >>"$work/none" # as pyproject.toml has it
projects="pyproject.toml libs/common/pyproject.toml libs/verify/pyproject.toml"
for name in "$@"; do
    projects="$projects services/$name/pyproject.toml"
done
# shellcheck disable=SC2086 # several words
pinned "$work/needed.txt" $projects --override "$work/none"
if [ -n "$only" ]; then
    cp "$work/needed.txt" "$environment"
    exit
fi
pinned "$work/build.txt" --group build

"$uv" venv --quiet "$work/build"
"$uv" pip sync --quiet --python "$work/build/bin/python" --require-hashes "$work/build.txt"
for project in . libs/* services/*; do
    "$uv" build --quiet --wheel --no-build-isolation --python "$work/build/bin/python" --out-dir "$work/wheels" "$project"
done

"$uv" venv --quiet "$environment"
"$uv" pip sync --quiet --python "$environment/bin/python" --compile-bytecode --require-hashes "$work/needed.txt"
"$uv" pip install --quiet --python "$environment/bin/python" --compile-bytecode --no-deps "$work"/wheels/*.whl
