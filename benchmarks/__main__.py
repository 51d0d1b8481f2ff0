"""`python -m benchmarks`: run all, and write `benchmarks/RESULTS.md`. `--quick` shows that they run, and writes nothing."""

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.program import arguments, machine, say

PROGRAMS: list[tuple[str, list[str]]] = [
    ("freshness", []),
    ("segment_lookup", []),
    ("segment_memory", []),
    ("stream", []),
    ("crash", []),
    ("inference", []),
    ("rules", []),
    ("context", []),
    ("relevance", []),
    ("sequence", []),
    ("batch", []),
    ("replay", []),
    ("lake", []),
    ("sql_baseline", []),
    ("herd", []),
    ("overload", []),
    ("redis_lost", []),
    ("recommend", []),
    ("degrade", []),
    ("kills", []),
    ("soak", []),
]

BARS: dict[tuple[str, str], tuple[str, float]] = {
    ("freshness", "p50_ms"): ("<=", 10),
    ("freshness", "p99_ms"): ("<=", 50),
    ("freshness", "lost"): ("<=", 0),
    ("freshness", "doubled"): ("<=", 0),
    ("segment_lookup", "ratio_to_empty_deployment"): (">=", 0.9),
    ("segment_lookup", "p99_ms_at_half_load"): ("<=", 5),
    ("segment_lookup", "failed"): ("<=", 0),
    ("segment_memory", "bytes_per_user"): ("<=", 24),
    ("segment_memory", "mismatches"): ("<=", 0),
    ("stream", "events_per_cpu_s"): (">=", 20_000),
    ("stream", "lost"): ("<=", 0),
    ("stream", "doubled"): ("<=", 0),
    ("crash", "lost"): ("<=", 0),
    ("crash", "doubled"): ("<=", 0),
    ("crash", "control_doubled"): (">=", 1),
    ("crash", "restart_p99_s"): ("<=", 5),
    ("inference", "one_row_p99_ms"): ("<=", 0.1),
    ("inference", "max_abs_diff"): ("<=", 0),
    ("inference", "rank_200_p99_ms"): ("<=", 0.3),
    ("rules", "rules_us"): ("<=", 60),
    ("rules", "in_force"): (">=", 20),
    ("herd", "loads_per_key"): ("<=", 1),
    ("herd", "server_errors"): ("<=", 0),
    ("overload", "goodput_ratio"): (">=", 0.9),
    ("overload", "interactive_success"): (">=", 0.99),
    ("overload", "shed_p99_ms"): ("<=", 5),
    ("overload", "recovery_s"): ("<=", 5),
    ("overload", "server_errors"): ("<=", 0),
    ("relevance", "hr_at_20"): (">=", 71),
    ("relevance", "mrr_at_20"): (">=", 31),
    ("relevance", "query_p90_ms"): ("<=", 1),
    ("sequence", "hr_at_10"): (">=", 0.282),
    ("sequence", "ndcg_at_10"): (">=", 0.152),
    ("batch", "ratio_to_implicit"): (">=", 1),
    ("batch", "peak_rss_gib"): ("<=", 8),
    ("batch", "resumed_identical"): (">=", 1),
    ("replay", "ndcg_at_10"): (">=", 0.43),
    ("replay", "ndcg_at_10_new_items"): (">=", 0.055),
    ("context", "us_per_request"): ("<=", 15),
    ("lake", "lost"): ("<=", 0),
    ("lake", "doubled"): ("<=", 0),
    ("lake", "control_doubled"): (">=", 1),
    ("lake", "rows_per_cpu_s"): (">=", 100_000),
    ("redis_lost", "server_errors"): ("<=", 0),
    ("redis_lost", "rebuild_s_per_100k"): ("<=", 30),
    ("redis_lost", "mismatches"): ("<=", 0),
    ("recommend", "p90_ms"): ("<=", 7),
    ("recommend", "ratio_to_empty_two_hops"): (">=", 0.8),
    ("recommend", "errors"): ("<=", 0),
    ("recommend", "cached_p90_ms"): ("<=", 3),
    ("degrade", "server_errors"): ("<=", 0),
    ("degrade", "p99_ms_during"): ("<=", 20),
    ("degrade", "rungs_seen"): (">=", 5),
    ("degrade", "recovery_s"): ("<=", 2),
    ("kills", "failed_requests"): ("<=", 0),
    ("kills", "proxy_failed_share"): ("<=", 0.005),
    ("soak", "lost"): ("<=", 0),
    ("soak", "doubled"): ("<=", 0),
}
"""What the issues ask for; a benchmark's other metrics have no bar."""

RESULTS = Path(__file__).parent / "RESULTS.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def run(name: str, more: list[str]) -> dict[str, Any]:
    """The last line of one benchmark."""
    say(f"benchmarks.{name} {' '.join(more)}")
    command = [sys.executable, "-m", f"benchmarks.{name}", *more]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def verdict(name: str, metric: str, value: float) -> str:
    """How a metric stands against its bar."""
    if (name, metric) not in BARS:
        return ""
    sign, bar = BARS[name, metric]
    met = value <= bar if sign == "<=" else value >= bar
    return f"{'met' if met else '**missed**'} ({sign} {bar:g})"


def section(found: dict[str, Any]) -> str:
    """One benchmark's part of the page."""
    rows = [
        f"| `{metric}` | {value} | {verdict(found['benchmark'], metric, value)} |"
        for metric, value in found["metrics"].items()
    ]
    settings = ", ".join(f"{name} {value}" for name, value in found["settings"].items())
    head = f"### `benchmarks.{found['benchmark']}`\n\n{settings}\n\n| metric | value | bar |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def main() -> int:
    """See the module."""
    options = arguments(__doc__).parse_args()
    found = [run(name, [*more, "--quick"] if options.quick else more) for name, more in PROGRAMS]
    for result in found:
        print(json.dumps(result), flush=True)
    if not options.quick:
        page = RESULTS.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        measured = "\n".join(section(result) for result in found)
        date = datetime.datetime.now(datetime.UTC).date()
        head = f"Measured on {date}; {machine()['cores']} cores.\n"
        RESULTS.write_text(f"{before}{BEGIN}\n{head}\n{measured}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
