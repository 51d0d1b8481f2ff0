"""The stages on the terminal: a live table for people, one line each for a log."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from examples.demo.progress import DONE, FAILED, RUNNING, SKIPPED, WAITING, Progress, Stage

_MARKS = {
    WAITING: ("·", "dim"),
    RUNNING: ("▸", "cyan"),
    DONE: ("✓", "green"),
    SKIPPED: ("–", "dim"),
    FAILED: ("✗", "red"),
}


class Terminal:
    """Shows stages on `console`. `headline` stands above them, once there is one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.headline = ""
        self._progress: Progress | None = None
        self._live = False

    def on_change(self, stage: Stage) -> None:
        """Prints the line of a stage that begins or ends, where nobody watches a live table."""
        if not self.console.is_terminal:
            took = f" {stage.seconds:.1f} s" if stage.state in (DONE, FAILED) else ""
            line = f"{_MARKS[stage.state][0]} {stage.title}{took} {_last(stage.detail)}".rstrip()
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def showing(self, progress: Progress) -> Iterator[None]:
        """The live table while the context lasts."""
        self._progress = progress
        if not self.console.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self.console, refresh_per_second=4):
            self._live = True
            try:
                yield
            finally:
                self._live = False

    def say(self, text: str) -> None:
        """One line for people: above the live table, or by itself."""
        self.headline = text
        if not self._live:
            self.console.print(text, markup=False)

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for stage in self._progress or ():
            mark, style = _MARKS[stage.state]
            took = f"{stage.seconds:.1f} s" if stage.state in (RUNNING, DONE, FAILED) else ""
            bar: RenderableType = Text(_last(stage.detail)[:60], style="dim")
            if stage.state == RUNNING and stage.total:
                bar = ProgressBar(total=stage.total, completed=stage.done, width=30)
            table.add_row(Text(mark, style), Text(stage.title, style), Text(took, "dim", justify="right"), bar)
        return Group(Text(self.headline, style="bold"), table) if self.headline else table


def _last(text: str) -> str:
    return text.splitlines()[-1] if text else ""
