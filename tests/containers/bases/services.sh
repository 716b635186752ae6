#!/bin/sh
# What the official images of nginx, Valkey and PostgreSQL have beside the programs, for the tree $1: users by these
# names, folders that are theirs, and PostgreSQL's first start.
set -eu
chroot "$1" sh -euc '
    pg_dropcluster --stop 17 main 2>/dev/null || true
    getent group nginx >/dev/null || groupadd --system nginx
    getent passwd nginx >/dev/null || useradd --system --no-create-home --gid nginx nginx
    usermod --append --groups nginx nginx
    install -d -o valkey -g valkey /data
    install -d -o postgres -g postgres /var/lib/postgresql/data /var/run/postgresql
'
cat >"$1/usr/local/bin/postgres-entrypoint" <<'EOF'
#!/bin/sh
# As much of the official image's entrypoint as docker-compose.yml needs: a first start makes the user and the database.
set -eu
export PGDATA="${PGDATA:-/var/lib/postgresql/data}"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password)
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    printf 'CREATE DATABASE "%s"\n' "$POSTGRES_DB" | postgres --single postgres >/dev/null
fi
exec "$@"
EOF
chmod 755 "$1/usr/local/bin/postgres-entrypoint"
