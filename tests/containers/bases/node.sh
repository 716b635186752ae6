#!/bin/sh
# This machine's Node and npm ($NODE) into the tree $1: Debian's npm drags four hundred packages along.
set -eu
node=$(readlink -f "$NODE")
modules=$("$node" -p 'require("path").dirname(require("fs").realpathSync(process.argv[1]))' "$(command -v npm)")/..
install -D -m 755 "$node" "$1/usr/local/bin/node"
mkdir -p "$1/usr/local/lib/node_modules"
cp -r "$modules" "$1/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
# The registry may be reached through a proxy with a certificate of its own, as on this machine.
mkdir -p "$1/usr/local/etc"
echo "cafile=/etc/ssl/certs/ca-certificates.crt" >"$1/usr/local/etc/npmrc"
chroot "$1" npm --version >/dev/null
