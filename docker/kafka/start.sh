#!/usr/bin/env bash
# Starts Apache Kafka on this machine's loopback: one broker, or a cluster of them; returns when it is ready.
#   docker/kafka/start.sh [--brokers N] [--port P] [--data DIR]
# Broker i listens at port P+i-1, its controller 10000 above. Needs Java 17 and, the first time, Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/running.sh"
brokers=1 port=9092 data=onlooker-data/kafka

refuse() { echo "$1" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --brokers | --port | --data) [ $# -gt 1 ] || refuse "$1 needs a value."; declare "${1#--}=$2"; shift 2 ;;
    -h | --help) sed -n '2,4s/^# *//p' "$0"; exit 0 ;;
    *) refuse "start.sh does not know $1: say --brokers N, --port P or --data DIR." ;;
  esac
done
[[ $brokers =~ ^[1-9]$ ]] || refuse "--brokers must be a number from 1 to 9, not $brokers."
[[ $port =~ ^[0-9]{4,5}$ ]] && [ "$port" -le 55000 ] || refuse "--port must be a number from 1000 to 55000, not $port."
"$here/jars.sh" >/dev/null
mkdir -p "$data" || refuse "The data folder $data cannot be made."
data=$(cd "$data" && pwd)
before=$(find "$data" -maxdepth 1 -name 'broker-*' | wc -l)
[ "$before" -eq 0 ] || [ "$before" -eq "$brokers" ] ||
  refuse "$data holds a cluster of $before: start it with --brokers $before, or choose another --data."

ports='' controller_ports='' bootstrap=''
for ((i = 0; i < brokers; i++)); do
  ports+=,$((port + i)) controller_ports+=,$((port + i + 10000)) bootstrap+=,127.0.0.1:$((port + i))
done
ready="Kafka is ready at ${bootstrap:1}; its data and logs are in $data. Stop it with: $here/stop.sh --data $data"

missing=()
for ((i = 1; i <= brokers; i++)); do
  running "$data/broker-$i" || missing+=("$i")
done
if [ ${#missing[@]} -eq 0 ]; then echo "$ready"; exit 0; fi
for i in "${missing[@]}"; do
  for p in $((port + i - 1)) $((port + i + 9999)); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null ||
      { echo "Somebody else listens at 127.0.0.1:$p: choose another --port." >&2; exit 3; }
  done
done

give_up() {
  echo "$1; the end of ${log:-its log} says:" >&2
  [ ! -e "${log:-}" ] || tail -n 15 "$log" >&2
  "$here/stop.sh" --data "$data" >/dev/null 2>&1 || true
  exit 3
}

for i in "${missing[@]}"; do
  mkdir -p "$data/broker-$i"
  rm -f "$data/broker-$i/broker.log" "$data/broker-$i/pid"
  nohup "$here/broker.sh" --data "$data" --id "$i" --ports "${ports:1}" --controller-ports "${controller_ports:1}" \
    </dev/null >>"$data/broker-$i/script.log" 2>&1 &
  script[i]=$!
done
until=$((SECONDS + 120))
for i in "${missing[@]}"; do
  log=$data/broker-$i/broker.log
  while ! grep -qs 'Kafka Server started' "$log"; do
    kill -0 "${script[i]}" 2>/dev/null || give_up "Broker $i has ended"
    [ $SECONDS -lt $until ] || give_up "Broker $i is not ready after 120 seconds"
    sleep 0.1
  done
done
echo "$ready"
