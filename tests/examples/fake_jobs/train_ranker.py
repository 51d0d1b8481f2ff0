"""A stand-in for `jobs.train_ranker`."""

from tests.examples.fake_jobs import run

run("train_ranker")
