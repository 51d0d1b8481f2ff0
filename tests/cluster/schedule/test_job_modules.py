from pathlib import Path

from cluster.schedule.job_modules import job_modules

CHECKOUT = Path(__file__).parent.parent.parent.parent


def test_programs_are_jobs_and_their_frame_is_not() -> None:
    found = job_modules(CHECKOUT / "jobs")
    assert {"build_affinities", "build_recommendations", "train_ranker", "trim_hot_view"} <= found
    assert not found & {"job", "frame", "blocks", "sources", "__init__"}


def test_only_what_can_be_run_counts(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('if __name__ == "__main__":\n    main()\n')
    (tmp_path / "two.py").write_text("def main(): ...\n")
    (tmp_path / "three.txt").write_text('if __name__ == "__main__":\n')
    assert job_modules(tmp_path) == {"one"}
