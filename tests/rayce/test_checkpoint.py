import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce import checkpoint as module
from rayce.checkpoint import Checkpoint, former, place_of, remove_stale
from rayce.errors import Unavailable

INPUTS = {"events": {"0": 12}, "model": "a"}
NAMES = ("people-0", "people-1", "people-2")


def begin(folder: Path, inputs: Any = INPUTS, say: Callable[[str], None] = lambda _: None) -> Checkpoint:
    return Checkpoint.begin(folder, "job", "shop", inputs, say)


def made(name: str) -> bytes:
    return name.encode() * 100


def never() -> bytes:
    raise AssertionError("this block was kept, it is not made again")


def run(folder: Path, inputs: Any = INPUTS) -> bytes:
    """A job of three blocks; what it would publish."""
    checkpoint = begin(folder, inputs)
    try:
        whole = b"".join(checkpoint.block(name, lambda name=name: made(name)) for name in NAMES)  # type: ignore[misc]
        checkpoint.done()
    finally:
        checkpoint.close()
    return whole


def test_a_finished_block_is_not_made_again(tmp_path: Path) -> None:
    first = begin(tmp_path)
    assert first.block("people-0", lambda: b"abc") == b"abc"
    first.close()
    said: list[str] = []
    again = begin(tmp_path, say=said.append)
    assert again.block("people-0", never) == b"abc"
    assert again.reused == 1
    assert said == ["going on with a run that did not end: 1 blocks are there"]


@pytest.mark.parametrize(
    ("job", "tenant", "inputs"),
    [("job", "shop", {**INPUTS, "model": "b"}), ("job", "corner", INPUTS), ("other", "shop", INPUTS)],
)
def test_blocks_of_other_inputs_tenants_or_jobs_are_not_taken(
    tmp_path: Path, job: str, tenant: str, inputs: Any
) -> None:
    first = begin(tmp_path)
    first.block("people-0", lambda: b"abc")
    first.close()
    assert Checkpoint.begin(tmp_path, job, tenant, inputs, print).get("people-0") is None


def test_the_order_of_the_inputs_is_no_matter(tmp_path: Path) -> None:
    first = begin(tmp_path, {"a": 1, "b": 2})
    first.block("people-0", lambda: b"abc")
    first.close()
    assert begin(tmp_path, {"b": 2, "a": 1}).get("people-0") == b"abc"


def test_a_block_is_not_taken_where_what_it_depends_on_since_has_changed(tmp_path: Path) -> None:
    first = begin(tmp_path)
    first.put("before", b"1")
    first.depend_on(b"ann, bob")
    first.put("after", b"2")
    first.close()
    said: list[str] = []
    again = begin(tmp_path, say=said.append)
    assert again.get("before") == b"1"
    again.depend_on(b"ann")
    assert again.get("after") is None
    again.close()
    same = begin(tmp_path, say=said.append)
    same.depend_on(b"ann, bob")
    assert same.get("after") == b"2"
    assert not any("damaged" in line for line in said)


def test_after_a_run_that_ended_nothing_is_left(tmp_path: Path) -> None:
    run(tmp_path)
    assert [path.name for path in place_of(tmp_path, "job", "shop").iterdir()] == ["lock"]
    assert former(tmp_path, "job", "shop") is None
    assert begin(tmp_path).get("people-0") is None


@given(
    body=st.binary(max_size=60),
    at=st.integers(0, 200),
    kind=st.sampled_from(["cut", "flip", "append", "swap", "empty"]),
)
def test_a_torn_or_damaged_block_is_made_again(
    body: bytes, at: int, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("work")
    said: list[str] = []
    checkpoint = begin(folder, say=said.append)
    checkpoint.put("a", body)
    checkpoint.put("b", body + b"!")
    path = place_of(folder, "job", "shop") / "a"
    stored = path.read_bytes()
    at %= len(stored)
    damaged = {
        "cut": stored[:at],
        "flip": stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :],
        "append": stored + b"x",
        "swap": path.with_name("b").read_bytes(),
        "empty": b"",
    }[kind]
    path.write_bytes(damaged)
    assert checkpoint.block("a", lambda: b"anew") == b"anew"
    assert said == ["block a is damaged, it is made again"]
    assert checkpoint.get("a") == b"anew"


def test_without_a_digest_a_damaged_block_would_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(module, "_digest", lambda *_: b"0" * 16)
    checkpoint = begin(tmp_path)
    checkpoint.put("a", b"abc")
    path = place_of(tmp_path, "job", "shop") / "a"
    path.write_bytes(path.read_bytes()[:-1])
    assert checkpoint.get("a") == b"ab"


class DiskFull:
    """`os` whose disk has room for so many more writes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        """Where a disk that only seemed to have room says so."""
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)


@pytest.mark.parametrize("room", range(8))
def test_a_full_disk_is_a_clear_error_and_what_was_kept_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    with monkeypatch.context() as full:
        full.setattr(module, "os", DiskFull(room))
        with pytest.raises(Unavailable, match=r"the checkpoint .* is unavailable: No space left on device \(to "):
            run(tmp_path)
    assert not list(tmp_path.rglob("*.being-written"))
    assert run(tmp_path) == b"".join(map(made, NAMES))


class Killed(BaseException):
    """What a kill looks like from inside."""


class Mortal:
    """`os` of a process that is killed at its n-th call: before it, or right after it."""

    def __init__(self, calls: int, after: bool) -> None:
        self.left = calls
        self.after = after

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return (lambda *args: self._call(real, args)) if callable(real) else real

    def _call(self, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise Killed
        found = real(*args)
        if self.left < 0:
            raise Killed
        return found


@pytest.mark.parametrize("after", [False, True])
def test_killed_between_any_two_steps_the_next_run_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    whole = b"".join(map(made, NAMES))
    for calls in range(1000):
        with monkeypatch.context() as mortal:
            mortal.setattr(module, "os", Mortal(calls, after))
            try:
                assert run(tmp_path) == whole
                ended = True
            except Killed:
                ended = False
        assert run(tmp_path) == whole
        if ended:
            assert calls > 20
            return
    raise AssertionError("the job never ends")


def test_one_that_is_killed_again_and_again_gets_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _attempt in range(100):
        with monkeypatch.context() as mortal:
            mortal.setattr(module, "os", Mortal(9, after=True))
            try:
                assert run(tmp_path) == b"".join(map(made, NAMES))
                break
            except Killed:
                continue
    else:
        raise AssertionError("it never ends")


def test_a_second_run_at_the_same_time_is_sent_away_and_a_killed_one_is_not_in_the_way(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from rayce.checkpoint import Checkpoint\n"
        "c = Checkpoint.begin(Path(sys.argv[1]), 'job', 'shop', {'events': {'0': 12}, 'model': 'a'}, print)\n"
        "c.put('a', b'abc'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(Unavailable, match="another run of this job is at work"):
            begin(tmp_path)
        assert remove_stale(tmp_path, time.time() + 60) == []
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert begin(tmp_path).get("a") == b"abc"


def test_a_run_that_did_not_end_tells_its_inputs(tmp_path: Path) -> None:
    before_s = time.time()
    begin(tmp_path).close()
    found = former(tmp_path, "job", "shop")
    assert found is not None
    assert found.inputs == INPUTS
    assert found.begun_s >= before_s - 2
    (place_of(tmp_path, "job", "shop") / "begun.json").write_bytes(b"{torn")
    assert former(tmp_path, "job", "shop") is None


def test_stale_checkpoints_are_removed_and_young_ones_stay(tmp_path: Path) -> None:
    for tenant in ("old", "young", "a/b"):
        checkpoint = Checkpoint.begin(tmp_path, "job", tenant, INPUTS, print)
        checkpoint.put("a", b"abc")
        checkpoint.close()
    for path in place_of(tmp_path, "job", "old").iterdir():
        os.utime(path, (1_000, 1_000))
    assert remove_stale(tmp_path, 2_000, dry_run=True) == ["job@old"]
    assert former(tmp_path, "job", "old")
    assert remove_stale(tmp_path, 2_000) == ["job@old"]
    assert remove_stale(tmp_path, 2_000) == []
    assert former(tmp_path, "job", "old") is None
    assert former(tmp_path, "job", "young")
    assert former(tmp_path, "job", "a/b")
    assert remove_stale(tmp_path / "missing", 2_000) == []


def test_where_nothing_is_kept_every_block_is_made() -> None:
    checkpoint = Checkpoint.nowhere()
    assert checkpoint.block("a", lambda: b"1") == b"1"
    assert checkpoint.block("a", lambda: b"2") == b"2"
    checkpoint.done()


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "lock", "begun.json", "a" * 101])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a block"):
        begin(tmp_path).block(name, lambda: b"")


def test_only_their_owner_can_read_the_blocks(tmp_path: Path) -> None:
    begin(tmp_path).put("a", b"abc")
    place = place_of(tmp_path, "job", "shop")
    assert place.stat().st_mode & 0o077 == 0
    assert (place / "a").stat().st_mode & 0o077 == 0


def test_a_damaged_block_is_not_said_to_be_there(tmp_path: Path) -> None:
    first = begin(tmp_path)
    for name in NAMES:
        first.put(name, made(name))
    first.close()
    torn = place_of(tmp_path, "job", "shop") / NAMES[1]
    torn.write_bytes(torn.read_bytes()[:-1])
    said: list[str] = []
    again = begin(tmp_path, say=said.append)
    assert said == ["going on with a run that did not end: 2 blocks are there"]
    assert again.block(NAMES[1], lambda: b"anew") == b"anew"


def test_a_run_that_was_refused_is_known_as_such_until_somebody_goes_on_with_it(tmp_path: Path) -> None:
    first = begin(tmp_path)
    first.put(NAMES[0], made(NAMES[0]))
    first.refused()
    found = former(tmp_path, "job", "shop")
    assert found is not None and found.refused
    again = begin(tmp_path)
    assert again.block(NAMES[0], never) == made(NAMES[0])
    again.close()
    found = former(tmp_path, "job", "shop")
    assert found is not None and not found.refused
