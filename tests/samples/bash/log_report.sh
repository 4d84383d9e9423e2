#!/bin/bash
#
# Summarises web server logs in the combined format: requests, errors and traffic by hour,
# and the clients and paths seen most often.

set -o errexit -o nounset -o pipefail

top=10
format=text

declare -A requests_by_hour=()
declare -A bytes_by_hour=()
declare -A clients=()
declare -A paths=()
declare -A statuses=()
total=0
skipped=0

warn() { echo "$(basename "$0"): $*" >&2; }

help() {
  sed -n 's/^#[[:space:]]\{0,1\}//p' "$0" | head -n 4
  echo "usage: $(basename "$0") [--top N] [--json] [FILE...]"
}

# Prints a file, unpacked when its name says that it is compressed.
open_log() {
  local path=$1
  case "$path" in
    *.gz) gzip -dc -- "$path" ;;
    *.bz2 | *.bz) bzip2 -dc -- "$path" ;;
    -) cat ;;
    *) cat -- "$path" ;;
  esac
}

count_line() {
  local line=$1
  local pattern='^([^ ]+) [^ ]+ [^ ]+ \[([0-9]+/[A-Za-z]+/[0-9]+):([0-9]+):[^]]*\] "([A-Z]+) ([^ "]+)[^"]*" ([0-9]{3}) ([0-9]+|-)'

  if [[ ! $line =~ $pattern ]]; then
    skipped=$((skipped + 1))
    return 0
  fi
  local client=${BASH_REMATCH[1]}
  local hour=${BASH_REMATCH[3]}
  local path=${BASH_REMATCH[5]%%\?*}
  local status=${BASH_REMATCH[6]}
  local bytes=${BASH_REMATCH[7]}
  [[ $bytes == - ]] && bytes=0

  total=$((total + 1))
  requests_by_hour[$hour]=$((${requests_by_hour[$hour]:-0} + 1))
  bytes_by_hour[$hour]=$((${bytes_by_hour[$hour]:-0} + bytes))
  clients[$client]=$((${clients[$client]:-0} + 1))
  paths[$path]=$((${paths[$path]:-0} + 1))
  statuses[${status:0:1}xx]=$((${statuses[${status:0:1}xx]:-0} + 1))
}

human() {
  local value=$1 unit
  for unit in B KiB MiB GiB; do
    if ((value < 1024)) || [ "$unit" = GiB ]; then
      echo "$value $unit"
      return
    fi
    value=$((value / 1024))
  done
}

print_top() {
  local title=$1
  local -n table=$2
  local key
  echo
  echo "$title"
  for key in "${!table[@]}"; do
    printf '%8d  %s\n' "${table[$key]}" "$key"
  done | sort -k1,1nr -k2 | head -n "$top" || true
}

print_hours() {
  local hour bar width=50 most=1
  for hour in "${!requests_by_hour[@]}"; do
    if ((requests_by_hour[$hour] > most)); then
      most=${requests_by_hour[$hour]}
    fi
  done
  for hour in {00..23}; do
    local count=${requests_by_hour[$hour]:-0}
    printf -v bar '%*s' $((count * width / most)) ''
    printf '%s:00 %7d %10s %s\n' "$hour" "$count" \
      "$(human "${bytes_by_hour[$hour]:-0}")" "${bar// /#}"
  done
}

print_json() {
  local key separator=
  printf '{"requests":%d,"skipped":%d,"statuses":{' "$total" "$skipped"
  for key in "${!statuses[@]}"; do
    printf '%s"%s":%d' "$separator" "$key" "${statuses[$key]}"
    separator=,
  done
  printf '}}\n'
}

files=()
while [ $# -gt 0 ]; do
  case "$1" in
    --top)
      top=${2:?--top needs a number}
      shift 2
      ;;
    --json)
      format=json
      shift
      ;;
    -h | --help)
      help
      exit 0
      ;;
    --)
      shift
      files+=("$@")
      break
      ;;
    -?*)
      warn "unknown option $1"
      exit 2
      ;;
    *)
      files+=("$1")
      shift
      ;;
  esac
done
[ ${#files[@]} -gt 0 ] || files=(-)

for file in "${files[@]}"; do
  if [ "$file" != - ] && [ ! -r "$file" ]; then
    warn "cannot read $file"
    continue
  fi
  while IFS= read -r line || [ -n "$line" ]; do
    count_line "$line"
  done < <(open_log "$file")
done

if [ "$format" = json ]; then
  print_json
else
  echo "$total requests, $skipped lines not understood"
  print_hours
  print_top 'Clients' clients
  print_top 'Paths' paths
  print_top 'Statuses' statuses
fi
