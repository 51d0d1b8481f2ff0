"""A stand-in for `jobs.train_segment_models`."""

from tests.examples.fake_jobs import run

run("train_segment_models")
