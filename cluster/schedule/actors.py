"""The Ray shell of the scheduler: one actor, detached, restarted by Ray wherever there is room; it submits jobs to Ray.

What it has decided lies in durable memory, so it may be killed and replaced at any time.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.job_submission import JobStatus, JobSubmissionClient

from cluster.schedule.job_modules import job_modules
from cluster.schedule.scheduling import RayJob, Scheduling
from rayce.errors import InvalidInput, RayceError, Unavailable
from rayce.job_runs import runs_of, tell_runs
from rayce.logs import start_logging
from rayce.metrics import Metrics
from rayce.schedule import Schedule, parse_schedules
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.redis_view import RedisWriter

log = structlog.get_logger(__name__)

NAME, NAMESPACE = "scheduler", "rayce"
STATUS = "schedule:scheduler"
JOBS = Path(__file__).parent.parent.parent / "jobs"
GONE_WITHIN_S = 30.0

_ENDINGS: dict[JobStatus, Literal["", "done", "failed"]] = {
    JobStatus.SUCCEEDED: "done",
    JobStatus.FAILED: "failed",
    JobStatus.STOPPED: "failed",
}


class SubmittedJobs:
    """`Crew` over Ray's job server, which the dashboard of the head hosts."""

    def __init__(self, dashboard: str, settings_path: str) -> None:
        self._dashboard = dashboard
        self._settings_path = settings_path
        self._client: JobSubmissionClient | None = None

    def jobs(self) -> Mapping[str, RayJob]:
        """See `Crew.jobs`."""
        try:
            found = self._connected().list_jobs()
        except (RuntimeError, OSError) as error:
            raise self._away(error) from None
        return {
            job.submission_id: RayJob(_ENDINGS.get(job.status, ""), job.entrypoint)
            for job in found
            if job.submission_id
        }

    def submit(self, submission_id: str, schedule: Schedule) -> None:
        """See `Crew.submit`."""
        if submission_id in self.jobs():
            return
        try:
            self._connected().submit_job(
                entrypoint=schedule.entrypoint(self._settings_path),
                submission_id=submission_id,
                entrypoint_resources=dict(schedule.resources) or None,
                metadata={"rayce_schedule": schedule.name},
            )
        except OSError as error:
            raise self._away(error) from None
        except (RuntimeError, ValueError) as error:
            if submission_id in self.jobs():  # a scheduler that was replaced meanwhile had asked too
                return
            if isinstance(error, ValueError) or "status code 4" in str(error):
                raise InvalidInput(f"Ray refuses it: {error}", "schedule", schedule.name) from None
            raise self._away(error) from None

    def _connected(self) -> JobSubmissionClient:
        if self._client is None:
            self._client = JobSubmissionClient(self._dashboard)
        return self._client

    def _away(self, error: Exception) -> Unavailable:
        self._client = None
        return Unavailable("ray", str(error))


@ray.remote(num_cpus=0, max_restarts=-1, max_concurrency=2)
class Scheduler:
    """Hosts `Scheduling` in a thread of its own."""

    def __init__(self, settings: Settings, settings_path: str, dashboard: str) -> None:
        start_logging()
        self._settings = settings
        self._notes = DynamoStore(settings.dynamodb)
        self._hot = RedisWriter(settings.redis)
        self._metrics = Metrics()
        schedules = schedules_of(settings)
        crew = SubmittedJobs(dashboard, settings_path)
        self._scheduling = Scheduling(schedules, self._notes, crew, time.time, self._metrics)
        self._waits = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether its thread goes on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                self._scheduling.look()
                self._tell()
                self._waits = False
            except RayceError as error:
                if not self._waits:
                    log.warning("scheduling_waits", reason=str(error))
                self._waits = True
            except Exception:  # the scheduler must outlive any surprise: logged, tried again
                log.exception("scheduling_failed")
            time.sleep(self._settings.batch.schedule_poll_s)

    def _tell(self) -> None:
        """The metrics of schedules and of all jobs' last runs: said again and again, hot memory may have been emptied."""
        self._hot.put_status({STATUS: self._metrics.to_bytes()})
        tell_runs(self._hot, runs_of(self._notes))


def schedules_of(settings: Settings) -> tuple[Schedule, ...]:
    """What the settings schedule. `InvalidSettings` with key and value where it is wrong."""
    return parse_schedules(settings.batch.schedules, job_modules(JOBS))


def start_scheduler(settings: Settings, settings_path: str, dashboard: str) -> "ActorHandle[Any] | None":
    """The scheduler of these settings in place of the one that is there; None where nothing is scheduled.

    `InvalidSettings` where a schedule is wrong: then the one that is there stays.
    """
    schedules = schedules_of(settings)
    _end_former()
    if not schedules:
        return None
    made: ActorHandle[Any] = Scheduler.options(  # type: ignore[attr-defined]
        name=NAME, namespace=NAMESPACE, lifetime="detached"
    ).remote(settings, settings_path, dashboard)
    return made


def _end_former() -> None:
    until_s = time.monotonic() + GONE_WITHIN_S
    with suppress(ValueError, RayError):  # there is none (any more)
        while time.monotonic() < until_s:
            ray.kill(ray.get_actor(NAME, NAMESPACE), no_restart=True)
            time.sleep(0.1)
