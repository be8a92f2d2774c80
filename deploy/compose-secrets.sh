#!/bin/sh
# Makes the secrets of deploy/compose.yaml once, in FOLDER (deploy/secrets): fresh passwords, the certificate of the database,
# and the key that wraps every key of the platform. Whoever loses that one has lost every picture. Needs openssl.
# It makes the folder whole or not at all: each value is made in an assignment, whose failure ends the script.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
[ ! -e "$folder" ] || { echo "$folder is there already" >&2 && exit 1; }
mkdir -p "$(dirname "$folder")"
part=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$part"' EXIT

fresh() { openssl rand -hex 24; }

openssl rand -out "$part/kek" 32
# It vouches for itself: processes believe this certificate and no other (PGSSLROOTCERT).
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=postgres \
    -addext subjectAltName=DNS:postgres -keyout "$part/database.key" -out "$part/database.pem" 2>"$part/said" ||
    { cat "$part/said" >&2 && exit 1; }
rm "$part/said"
administrator=$(fresh) objects=$(fresh)
printf '%s\n' "POSTGRES_PASSWORD=$administrator" "OBJECTS_SECRET=$objects" >"$part/compose.env"
comma=
for role in ingest_api recognition_worker hotlist_api hotlist_worker retention_api retention_worker release_api \
    accounts_api accounts_worker ledger_api ledger_worker publication_api publication_worker; do
    password=$(fresh)
    echo "PASSWORD_$(echo "$role" | tr a-z A-Z)=$password" >>"$part/compose.env"
    printf '%s"%s": "%s"' "${comma:-{}" "$role" "$password" >>"$part/passwords.json"
    comma=', '
done
echo '}' >>"$part/passwords.json"
# `migrate` reads this one as a user of its own; the folder is closed to everyone else. The others are placed for their
# users by the service `secrets`.
chmod 0444 "$part/passwords.json"
mv "$part" "$folder"
