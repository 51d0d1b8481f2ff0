"""Deletes what jobs have left behind: old and unfinished generations, lists of dropped ones, checkpoints nobody goes on with.

All tenants at once, while everything goes on: what is live, what is kept to go back to, and what may still be written stays.
`--dry-run` says what would go. Harmless when killed: the next run deletes the rest.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from jobs.frame import Say, look_after, parser_of
from jobs.job import PATIENCE_MS
from rayce.checkpoint import remove_stale
from rayce.garbage import collect
from rayce.job_runs import runs_of
from rayce.publication import KEPT
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotWriter
from rayce.stores.redis_view import RedisWriter


def collect_garbage(
    durable: Durable, work_path: str, before_s: float, keep: int, dry_run: bool, say: Say
) -> dict[str, float]:
    """Collect; returns the metrics. Checkpoints on this node alone, those last written before that moment."""
    found = collect(durable, runs_of(durable), keep, dry_run, say)
    stale = remove_stale(Path(work_path).expanduser(), before_s, dry_run) if work_path else []
    for name in stale:
        say(f"{'would delete' if dry_run else 'deleted'} the checkpoint {name}")
    return {
        "old_generations": len(found.old),
        "unfinished_generations": len(found.unfinished),
        "lists": found.lists,
        "checkpoints": len(stale),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 a store failed or settings are wrong."""
    parser = parser_of("collect_garbage", __doc__)
    parser.add_argument("--keep", type=int, default=KEPT, help="generations of each name that stay beside the live one")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    options = parser.parse_args(argv)
    if options.keep < 1:
        parser.error("--keep is at least 1")

    def work(settings: Settings, say: Say) -> dict[str, dict[str, float]]:
        batch = settings.batch
        before_s = time.time() - batch.resume_h * 3_600
        durable, _hot = _stores(settings)
        return {"metrics": collect_garbage(durable, batch.work_path, before_s, options.keep, options.dry_run, say)}

    comfort = "what was deleted is gone, the next run deletes the rest"
    return look_after("collect_garbage", options.settings, work, comfort, _stores)


def _stores(settings: Settings) -> tuple[Durable, HotWriter]:
    """With patience: a run has time."""
    dynamodb = replace(settings.dynamodb, timeout_ms=max(settings.dynamodb.timeout_ms, PATIENCE_MS))
    return DynamoStore(dynamodb), RedisWriter(settings.redis)


if __name__ == "__main__":
    sys.exit(main())
