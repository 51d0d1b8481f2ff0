"""Makes a former generation live again: `python -m jobs.rollback --kind shelf`.

It is read as a whole before, so one that is damaged does not go live; every process follows within a second. Without `--to` it
is the one that was live before. The next run of the job that makes this kind makes its result live again: stop its schedule.
"""

import sys
import time
from collections.abc import Sequence

from jobs.frame import Say, look_after, parser_of
from jobs.tenancy import only_tenant
from rayce.generations import generation_name
from rayce.going_back import roll_back, were_live
from rayce.job_runs import runs_of
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable
from rayce.stores.kafka_models import FlipWriter


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 there is no way back, or a store failed."""
    parser = parser_of("rollback", __doc__)
    parser.add_argument("--tenant", help="whose (default: the one tenant that the API keys name)")
    parser.add_argument("--kind", required=True, help="shelf, popular, ranker, lists, segment-model.NAME, …")
    parser.add_argument("--to", type=int, metavar="N", help="its number; jobs.list_generations tells which are kept")
    options = parser.parse_args(argv)

    def work(settings: Settings, say: Say) -> dict[str, dict[str, float]]:
        durable = _store(settings, say)
        name = generation_name(options.tenant or only_tenant(settings), options.kind)
        number, before = roll_back(durable, name, options.to, were_live(runs_of(durable), name))
        say(f"{name}: generation {number} is live; before it was {before}")
        return {"generation": {name: number}, "metrics": {"before": before}}

    return look_after("rollback", options.settings, work, "what is live stays")


def _store(settings: Settings, say: Say) -> Durable:
    return DynamoStore(settings.dynamodb, FlipWriter(settings.kafka, lambda: time.time_ns() // 1_000_000, say))


if __name__ == "__main__":
    sys.exit(main())
