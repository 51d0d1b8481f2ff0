"""The job that works out batch segments: through the log and the workers, and back; killed, refused, tried out."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from jobs import build_segments as module
from jobs.build_segments import build_segments
from jobs.job import Job, Outcome, run
from rayce.batch_settings import BatchSettings
from rayce.consent import Consent
from rayce.decay import DAY_MS
from rayce.event import Event, Line, decode_event, encode_event
from rayce.profile import decode_profile
from rayce.pseudonym import Pseudonymizer
from rayce.segments.catalogue import Catalogue, parse_catalogue
from rayce.settings import PrivacySettings, Settings
from rayce.stores.interfaces import EVENTS
from tests.cluster.stream.world import World
from tests.jobs.shop import make_job
from tests.samples import T0, event, person

NOW_MS = T0 + 100 * DAY_MS
PEOPLE = range(1, 31)

SEGMENTS: list[dict[str, Any]] = [
    {
        "name": "toy_lovers",
        "bit": 3,
        "kind": "batch",
        "batch": {
            "totals": {"toys": {"of": "value", "categories": ["toys"], "days": 90}},
            "when": {"all": [{"feature": "toys", "ge": 20}, {"feature": "purchases", "ge": 2}]},
            "max_change": 0.5,
        },
    },
    {
        "name": "champions",
        "bit": 4,
        "kind": "batch",
        "batch": {
            "rfm": {"parts": 3},
            "when": {"all": [{"feature": f"{n}_score", "ge": 3} for n in ("recency", "monetary")]},
        },
    },
    {
        "name": "slipping",
        "bit": 5,
        "kind": "batch",
        "batch": {"lifecycle": {}, "when": {"feature": "lifecycle", "in": ["at_risk", "lapsed"]}},
    },
    {"name": "by_hand", "bit": 6, "kind": "batch"},
]


def catalogue(*segments: dict[str, Any]) -> Catalogue:
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": list(segments or SEGMENTS)}))


def history() -> Iterator[Event]:
    """Everybody buys every ten days, toys for `who` a time; from the twentieth on they have stopped on the fiftieth day."""
    for who in PEOPLE:
        for day in range(who % 10, 50 if who >= 20 else 100, 10):
            line = Line(f"p{who}", 1, float(who), "toys" if who % 2 else "garden")
            yield event("purchase", at=T0 + day * DAY_MS, who=who, lines=(line,), consent=3)


class Shop:
    """A log, a worker that folds it, and the job on what both leave behind."""

    def __init__(self, tmp_path: Path, *segments: dict[str, Any], log: Sequence[Event] | None = None) -> None:
        self.world = World(catalogue(*segments))
        self.world.send(history() if log is None else log)
        self.world.work_off_in_order()
        self.work_path = tmp_path / "work"
        self.written: list[bytes] = []
        self.said: list[str] = []

    def job(self, **options: Any) -> Job:
        force = options.pop("force", False)
        log = [encode_event(each) for each in self.world.sent]
        settings = Settings(
            batch=BatchSettings(work_path=str(self.work_path)),
            privacy=PrivacySettings(current_key="k1", pseudonym_keys={"k1": "00" * 32}),
        )
        job = make_job(log, self.world.durable, say=self.said.append)
        return job._replace(
            settings=settings, catalogue=self.world.catalogue, options=Namespace(**options), force=force
        )

    def write(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        self.written += [value for _key, value in records]
        self.world.log.write_all_now(EVENTS, records)
        self.world.sent += [decode_event(value) for _key, value in records]

    def run(self, write: Callable[..., None] | None = None, now_ms: int = NOW_MS, **options: Any) -> int:
        work: Callable[[Job], Outcome] = lambda job: build_segments(job, write or self.write, now_ms)  # noqa: E731
        return run("build_segments", work, self.job(**options))

    def work_off(self) -> None:
        self.world.work_off_in_order()

    def members(self, bit: int) -> set[int]:
        states = self.world.states()
        return {who for who in PEOPLE if decode_profile(states[person(who)]).flags >> bit & 1}


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
    return found


def test_who_is_in_is_told_through_the_log(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.run() == 0
    shop.work_off()
    recent = {
        who
        for who in PEOPLE
        if who % 2 and sum(d > 10 for d in range(who % 10, 50 if who >= 20 else 100, 10)) * who >= 20
    }
    assert shop.members(3) == recent
    assert shop.members(5) == {who for who in PEOPLE if who >= 20}
    assert shop.members(4) and max(shop.members(4)) < 20, "who bought lately and much"
    assert shop.members(6) == set()


def test_a_second_run_has_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path)
    assert shop.run() == 0
    first = last_line(capsys)["metrics"]
    assert first["events_written"] == len(shop.written) > 10 and first["toy_lovers.before"] == 0
    shop.work_off()
    shop.written.clear()
    assert shop.run() == 0
    again = last_line(capsys)["metrics"]
    assert shop.written == [] and again["toy_lovers.before"] == again["toy_lovers.after"] == len(shop.members(3))
    assert again["slipping.enter"] == again["slipping.leave"] == 0


def test_sizes_and_overlaps_are_in_the_last_line_and_on_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, page = Shop(tmp_path), tmp_path / "report.html"
    assert shop.run(report=str(page)) == 0
    line = last_line(capsys)
    shop.work_off()
    both = shop.members(3) & shop.members(5)
    assert line["metrics"]["toy_lovers&slipping.after"] == len(both) > 0
    assert line["generation"] == {"shop/segment-report": 1}
    stored = shop.world.durable.load_generation("shop/segment-report", 1)["report.html"]
    assert stored == page.read_bytes() and b"toy_lovers" in stored and b"k1:" not in stored, "no pseudonym on the page"


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, page = Shop(tmp_path), tmp_path / "report.html"
    assert shop.run(dry_run=True, report=str(page)) == 0
    line = last_line(capsys)
    assert shop.written == [] and line["generation"] == {} and page.exists()
    assert line["metrics"]["toy_lovers.enter"] > 0


def test_only_the_segments_asked_for_are_worked_out(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.run(segment=["slipping"]) == 0
    assert {name for value in shop.written for name in decode_event(value).properties} == {"slipping"}
    assert shop.run(segment=["by_hand"]) == 1
    assert "no segment `by_hand` with a section `batch`" in shop.said[-1]


def test_more_than_the_declared_share_is_refused_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path)
    assert shop.run() == 0
    shop.work_off()
    shop.written.clear()
    later_ms = NOW_MS + 400 * DAY_MS  # the windows are empty by then: everybody would leave
    assert shop.run(now_ms=later_ms) == 3
    assert shop.written == [] and "toy_lovers" in shop.said[-1] and "--force" in shop.said[-1]
    assert shop.run(now_ms=later_ms, dry_run=True) == 0
    assert last_line(capsys)["metrics"]["refused"] >= 1
    assert shop.run(now_ms=later_ms, force=True) == 0
    shop.work_off()
    assert shop.members(3) == set()


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize("dies_at", [0, 1, 2])
def test_killed_in_the_middle_and_started_again_it_ends_with_the_same(
    tmp_path: Path, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    undisturbed, shop = Shop(tmp_path / "one"), Shop(tmp_path / "two")
    assert undisturbed.run() == 0
    calls = 0

    def mortal(records: Sequence[tuple[bytes, bytes]]) -> None:
        nonlocal calls
        if calls == dies_at:
            raise Killed
        calls += 1
        shop.write(records)

    with pytest.raises(Killed):
        shop.run(mortal)
    shop.work_off()  # half of it has already been worked off
    assert shop.run(now_ms=NOW_MS + 5 * DAY_MS) == 0, "it goes on as of the moment at which it had begun"
    for each in (undisturbed, shop):
        each.work_off()
    assert {bit: shop.members(bit) for bit in (3, 4, 5)} == {bit: undisturbed.members(bit) for bit in (3, 4, 5)}
    assert set(shop.written) == set(undisturbed.written), "the same events, some said twice"


def test_a_store_that_fails_leaves_everything_as_it_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.world.durable.away = True
    assert shop.run() == 1
    assert shop.written == []


def test_who_does_not_consent_is_in_no_segment(tmp_path: Path) -> None:
    shop = Shop(tmp_path, log=[*history(), event("consent_changed", who=21, consent=0, at=NOW_MS)])
    assert shop.run() == 0
    assert person(21) not in {decode_event(value).person for value in shop.written}
    assert person(23) in {decode_event(value).person for value in shop.written}


def test_without_anybody_or_anything_to_work_out_there_is_not_enough(tmp_path: Path) -> None:
    assert Shop(tmp_path / "a", log=[]).run() == 2
    assert Shop(tmp_path / "b", {"name": "by_hand", "bit": 6, "kind": "batch"}).run() == 2


def crowd() -> list[Event]:
    """Four hundred people; a third buys much."""
    log = []
    for who in range(1, 401):
        for n in range(1 + (6 if who % 3 == 0 else 0)):
            line = Line("p1", 1, 30.0 if who % 3 == 0 else 2.0 + who % 7)
            log.append(event("purchase", at=T0 + (n * 9 + who % 9) * DAY_MS, who=who, lines=(line,), consent=3))
    return log


LOOKALIKE = {"name": "like_them", "bit": 9, "kind": "batch", "batch": {"lookalike": {"file": "", "size": 40}}}


@pytest.mark.parametrize("include", [False, True])
def test_those_like_the_seeds_of_a_file_are_found(
    tmp_path: Path, include: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = [who for who in range(1, 401) if who % 6 == 0]
    file = tmp_path / "seeds.txt"
    file.write_text("\n".join(f"user-{who}" for who in seeds) + "\n\n")
    monkeypatch.setattr(Pseudonymizer, "person", lambda self, tenant, user: person(int(user.removeprefix("user-"))))
    spec = {"file": str(file), "size": 40, "include_seeds": include}
    shop = Shop(tmp_path, {**LOOKALIKE, "batch": {"lookalike": spec}}, log=crowd())
    assert shop.run() == 0
    found = {int(decode_event(value).person[-4:], 16) for value in shop.written}
    assert len(found) == 40 and all(who % 3 == 0 for who in found)
    assert include or not found & set(seeds)
    assert last_line(capsys)["metrics"]["like_them.auc"] > 0.7


def test_seeds_that_are_nothing_special_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "seeds.txt"
    file.write_text("\n".join(str(who) for who in range(1, 401) if (who * 7919) % 31 < 8))
    monkeypatch.setattr(Pseudonymizer, "person", lambda self, tenant, user: person(int(user)))
    spec = {"file": str(file), "size": 40, "min_auc": 0.8}
    shop = Shop(tmp_path, {**LOOKALIKE, "batch": {"lookalike": spec}}, log=crowd())
    assert shop.run() == 3
    assert "AUC" in shop.said[-1] and shop.written == []


def test_who_has_withdrawn_a_moment_ago_teaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = {**LOOKALIKE, "batch": {"lookalike": {"segment": "by_hand", "size": 40}}}
    shop = Shop(tmp_path, segment, SEGMENTS[-1], log=crowd())
    seeds = [who for who in range(1, 401) if who % 6 == 0]
    shop.world.send(event("segment_override", who=who, at=NOW_MS, properties={"by_hand": True}) for who in seeds)
    shop.work_off()
    assert shop.run(dry_run=True) == 0
    for who in seeds[20:]:
        shop.world.durable.save_consent(person(who), Consent(1, NOW_MS))
    assert shop.run(dry_run=True) == 2 and "20 seeds" in shop.said[-1]


def test_a_short_lived_one_is_confirmed_by_each_run(tmp_path: Path) -> None:
    short = {**SEGMENTS[2], "ttl_s": 86_400 * 7}
    shop = Shop(tmp_path, short)
    assert shop.run() == 0
    shop.work_off()
    first = len(shop.written)
    assert shop.run(now_ms=NOW_MS + DAY_MS) == 0
    assert len(shop.written) == 2 * first > 0
    shop.work_off()
    (until,) = {pair for value in shop.world.states().values() for pair in decode_profile(value).short_lived}
    assert until == (5, (NOW_MS + DAY_MS) // 1000 + 86_400 * 7)


CHAMPIONS = {"name": "champions", "bit": 8, "kind": "batch", "batch": {"when": {"feature": "purchases", "ge": 7}}}
LIKE_CHAMPIONS = {
    **LOOKALIKE,
    "batch": {"lookalike": {"segment": "champions", "size": 40, "include_seeds": True}, "max_change": 1},
}


def test_seeds_of_the_same_run_are_as_the_run_has_found_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path, LIKE_CHAMPIONS, CHAMPIONS, log=crowd())
    assert shop.run() == 0
    metrics = last_line(capsys)["metrics"]
    assert metrics["champions.after"] == 133 and metrics["like_them.after"] == 40 and metrics["left"] == 0
    properties = [decode_event(value).properties for value in shop.written]
    assert sum(each.get("like_them") is True for each in properties) == 40
    assert all(each.get("champions") for each in properties if "like_them" in each), "the likest are the seeds"


def test_asked_for_by_itself_a_lookalike_takes_the_seeds_as_they_stand(tmp_path: Path) -> None:
    shop = Shop(tmp_path, LIKE_CHAMPIONS, CHAMPIONS, log=crowd())
    assert shop.run(segment=["like_them"]) == 2 and "like_them: 0 seeds" in shop.said[-1]
    assert shop.run(segment=["champions"]) == 0
    shop.work_off()
    assert shop.run(segment=["like_them"]) == 0


@pytest.mark.parametrize("dry_run", [False, True])
def test_one_that_cannot_be_made_is_left_with_a_warning_and_the_others_are_made(
    tmp_path: Path, dry_run: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {**CHAMPIONS, "batch": {"when": {"feature": "purchases", "ge": 99}}}
    shop, page = Shop(tmp_path, LIKE_CHAMPIONS, few, SEGMENTS[2], log=crowd()), tmp_path / "report.html"
    assert shop.run(dry_run=dry_run, report=str(page)) == 0
    metrics = last_line(capsys)["metrics"]
    assert metrics["left"] == 1 and metrics["slipping.after"] > 0 and "like_them.after" not in metrics
    assert any(line.startswith("warning: left as it is: like_them: 0 seeds") for line in shop.said)
    assert "like_them: 0 seeds" in page.read_text()
    told = {name for value in shop.written for name in decode_event(value).properties}
    assert told == (set() if dry_run else {"slipping"})


def test_where_none_can_be_made_there_is_a_report_that_says_why(tmp_path: Path) -> None:
    shop, page = Shop(tmp_path, LIKE_CHAMPIONS, CHAMPIONS, log=crowd()), tmp_path / "report.html"
    assert shop.run(dry_run=True, segment=["like_them"], report=str(page)) == 2
    assert "0 seeds" in shop.said[-1] and "0 seeds" in page.read_text()


@pytest.mark.parametrize("named, warned", [("gardn", True), ("garden", False)])
def test_a_category_that_no_line_has_is_told_in_log_and_report(tmp_path: Path, named: str, warned: bool) -> None:
    batch = {"totals": {"spent": {"of": "value", "categories": [named]}}, "when": {"feature": "spent", "ge": 1}}
    shop, page = Shop(tmp_path, {**SEGMENTS[0], "batch": batch}), tmp_path / "report.html"
    assert shop.run(report=str(page)) == 0
    warning = "`toy_lovers.spent`: no line of the history has the category `gardn`; lines have `toys`, `garden`"
    assert (f"warning: {warning}" in shop.said) is warned
    assert (warning in page.read_text()) is warned


def test_the_catalogue_of_the_documentation_runs_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "segments.md").read_text()
    (text,) = (
        block for part in page.split("```yaml\n")[1:] if "name: like_champions" in (block := part.split("```")[0])
    )
    shop = Shop(tmp_path, *yaml.safe_load(text)["segments"], log=crowd())
    assert shop.run(now_ms=T0 + 70 * DAY_MS) == 0
    metrics = last_line(capsys)["metrics"]
    assert metrics["champions.after"] >= 50 and metrics["like_champions.auc"] >= 0.7 and metrics["left"] == 0
