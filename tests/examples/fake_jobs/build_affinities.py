"""A stand-in for `jobs.build_affinities`."""

from tests.examples.fake_jobs import run

run("build_affinities")
