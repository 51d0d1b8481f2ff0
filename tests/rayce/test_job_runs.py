from rayce.job_runs import BOOK, KEPT, Run, last_success, metrics_of, remember_run, runs_of
from rayce.metrics import Metrics
from rayce.stores.memory import MemoryDurable


def run(at_s: int, exit_code: int | None = 0, job: str = "train", tenant: str = "shop") -> Run:
    begun = Run(job, tenant, at_s * 1000)
    return (
        begun if exit_code is None else begun.ended((at_s + 5) * 1000, exit_code, metrics={"cpu_s": 3.0, "ndcg": 0.5})
    )


def test_the_newest_run_stands_first_and_takes_its_own_place_when_it_ends() -> None:
    notes = MemoryDurable()
    remember_run(notes, run(100))
    remember_run(notes, run(200, None))
    assert [(each.started_ms, each.exit_code) for each in runs_of(notes)["shop", "train"]] == [
        (200_000, None),
        (100_000, 0),
    ]
    remember_run(notes, run(200, 1))
    assert [each.exit_code for each in runs_of(notes)["shop", "train"]] == [1, 0]


def test_jobs_and_tenants_have_runs_of_their_own() -> None:
    notes = MemoryDurable()
    for each in (run(1), run(2, job="build"), run(3, tenant="a/b")):
        assert remember_run(notes, each) == [each]
    assert runs_of(notes).keys() == {("shop", "train"), ("shop", "build"), ("a/b", "train")}


def test_so_many_are_kept_and_no_more() -> None:
    notes = MemoryDurable()
    for at_s in range(KEPT + 10):
        remember_run(notes, run(at_s))
    kept = runs_of(notes)["shop", "train"]
    assert [each.started_ms for each in kept] == [1000 * at_s for at_s in range(KEPT + 9, 9, -1)]


def test_what_another_version_wrote_is_left_out() -> None:
    notes = MemoryDurable()
    remember_run(notes, run(1))
    notes.save_note(BOOK, "shop/build", b"[{}]")
    assert list(runs_of(notes)) == [("shop", "train")]


def test_the_last_success_is_the_newest_that_ended_well() -> None:
    assert last_success([run(3, None), run(2, 1), run(1, 0), run(0, 0)]) == run(1, 0)
    assert last_success([run(2, 1)]) is None


def test_metrics_tell_the_age_of_the_last_success_whatever_came_after() -> None:
    text = metrics_of([run(300, 1), run(100, 0)]).text()
    label = 'tenant="shop",job="train"'
    assert f"rayce_job_started_timestamp{{{label}}} 300" in text
    assert f"rayce_job_exit_code{{{label}}} 1" in text
    assert f"rayce_job_success_timestamp{{{label}}} 105" in text
    assert f'rayce_job_success_took{{{label},what="cpu_s"}} 3' in text
    assert f'rayce_job_success_took{{{label},what="seconds"}} 5' in text
    assert "ndcg" not in text


def test_a_job_that_never_ended_well_has_no_such_age() -> None:
    merged = Metrics()
    merged.merge(metrics_of([run(300, None)]).to_bytes())
    assert "rayce_job_exit_code" in merged.text()
    assert "rayce_job_success_timestamp" not in merged.text()


def test_a_metric_that_is_no_number_spoils_no_note() -> None:
    notes = MemoryDurable()
    remember_run(notes, run(1, None).ended(2, 0, metrics={"ndcg": float("nan"), "mrr": float("inf"), "rows": 3}))
    assert runs_of(notes)["shop", "train"][0].metrics == {"rows": 3.0}
