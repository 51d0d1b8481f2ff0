#!/bin/sh
# haproxy_twin.sh CONFIG FIRST KEEPER BINARY: a second HAProxy on the same port, which answers while the first one (the process
# FIRST) is dead or Ray's process that looks after it is being replaced: four seconds in which every connection would be refused.
#
# The kernel shares new connections out between the two (SO_REUSEPORT). The twin has the same configuration without what there can
# be only once: the admin socket, the statistics, the metrics. Each start of the first one brings a new twin, which lets the former
# finish what it has. It is started again when it dies, and ends with KEEPER (the raylet), or when the first one has been
# gone for HAPROXY_TWIN_S seconds.
config=$1 first=$2 keeper=$3 binary=$4
twin=$config.twin
outlives=$((${HAPROXY_TWIN_S:-15} * 4))
awk '
  /^(global|defaults|frontend|backend|listen)/ { once = /^frontend prometheus/ || /^listen stats/ }
  !once && !/^ *(stats (socket|timeout)|(load-)?server-state)/
' "$config" > "$twin"
former=$(cat "$twin.pid" 2> /dev/null)
grep -qF "$twin" "/proc/${former:-0}/cmdline" 2> /dev/null || former=
echo $$ > "$twin.guard"
sleep 1 # the first one binds the port before: where both did at once, it once found the address in use, and Ray gave up
gone=0 started=0
while read -r guard < "$twin.guard" && [ "$guard" = $$ ]; do # else there is a newer one
  if ! kill -0 "$keeper" 2> /dev/null || [ "$gone" -gt "$outlives" ] || [ "$started" -gt 100 ]; then
    [ -n "$pid" ] && kill "$pid" 2> /dev/null
    break
  fi
  if [ -z "$pid" ] || ! kill -0 "$pid" 2> /dev/null; then
    "$binary" -db -f "$twin" ${former:+-sf "$former"} &
    pid=$! former= started=$((started + 1))
    echo "$pid" > "$twin.pid"
  fi
  if kill -0 "$first" 2> /dev/null; then gone=0; else gone=$((gone + 1)); fi
  sleep 0.25
done
