#!/usr/bin/env bash
# Stops the brokers that start.sh started; by force those that take longer than 30 seconds. The data stays.
#   docker/kafka/stop.sh [--data DIR]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/running.sh"
data=onlooker-data/kafka
case ${1:-} in
  '') ;;
  --data) data=${2:?--data needs a folder} ;;
  -h | --help) sed -n '2,3s/^# *//p' "$0"; exit 0 ;;
  *) echo "stop.sh does not know $1: say --data DIR." >&2; exit 2 ;;
esac
[ -d "$data" ] || { echo "There is no data folder $data." >&2; exit 2; }
data=$(cd "$data" && pwd)

stopping=()
for folder in "$data"/broker-*; do
  ! running "$folder" || { stopping+=("$folder"); kill "$(cat "$folder/pid")"; }
done
[ ${#stopping[@]} -gt 0 ] || { echo "No broker of $data is running."; exit 0; }
until=$((SECONDS + 30))
for folder in "${stopping[@]}"; do
  while running "$folder" && [ $SECONDS -lt $until ]; do sleep 0.1; done
  ! running "$folder" || { echo "$(basename "$folder") did not stop in time and is killed." >&2; kill -9 "$(cat "$folder/pid")"; }
  rm -f "$folder/pid"
done
echo "Stopped ${#stopping[@]} of Kafka's brokers; the data stays in $data."
