#!/usr/bin/env bash
# Prints the folder with Kafka's jars; fetches them from Maven Central when they are not there yet.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ONLOOKER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onlooker}
jars=$cache/kafka-$(cksum <"$here/pom.xml" | cut -d' ' -f1)

die() { echo "$1" >&2; exit 3; }

command -v java >/dev/null || die "Kafka needs Java 17 or newer: apt-get install openjdk-17-jre-headless"
version=$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1)
[ "${version:-0}" -ge 17 ] || die "Kafka needs Java 17 or newer, here is ${version:-an unknown one}: apt-get install openjdk-17-jre-headless"

if [ ! -d "$jars" ]; then
  command -v mvn >/dev/null || die "Kafka's jars are fetched by Maven, once: apt-get install maven"
  mkdir -p "$cache" || die "The cache folder $cache cannot be made: set ONLOOKER_CACHE to one that can."
  fresh=$(mktemp -d "$cache/kafka-fetching.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  echo "Fetching Kafka from Maven Central (43 MB, once)" >&2
  # The plugin works beside its pom, so that gets a folder of its own.
  cp "$here/pom.xml" "$fresh/pom.xml"
  mvn -q -B -Dstyle.color=never -f "$fresh/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$fresh/jars" >&2 || die "Maven could not fetch Kafka's jars (above): is Maven Central reachable?"
  # Somebody else may have been faster: then theirs stay.
  mv -T "$fresh/jars" "$jars" 2>/dev/null || [ -d "$jars" ] || die "The folder $jars cannot be written."
fi
echo "$jars"
