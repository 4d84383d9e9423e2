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

# Packages the VS Code extension; the path of the .vsix file goes into the variable named first. It is
# built in a copy, so that the sources stay clean. Its packages are installed again only when the list
# of them has changed.
package_extension() {
  local -n packaged_file=$1
  local extension=$ESPALIER_TEST_CACHE/extension sources
  mkdir -p "$extension"
  (cd "$root/editors/vscode" && tar -c --exclude=./node_modules --exclude=./out --exclude='*.vsix' .) |
    tar -x -C "$extension"
  pushd "$extension" >/dev/null
  if ! cmp -s package-lock.json node_modules/.installed-lock; then
    say "installing the packages that build the extension"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 ||
      { tail -n 5 npm.log >&2; absent "the packages of editors/vscode/package-lock.json"; }
    cp package-lock.json node_modules/.installed-lock
  fi
  sources=$(cat package.json package-lock.json ./*.mjs ./*.md tsconfig.json .vscodeignore src/* walkthrough/* | sha256sum)
  if [ ! -f espalier.vsix ] || [ "$(cat packaged 2>/dev/null)" != "$sources" ]; then
    say "packaging the extension"
    npm run --silent package -- --out espalier.vsix >package.log 2>&1 ||
      { cat package.log >&2; say "error: the extension does not build"; exit 1; }
    echo "$sources" >packaged
  fi
  popd >/dev/null
  packaged_file=$extension/espalier.vsix
}

# The shipped model, wherever the build folder is. Not a prerequisite: without it nothing works.
if [ -z "${ESPALIER_MODEL:-}" ]; then
  for model in "$root"/engine/models/*.gguf; do
    [ -f "$model" ] || { say "error: no model in engine/models"; exit 1; }
    export ESPALIER_MODEL=$model
    break
  done
fi
