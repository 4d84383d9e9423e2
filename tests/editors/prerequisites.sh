# Sourced by the run-* scripts: where things are, and what to do when something is not to be had.
#
# A prerequisite that is absent (no network, no such package here) skips the test with code 77, and
# says so. With CI=true it is a failure: there the clients have to be.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export ESPALIER_TEST_CACHE=${ESPALIER_TEST_CACHE:-$root/build/test-cache}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

absent() {
  if [ "${CI:-}" = true ]; then
    say "error: $*"
    exit 1
  fi
  say "skipped: $*"
  exit 77
}

need_command() {
  command -v "$1" >/dev/null || absent "the command '$1' is needed"
}

# Runs a fetch script; its output, a path, goes into the variable named first.
fetch_into() {
  local -n target=$1
  local status=0
  target=$("$here/$2") || status=$?
  case $status in
    0) ;;
    77) absent "$2 could not get what it needs" ;;
    *) say "error: $2 failed"; exit 1 ;;
  esac
}

# The shipped model, wherever the build folder is. Not a prerequisite: without it nothing works.
if [ -z "${ESPALIER_MODEL:-}" ]; then
  for model in "$root"/engine/models/*.gguf; do
    [ -f "$model" ] || { say "error: no model in engine/models"; exit 1; }
    export ESPALIER_MODEL=$model
    break
  done
fi
