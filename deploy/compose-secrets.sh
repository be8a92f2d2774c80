#!/bin/sh
# Makes the secrets of deploy/compose.yaml once, in FOLDER (deploy/secrets): fresh passwords, and the key that wraps every key
# of the platform. Whoever loses that one has lost every picture.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
[ ! -e "$folder" ] || { echo "$folder is there already" >&2 && exit 1; }
mkdir -p "$folder"

fresh() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

head -c 32 /dev/urandom >"$folder/kek"
{
    echo "POSTGRES_PASSWORD=$(fresh)"
    echo "OBJECTS_SECRET=$(fresh)"
} >"$folder/compose.env"
comma=
for role in ingest_api recognition_worker hotlist_api hotlist_worker retention_api retention_worker release_api \
    accounts_api accounts_worker ledger_api ledger_worker publication_api publication_worker; do
    password=$(fresh)
    echo "PASSWORD_$(echo "$role" | tr a-z A-Z)=$password" >>"$folder/compose.env"
    printf '%s"%s": "%s"' "${comma:-{}" "$role" "$password"
    comma=', '
done >"$folder/passwords.json"
echo '}' >>"$folder/passwords.json"
# Containers read them as a user of their own; the folder is closed to everyone else.
chmod 0444 "$folder/kek" "$folder/passwords.json"
