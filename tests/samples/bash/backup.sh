#!/usr/bin/env bash
# backup.sh: dated copies of folders, in which unchanged files are hard links to the
# copy before, so that each copy is complete and costs only what has changed.
#
#   backup.sh [-n] [-k COUNT] [-x PATTERN]... SOURCE... TARGET
set -euo pipefail

readonly program=${0##*/}
keep=14
dry_run=false
declare -a excludes=()
declare -a sources=()

usage() {
  cat <<USAGE
usage: $program [-n] [-k COUNT] [-x PATTERN]... SOURCE... TARGET

  -n          show what would be done
  -k COUNT    keep so many copies (default: $keep)
  -x PATTERN  leave out what matches, may be given more than once
USAGE
}

log() {
  printf '%(%H:%M:%S)T %s\n' -1 "$*" >&2
}

die() {
  log "error: $*"
  exit 1
}

run() {
  if $dry_run; then
    printf 'would run:'
    printf ' %q' "$@"
    echo
  else
    "$@"
  fi
}

parse_options() {
  local option
  while getopts ':nk:x:h' option; do
    case $option in
      n) dry_run=true ;;
      k)
        [[ $OPTARG =~ ^[1-9][0-9]*$ ]] || die "-k needs a number, not \"$OPTARG\""
        keep=$OPTARG
        ;;
      x) excludes+=("--exclude=$OPTARG") ;;
      h)
        usage
        exit 0
        ;;
      :) die "-$OPTARG needs a value" ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  shift $((OPTIND - 1))
  if (($# < 2)); then
    usage >&2
    exit 2
  fi
  target=${!#}
  sources=("${@:1:$#-1}")
}

# The name of the newest complete copy, empty when there is none.
newest_copy() {
  local copy newest=
  for copy in "$target"/[0-9]*; do
    if [[ -d $copy && $copy != *.partial ]]; then
      newest=$copy
    fi
  done
  echo "$newest"
}

free_kilobytes() {
  df -Pk "$1" | awk 'NR == 2 { print $4 }'
}

check_space() {
  local needed=0 size free source
  for source in "${sources[@]}"; do
    size=$(du -sk "$source" | cut -f1)
    needed=$((needed + size))
  done
  free=$(free_kilobytes "$target")
  if [ "$needed" -gt "$free" ]; then
    log "the sources have $needed KiB, only $free KiB are free: links must save the rest"
  fi
}

copy_sources() {
  local stamp partial previous
  stamp=$(date +%Y-%m-%dT%H%M%S)
  partial=$target/$stamp.partial
  previous=$(newest_copy)

  local -a options=(--archive --delete --numeric-ids "${excludes[@]}")
  if [[ -n $previous ]]; then
    log "linking to ${previous##*/}"
    options+=("--link-dest=$(realpath "$previous")")
  fi
  run mkdir -p "$partial"
  run rsync "${options[@]}" "${sources[@]}" "$partial/"
  run mv "$partial" "${partial%.partial}"
  log "wrote $stamp"
}

remove_old() {
  local -a copies
  mapfile -t copies < <(find "$target" -maxdepth 1 -type d -name '[0-9]*' ! -name '*.partial' | sort)
  local surplus=$((${#copies[@]} - keep))
  local i
  for ((i = 0; i < surplus; i++)); do
    log "removing ${copies[i]##*/}"
    run rm -rf -- "${copies[i]}"
  done
}

lock() {
  exec 9>"$target/.lock"
  if ! flock --nonblock 9; then
    die "another backup to $target is running"
  fi
  trap 'rm -f "$target/.lock"' EXIT
}

main() {
  parse_options "$@"

  local source
  for source in "${sources[@]}"; do
    [[ -r $source ]] || die "cannot read $source"
  done
  command -v rsync >/dev/null || die 'rsync is needed'

  mkdir -p "$target" || die "cannot create $target"
  lock
  check_space
  copy_sources
  remove_old
  log "done in ${SECONDS}s"
}

main "$@"
