#!/bin/sh
# Prints the secrets that the platform needs before it starts, with fresh passwords; made once, kept by you:
#   deploy/k8s/secrets.sh trial TLS.pem | kubectl create -f -
# TLS.pem holds the gateway's certificate chain and private key. `trial`: credentials of the object store that the trial
# brings; `production`: those of your own store, from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
# It prints all of them or nothing: each value is made in an assignment, whose failure ends the script.
set -eu
umask 077

fail() {
    echo "secrets.sh: $1" >&2
    exit "${2:-1}"
}

[ $# -eq 2 ] || fail 'usage: secrets.sh trial|production TLS.pem' 2
stage=$1 tls=$2
case $stage in
trial) ;;
production)
    for name in AWS_ENDPOINT_URL AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
        eval "[ -n \"\${$name:-}\" ]" || fail "$name says nothing of your object store" 2
    done
    ;;
*) fail "trial or production, not $stage" 2 ;;
esac
for tool in openssl base64 sed tr; do
    command -v "$tool" >/dev/null || fail "$tool is needed"
done
[ -r "$tls" ] || fail "$tls cannot be read"
certified=$(openssl x509 -in "$tls" -noout -pubkey 2>/dev/null) || fail "no certificate in $tls"
held=$(openssl pkey -in "$tls" -passin pass: -pubout 2>/dev/null) || fail "no private key without a passphrase in $tls"
[ "$certified" = "$held" ] || fail "the first certificate in $tls is not of its private key"

fresh() { # so many bytes, as hexadecimal digits
    digits=$(openssl rand -hex "$1")
    [ ${#digits} -eq $((2 * $1)) ] || fail 'openssl gives no random bytes'
    echo "$digits"
}

quoted() { # as YAML
    printf "'"
    printf %s "$1" | sed "s/'/''/g"
    printf "'"
}

all=
add() { # NAME TYPE DATA
    all="$all---
apiVersion: v1
kind: Secret
type: $2
metadata:
  name: $1
  namespace: platekeeper
$3
"
}

for role in ingest_api recognition_worker hotlist_api hotlist_worker retention_api retention_worker release_api \
    accounts_api accounts_worker ledger_api ledger_worker publication_api publication_worker; do
    password=$(fresh 24)
    name=$(echo "$role" | tr _ -)
    add "database-$name" kubernetes.io/basic-auth "  labels: {cnpg.io/reload: \"true\"}
stringData:
  username: $role
  password: $password"
done

# The key that wraps every key of the platform. Whoever loses it has lost every picture: keep a copy, outside backups of data.
kek=$(openssl rand 32 | base64 | tr -d '\n')
[ ${#kek} -eq 44 ] || fail 'openssl gives no random bytes'
add kek Opaque "data:
  kek: $kek"

if [ "$stage" = trial ]; then
    password=$(fresh 24)
    add objects Opaque "stringData:
  AWS_ENDPOINT_URL: http://objects:7070
  AWS_ALLOW_HTTP: \"true\"
  AWS_REGION: us-east-1
  AWS_ACCESS_KEY_ID: platekeeper
  AWS_SECRET_ACCESS_KEY: $password"
else
    url=$(quoted "$AWS_ENDPOINT_URL") region=$(quoted "$AWS_REGION")
    id=$(quoted "$AWS_ACCESS_KEY_ID") key=$(quoted "$AWS_SECRET_ACCESS_KEY")
    add objects Opaque "stringData:
  AWS_ENDPOINT_URL: $url
  AWS_REGION: $region
  AWS_ACCESS_KEY_ID: $id
  AWS_SECRET_ACCESS_KEY: $key"
fi

chain=$(sed 's/^/    /' "$tls")
add gateway-tls Opaque "stringData:
  tls.pem: |
$chain"

printf %s "$all"
