"""A stand-in for `jobs.build_recommendations`."""

from tests.examples.fake_jobs import run

run("build_recommendations")
