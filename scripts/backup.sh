#!/usr/bin/env bash
# Back up the database of DATABASE_URL into FILE, consistent as of one moment, while all goes on.
# usage: DATABASE_URL=… scripts/backup.sh FILE     (PG_BIN: the folder of pg_dump, when not in PATH)
set -eu
: "${DATABASE_URL:?Set DATABASE_URL to the database to back up}"
file=${1:?usage: scripts/backup.sh FILE}
dump=${PG_BIN:+$PG_BIN/}pg_dump
# Written beside the file and renamed: a backup that was cut off is never taken for one.
trap 'rm -f "$file.part"' EXIT
"$dump" --format=custom --compress=6 --no-owner --no-privileges --file="$file.part" "$DATABASE_URL"
mv "$file.part" "$file"
