#!/usr/bin/env bash
# Runs one broker in the foreground; start.sh and the tests call it, people call start.sh.
#   broker.sh --data DIR --id N --ports P1,P2,... --controller-ports C1,C2,... [--extra FILE] [--until-stdin-closes]
# The lists have an entry for every broker of the cluster; --extra holds properties that come last and win.
# ONLOOKER_KAFKA_JAVA holds more options for Java, between spaces; the tests start their brokers quicker with it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data='' id='' ports='' controller_ports='' extra='' leashed=''
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=$2; shift 2 ;;
    --id) id=$2; shift 2 ;;
    --ports) ports=$2; shift 2 ;;
    --controller-ports) controller_ports=$2; shift 2 ;;
    --extra) extra=$2; shift 2 ;;
    --until-stdin-closes) leashed=yes; shift ;;
    *) echo "broker.sh does not know $1" >&2; exit 2 ;;
  esac
done
IFS=, read -ra port <<<"$ports"
IFS=, read -ra controller_port <<<"$controller_ports"
brokers=${#port[@]}
replicas=$((brokers < 3 ? brokers : 3))
voters=$(for ((i = 0; i < brokers; i++)); do printf ',%s@127.0.0.1:%s' $((i + 1)) "${controller_port[i]}"; done)
folder=$data/broker-$id
properties=$folder/server.properties
log=$folder/broker.log
mkdir -p "$folder"
[ ! -e "$log" ] || mv "$log" "$log.before"
jars=$("$here/jars.sh" 2> >(tee "$log" >&2))

# The cluster's name: made by the first broker that comes, linked into place so that all read the same one.
if [ ! -e "$data/cluster-id" ]; then
  head -c 16 /dev/urandom | base64 | tr '+/' 'Aa' | cut -c -22 >"$folder/cluster-id"
  ln "$folder/cluster-id" "$data/cluster-id" 2>/dev/null || true
fi

quoted=$(printf %s "$folder/data" | sed 's/[&|\\]/\\&/g')
sed -e "s|@ID@|$id|; s|@VOTERS@|${voters:1}|; s|@DATA@|$quoted|" \
  -e "s|@PORT@|${port[id - 1]}|g; s|@CONTROLLER_PORT@|${controller_port[id - 1]}|" \
  -e "s|@REPLICAS@|$replicas|; s|@IN_SYNC@|$((replicas > 1 ? replicas - 1 : 1))|" "$here/server.properties" >"$properties"
[ -z "$extra" ] || cat "$extra" >>"$properties"

read -ra java <<<"java ${ONLOOKER_KAFKA_JAVA:-}"
quick=("${java[@]}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$jars/*")
[ -e "$folder/data/meta.properties" ] ||
  "${quick[@]}" kafka.tools.StorageTool format -t "$(cat "$data/cluster-id")" -c "$properties" >>"$log" 2>&1

run=("${java[@]}" -Xms256m -Xmx512m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS"
  -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info
  -cp "$jars/*" kafka.Kafka "$properties")
if [ -z "$leashed" ]; then
  echo $$ >"$folder/pid"
  exec "${run[@]}" >>"$log" 2>&1
fi

# On a leash: whoever started this holds the other end of stdin, and when they are gone, so is the broker.
exec 3<&0
"${run[@]}" >>"$log" 2>&1 </dev/null 3<&- &
broker=$!
echo "$broker" >"$folder/pid"
(cat <&3 >/dev/null; kill -9 "$broker" 2>/dev/null) &
leash=$!
wait "$broker" && code=0 || code=$?
kill "$leash" 2>/dev/null || true
exit "$code"
