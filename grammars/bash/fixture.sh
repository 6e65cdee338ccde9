#!/usr/bin/env bash
# Backs folders up, one after another.
# Needs tar.

source "$HOME/lib/log.sh"
#       ^^^^^ import "$HOME/lib/log.sh"
. ./defaults.sh
# ^^^^^^^^^^ import "./defaults.sh"

readonly KEEP=7
FOLDERS=(
# <- constant FOLDERS
  "$HOME/docs"
  "$HOME/写真"
)
declare -A targets=(
#          ^^^^^^^ constant targets
  [docs]=nas
  [photos]=cloud
)

# Prints a line with the time.
log_line() { printf '%s %s\n' "$(stamp now)" "📦 $*"; }
# <- function log_line doc="Prints a line with the time."
#                                ^^^^^ call
#            ^^^^^^ nothing

# Backs one folder up.
#
# $1 folder
function backup_folder {
#        ^^^^^^^^^^^^^ function backup_folder doc="Backs one folder up.  $1 folder"
  local name="${1##*/}" archive
  inner() { rm -rf "$name"; }
  archive="$(archive_name "$name")"
#            ^^^^^^^^^^^^ call
  if ! tar -czf "$archive" "$1" | pv_or_cat; then
#      ^^^ call
#                                 ^^^^^^^^^ call
    log_line "failed: $name (${KEEP:-0})"
#   ^^^^^^^^ call
#                              ^^^^ name
    return 1
  fi
  with_retry upload_one "$archive" && cd "$TARGET_DIR" || inner
# ^^^^^^^^^^ call
#            ^^^^^^^^^^ name
#                                          ^^^^^^^^^^ name
#                                                         ^^^^^ call
}

function upload-all() (
#        ^^^^^^^^^^ function upload-all
  for folder in "${FOLDERS[@]}"; do backup_folder "$folder"; done
#                  ^^^^^^^ name
#                                   ^^^^^^^^^^^^^ call
)

prune-old() {
# <- function prune-old
  find . -mtime "+$KEEP" -exec remove_one {} \;
#                  ^^^^ name
  cat <<EOF
kept $KEEP of ${#FOLDERS[@]}
EOF
}

if [ -z "$NO_COLOR" ]; then
#         ^^^^^^^^ name
  paint() { tput setaf 1; }
# ^^^^^ function paint
#           ^^^^ call
fi

trap clean_up EXIT
#    ^^^^^^^^ call
upload-all "$@"
