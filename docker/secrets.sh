#!/usr/bin/env bash
# Makes the passwords of docker/compose.yaml that are not there yet, each in a file of docker/secrets.
# The folder is closed to other users of this machine; the files are readable, for the services in the containers
# run as users that this machine does not know.
set -euo pipefail
folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in clickhouse_password grafana_password; do
  [ ! -e "$folder/$name" ] || continue
  head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/$name.new"
  chmod 444 "$folder/$name.new"
  mv "$folder/$name.new" "$folder/$name"
  echo "made $folder/$name"
done
