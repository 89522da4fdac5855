#!/bin/sh
# Create the keys, tokens and passwords for docker-compose.yml, once:
#
#   config/compose/secrets.sh [FOLDER]      (default: .slimgate/compose)
#
# Existing files are kept. To change a secret, delete its files, run this again and recreate the
# services: docker compose up --force-recreate. Grafana keeps the password of its first start:
# docker compose exec grafana grafana cli admin reset-admin-password NEW
#
# Compose mounts the files with their permissions, and each service reads them as its own user. So
# the folder, not the files, is closed to other users of this machine.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-.slimgate/compose}

umask 077
mkdir -p "$folder"
chmod 700 "$folder"

random() {
  od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# Write standard input to a file atomically.
save() {
  cat > "$folder/.$1"
  chmod 444 "$folder/.$1"
  mv -f "$folder/.$1" "$folder/$1"
}

for name in admin-token engine-token grafana-password; do
  [ -e "$folder/$name" ] || random 24 | save "$name"
done

if ! [ -e "$folder/s3-secret-key" ] || ! [ -e "$folder/seaweedfs-s3.json" ]; then
  key=$(random 24)
  printf '{"identities": [{"name": "slimgate", "actions": ["Admin", "Read", "Write", "List", "Tagging"], "credentials": [{"accessKey": "slimgate", "secretKey": "%s"}]}]}\n' "$key" \
    | save seaweedfs-s3.json
  printf '%s' "$key" | save s3-secret-key
fi

# The gateway gets the commands it needs; others may only PING.
if ! [ -e "$folder/redis-url" ] || ! [ -e "$folder/redis-users" ]; then
  password=$(random 24)
  printf '%s\n' \
    'user default on nopass resetkeys resetchannels -@all +ping' \
    "user slimgate on >$password resetkeys ~slimgate:* resetchannels &slimgate:* -@all +@read +@write +@scripting +@pubsub +@connection +cluster -@dangerous" \
    | save redis-users
  printf 'redis://slimgate:%s@redis:6379/0' "$password" | save redis-url
fi
