# Sourced by start.sh and stop.sh: is the broker of a folder running?

running() { # FOLDER: true when the process named in its pid file is this broker and no later one of that number
  local number
  number=$(cat "$1/pid" 2>/dev/null) || return 1
  { tr '\0' ' ' <"/proc/$number/cmdline" || ps -ww -o args= -p "$number"; } 2>/dev/null |
    grep -qF "kafka.Kafka $1/server.properties"
}
