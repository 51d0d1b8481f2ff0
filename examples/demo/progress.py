"""The stages of a start: what is being done, how far it is, how long it took. The terminal and the page show the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

WAITING, RUNNING, DONE, SKIPPED, FAILED = "waiting", "running", "done", "skipped", "failed"


class Stage:
    """One stage; `total` None where it cannot be counted, `seconds` how long it has taken so far."""

    def __init__(self, name: str, title: str) -> None:
        self.name, self.title = name, title
        self.state, self.detail = WAITING, ""
        self.done = 0
        self.total: int | None = None
        self._from = self._until = 0.0

    @property
    def seconds(self) -> float:
        """Real seconds since it began, or those it took."""
        if self.state == WAITING:
            return 0.0
        return (monotonic() if self.state == RUNNING else self._until) - self._from

    def advance(self, done: int, total: int | None = None, detail: str = "") -> None:
        """So much is done now."""
        self.done, self.total = done, total if total is not None else self.total
        self.detail = detail or self.detail

    def _enter(self) -> None:
        self.state, self._from = RUNNING, monotonic()

    def _leave(self, state: str) -> None:
        self.state, self._until = state, monotonic()


class Progress:
    """All stages in order. `on_change` is called when one begins or ends."""

    def __init__(self, stages: dict[str, str], on_change: Callable[[Stage], None] = lambda _: None) -> None:
        self.stages = {name: Stage(name, title) for name, title in stages.items()}
        self._on_change = on_change

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages.values())

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Runs one stage; an error marks it as failed and goes on its way."""
        stage = self.stages[name]
        stage._enter()
        self._on_change(stage)
        try:
            yield stage
        except BaseException as error:
            stage.detail = str(error) or type(error).__name__
            stage._leave(FAILED)
            raise
        else:
            stage._leave(DONE)
        finally:
            self._on_change(stage)

    def skip(self, *names: str, because: str = "done before") -> None:
        """These are not needed this time."""
        for name in names:
            stage = self.stages[name]
            stage._enter()
            stage.detail = because
            stage._leave(SKIPPED)
            self._on_change(stage)

    def seconds(self) -> dict[str, float]:
        """How long each stage took that was run, by name."""
        return {s.name: round(s.seconds, 1) for s in self if s.state in (RUNNING, DONE, FAILED)}

    @property
    def current(self) -> Stage | None:
        """The stage that is running."""
        return next((stage for stage in self if stage.state == RUNNING), None)

    @property
    def failed(self) -> Stage | None:
        """The stage that failed."""
        return next((stage for stage in self if stage.state == FAILED), None)
