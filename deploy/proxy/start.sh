#!/bin/sh
# Starts nginx with deploy/proxy/nginx.conf. Nothing of the container can be written to but /tmp.
set -eu

case "$(echo "${DJANGO_BEHIND_PROXY:-0}" | tr A-Z a-z)" in
    1 | true | yes | on) behind=1 ;;
    0 | false | no | off | "") behind=0 ;;
    *)
        echo "proxy cannot start: DJANGO_BEHIND_PROXY must be 1 or 0 (also: true, false, yes, no, on, off)." >&2
        exit 2
        ;;
esac

# The largest thing that the web servers take: a delivery to a webhook, an attached file or a conversation that is
# imported, with what is around it.
body=0
for bytes in "${HOLDFAST_WEBHOOK_BYTES:-26214400}" "${HOLDFAST_MAX_FILE_BYTES:-10000000}" \
    "${HOLDFAST_MAX_IMPORT_BYTES:-50000000}"; do
    case "$bytes" in
        "" | *[!0-9]*)
            echo "proxy cannot start: HOLDFAST_WEBHOOK_BYTES, HOLDFAST_MAX_FILE_BYTES and" \
                "HOLDFAST_MAX_IMPORT_BYTES must be whole numbers." >&2
            exit 2
            ;;
    esac
    [ "$bytes" -le "$body" ] || body=$bytes
done

conf=${TMPDIR:-/tmp}/nginx.conf
resolver=$(sed -n 's/^nameserver *\([0-9.]*\) *$/\1/p' /etc/resolv.conf | head -n 1)
sed -e "s/@BEHIND@/$behind/" -e "s/@BODY@/$((body + 1048576))/" -e "s/@RESOLVER@/${resolver:-127.0.0.11}/" \
    "$(dirname "$0")/nginx.conf" >"$conf"
exec nginx -c "$conf" -g "daemon off;"
