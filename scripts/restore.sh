#!/usr/bin/env bash
# Restore FILE into the empty database of DATABASE_URL, whole or not at all.
# usage: DATABASE_URL=… scripts/restore.sh FILE    (PG_BIN: the folder of pg_restore, psql)
# Afterwards start the product with MKTERP_DRY_RUN=1 and read docs/deploy.md, "After a restore".
set -eu
: "${DATABASE_URL:?Set DATABASE_URL to the new, empty database}"
file=${1:?usage: scripts/restore.sh FILE}
bin=${PG_BIN:+$PG_BIN/}
tables=$("${bin}psql" --no-psqlrc -At -c \
    "select count(*) from pg_tables where schemaname = 'public'" "$DATABASE_URL")
if [ "$tables" != 0 ]; then
    echo "The database holds $tables tables already. Create an empty one and name it in DATABASE_URL." >&2
    exit 1
fi
"${bin}pg_restore" --single-transaction --exit-on-error --no-owner --no-privileges \
    --dbname="$DATABASE_URL" "$file"
