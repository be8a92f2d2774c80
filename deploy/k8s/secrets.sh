#!/bin/sh
# Prints the secrets that the platform needs before it starts, with fresh passwords; made once, kept by you:
#   deploy/k8s/secrets.sh trial TLS.pem | kubectl create -f -
# TLS.pem holds the gateway's certificate chain and private key. `trial`: credentials of the object store that the trial
# brings; `production`: those of your own store, from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
set -eu
umask 077
stage=${1:?trial or production} tls=${2:?the file with certificate and key}

indented() { sed 's/^/    /' "$1"; }

secret() { # NAME TYPE, and the data as YAML on standard input
    printf '%s\n' --- 'apiVersion: v1' 'kind: Secret' "type: $2" 'metadata:' "  name: $1" '  namespace: platekeeper'
    cat
}

for role in ingest_api recognition_worker hotlist_api hotlist_worker retention_api retention_worker release_api \
    accounts_api accounts_worker ledger_api ledger_worker publication_api publication_worker; do
    secret "database-$(echo "$role" | tr _ -)" kubernetes.io/basic-auth <<EOF
  labels: {cnpg.io/reload: "true"}
stringData:
  username: $role
  password: $(openssl rand -hex 24)
EOF
done

# The key that wraps every key of the platform. Whoever loses it has lost every picture: keep a copy, outside backups of data.
secret kek Opaque <<EOF
data:
  kek: $(openssl rand 32 | base64 -w 0)
EOF

case $stage in
trial)
    secret objects Opaque <<EOF
stringData:
  AWS_ENDPOINT_URL: http://objects:7070
  AWS_ALLOW_HTTP: "true"
  AWS_REGION: us-east-1
  AWS_ACCESS_KEY_ID: platekeeper
  AWS_SECRET_ACCESS_KEY: $(openssl rand -hex 24)
EOF
    ;;
production)
    secret objects Opaque <<EOF
stringData:
  AWS_ENDPOINT_URL: ${AWS_ENDPOINT_URL:?}
  AWS_REGION: ${AWS_REGION:?}
  AWS_ACCESS_KEY_ID: ${AWS_ACCESS_KEY_ID:?}
  AWS_SECRET_ACCESS_KEY: ${AWS_SECRET_ACCESS_KEY:?}
EOF
    ;;
*)
    echo "trial or production, not $stage" >&2
    exit 2
    ;;
esac

secret gateway-tls Opaque <<EOF
stringData:
  tls.pem: |
$(indented "$tls")
EOF
