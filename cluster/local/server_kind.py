"""The one shape of everything the stack can start: how to launch it, and how to see that it is ready."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, and what is added to the environment."""

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerKind:
    """A program that can play one role. Values only: nothing is looked up before `launch` is called."""

    role: str
    """What the stack needs it for: "redis", "kafka" or "dynamodb"."""
    kind: str
    """What it is, e.g. "valkey"."""
    real: bool
    """False for a stand-in, which does not keep everything the real one would."""
    embedded: bool
    """True when Python wheels are all it needs."""
    launch: Callable[[Sequence[int], Path, Say], Launch]
    """Prepare the data folder for these ports and say what to run. Raises `ServerUnavailable`."""
    ready: Callable[[int], bool]
    """Ask the server at this port whether it serves. Takes a second at most; False on any network error."""
    port_count: int = 1
    """The first port is where clients connect; the rest are its own."""
    grace_s: float = 10.0
    """How long it may take to stop by itself."""
    after_stop: Callable[[Path], None] = lambda data: None
    """Called with the data folder when the server has stopped by itself, in order."""
    forgets: str = ""
    """One line: what a stand-in does not keep."""
