# .sqlx: the answers that let sqlx check queries without a database. Read by ./dev.
# shellcheck shell=bash

# Runs "$@" with DATABASE_URL naming a database that holds the current schema, on a server that is gone afterwards.
with_database() {
    local bin home result=0 migration
    bin=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
    bin=$(dirname "${bin:-$(command -v initdb)}")
    home=$(mktemp -d "${TMPDIR:-/tmp}/marquee-prepare.XXXXXX")
    # Postgres refuses to run as root.
    local user=()
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$home"
        user=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    ${user[@]+"${user[@]}"} "$bin/initdb" -D "$home/data" -A trust -U marquee -E UTF8 --locale=C.UTF-8 >/dev/null
    ${user[@]+"${user[@]}"} "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w -s -o "-k $home -c listen_addresses= -c fsync=off" start
    {
        for migration in migrations/*.sql; do
            psql -q -v ON_ERROR_STOP=1 -1 -h "$home" -U marquee -d postgres -f "$migration" || result=1
        done
        [ $result != 0 ] || DATABASE_URL="postgres:///postgres?host=$home&user=marquee" "$@" || result=1
    }
    ${user[@]+"${user[@]}"} "$bin/pg_ctl" -D "$home/data" -w -s -m immediate stop
    rm -rf "$home"
    return $result
}

# Writes the answers for every query in backends/ to folder $1. sqlx's macros write them while "${@:2}" checks the code against a live
# server.
describe_queries() {
    touch backends/src/lib.rs
    SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$1" "${@:2}"
}

sqlx_current() {
    local fresh="$STAMPS/sqlx-fresh"
    rm -rf "$fresh"
    mkdir -p "$fresh"
    with_database describe_queries "$fresh" clippy
    diff -r "$fresh" .sqlx || die ".sqlx is not current: run ./dev prepare and commit it."
}
