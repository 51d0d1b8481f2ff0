"""The log in Kafka: topics, a writer with acknowledgements for asyncio, and a reader of assigned partitions."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from rayce.errors import Unavailable
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import CHANGES, DEAD, DECISIONS, EVENTS, ITEMS, MODELS, Record

GROUP = "rayce.stream"
ITEMS_RETENTION_MS = 3_600_000
"""Who was away for longer reads the whole catalogue anyway."""
CONNECT_PATIENCE_S, RECONNECT_S = 5.0, 0.5


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of the brokers is made with."""
    found: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap.split(","),
        "security_protocol": settings.security_protocol,
        "reconnect_backoff_max_ms": 1_000,
    }
    if settings.api_version:
        found["api_version"] = tuple(int(part) for part in settings.api_version.split("."))
    if settings.sasl_mechanism:
        found["sasl_mechanism"] = settings.sasl_mechanism
        found["sasl_plain_username"] = settings.sasl_username
        found["sasl_plain_password"] = settings.sasl_password
    return found


def create_topics(settings: KafkaSettings) -> None:
    """Make the topics that are missing; brokers that make them by themselves and cannot be asked are left alone."""
    if settings.api_version:
        return
    retention = {"retention.ms": str(settings.retention_h * 3_600_000)}
    topics = [
        NewTopic(EVENTS, settings.partitions, settings.replication, topic_configs=retention),
        NewTopic(DEAD, 1, settings.replication, topic_configs=retention),
        NewTopic(CHANGES, settings.partitions, settings.replication, topic_configs=_changes_retention(settings)),
        NewTopic(MODELS, 1, settings.replication, topic_configs={"cleanup.policy": "compact"}),
        NewTopic(ITEMS, 1, settings.replication, topic_configs={"retention.ms": str(ITEMS_RETENTION_MS)}),
        NewTopic(DECISIONS, settings.partitions, settings.replication, topic_configs=_decisions_retention(settings)),
    ]
    try:
        admin = KafkaAdminClient(**connection(settings))
    except KafkaError as error:
        raise Unavailable("kafka", str(error)) from None
    try:
        for topic in topics:
            try:
                admin.create_topics([topic])
            except TopicAlreadyExistsError:
                continue
    except KafkaError as error:
        raise Unavailable("kafka", str(error)) from None
    finally:
        admin.close()


def _changes_retention(settings: KafkaSettings) -> dict[str, str]:
    return {"retention.ms": str(settings.changes_retention_h * 3_600_000)}


def _decisions_retention(settings: KafkaSettings) -> dict[str, str]:
    return {"retention.ms": str(settings.decisions_retention_h * 3_600_000)}


class LogWriter:
    """Writes with acknowledgement by all replicas; idempotent, so the client's own retries never double a record.

    Connects in the background, so a program can start, and answer from its lower rungs, while the brokers are away. After
    a failure the producer is replaced: kafka-python 3.0.12 does not recover once an idempotent batch has expired. What
    was under way may or may not be in the log; its sender repeats it, and the fold counts an event id once.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._timeout_s = settings.ack_timeout_ms / 1000
        self._producer: KafkaProducer | None = None
        self._failed = True
        self._closed = threading.Event()
        self._renewing = threading.Lock()
        self._start_connecting(None).join(CONNECT_PATIENCE_S)

    def _start_connecting(self, former: KafkaProducer | None) -> threading.Thread:
        connecting = threading.Thread(target=self._connect, args=(former,), name="kafka-connect", daemon=True)
        connecting.start()
        return connecting

    def _renew(self, former: KafkaProducer) -> None:
        """Another producer in place of this one, if it is still the one: many writes of one may fail, one after another."""
        self._failed = True
        with self._renewing:
            if self._producer is former:
                self._producer = None
                if not self._closed.is_set():
                    self._start_connecting(former)

    def _connect(self, former: KafkaProducer | None) -> None:
        if former is not None:
            _let_go(former)
        while not self._closed.is_set():
            producer = self._reach_brokers()
            if producer is not None:
                self._producer, self._failed = producer, False
                return
            self._closed.wait(RECONNECT_S)

    def _reach_brokers(self) -> KafkaProducer | None:
        """A producer that knows the topic's partitions; None where no broker answers."""
        producer = None
        try:
            producer = KafkaProducer(
                **connection(self._settings),
                bootstrap_timeout_ms=int(CONNECT_PATIENCE_S * 1000),  # then anew, unless closed by now
                metrics_enabled=False,  # ours tell what matters
                acks="all",
                compression_type="lz4",
                max_block_ms=self._settings.ack_timeout_ms,
                delivery_timeout_ms=self._settings.ack_timeout_ms,
                request_timeout_ms=max(1, self._settings.ack_timeout_ms - self._settings.linger_ms - 1),
                linger_ms=self._settings.linger_ms,
                batch_size=128 * 1024,
                max_request_size=8 * 1024 * 1024,
            )
            producer.partitions_for(EVENTS)
        except (KafkaError, OSError):
            if producer is not None:
                _let_go(producer)
            return None
        return producer

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            raise Unavailable("kafka", "no broker has answered yet")
        return self._producer

    async def write(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Write (key, value) records; returns once all are acknowledged, `Unavailable` if one was not in time."""
        if not records:
            return
        producer = self._connected()
        try:
            await self._write(producer, topic, records)
        except Unavailable:
            self._renew(producer)
            raise
        self._failed = False

    async def _write(self, producer: KafkaProducer, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        settling = _Settling(len(records), lambda error: loop.call_soon_threadsafe(settle, error))

        def settle(error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(Unavailable("kafka", str(error) or type(error).__name__))
            else:
                done.set_result(None)

        try:
            for key, value in records:
                future = producer.send(topic, value, key.encode())
                future.add_callback(settling.went_well)
                future.add_errback(settling.failed)
            async with asyncio.timeout(self._timeout_s):
                await done
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka", str(error) or type(error).__name__) from None

    def write_now(
        self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = (), key: bytes | None = None
    ) -> None:
        """Write one record and wait for its acknowledgement (blocking)."""
        self.write_all_now(topic, [(key, value)], headers)

    def write_all_now(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes]], headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Write (key, value) records, all with these headers, and wait until all are acknowledged (blocking)."""
        self.write_each_now(topic, ((key, value, headers) for key, value in records))

    def write_each_now(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes, Sequence[tuple[str, bytes]]]]
    ) -> None:
        """Write (key, value, headers) records and wait until all are acknowledged (blocking)."""
        producer = self._connected()
        try:
            for sent in [producer.send(topic, value, key, list(headers)) for key, value, headers in records]:
                sent.get(timeout=self._timeout_s)
        except KafkaError as error:
            self._renew(producer)
            raise Unavailable("kafka", str(error)) from None

    def connected(self) -> bool:
        """Whether the brokers have answered and the last write went well."""
        return not self._failed

    def close(self) -> None:
        """Send what is waiting, then close."""
        self._closed.set()
        if self._producer is not None:
            self._producer.close(timeout=self._timeout_s)


class _Settling:
    """Counts the acknowledgements of one write, whichever thread they come in; wakes the event loop once, not for each.

    Told at once where one failed; the loop passes over what comes after that.
    """

    def __init__(self, records: int, tell: Callable[[BaseException | None], object]) -> None:
        self._waiting = records
        self._tell = tell
        self._lock = threading.Lock()

    def went_well(self, _metadata: object) -> None:
        """One more is in the log."""
        with self._lock:
            self._waiting -= 1
            last = not self._waiting
        if last:
            self._tell(None)

    def failed(self, error: BaseException) -> None:
        """One is not."""
        self._tell(error)


def _let_go(producer: KafkaProducer) -> None:
    with suppress(KafkaError):  # what it still held cannot be delivered; its senders have been told
        producer.close(timeout=0)


class LogReader:
    """Reads partitions of a topic, which may come and go meanwhile; the position is committed by hand."""

    def __init__(
        self,
        settings: KafkaSettings,
        partitions: Sequence[int] = (),
        max_records: int = 500,
        topic: str = EVENTS,
        group: str = GROUP,
        wait_ms: int = 100,
    ) -> None:
        """Reaches the brokers; `Unavailable` where none answers for long. Where there is nothing they wait for `wait_ms`."""
        self._topic = topic
        try:
            self._consumer = KafkaConsumer(
                **connection(settings),
                metrics_enabled=False,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=wait_ms,
                max_poll_records=max_records,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None
        self._partitions = [TopicPartition(topic, partition) for partition in partitions]
        self._consumer.assign(self._partitions)

    def begin(self, partition: int, offset: int) -> None:
        """Read this partition too, from there on (-1: from the earliest record); also to go back, and after a `pause`."""
        place = TopicPartition(self._topic, partition)
        if place not in self._partitions:
            self._partitions.append(place)
            self._consumer.assign(self._partitions)
        if offset >= 0:
            self._consumer.seek(place, offset)
        else:
            self._consumer.seek_to_beginning(place)
        self._consumer.resume(place)

    def pause(self, partition: int) -> None:
        """Read nothing of it until `begin`."""
        self._consumer.pause(TopicPartition(self._topic, partition))

    def leave(self, partition: int) -> None:
        """Read it no more; the others are not disturbed."""
        self._partitions.remove(TopicPartition(self._topic, partition))
        self._consumer.assign(self._partitions)

    def idle(self) -> None:
        """Attend to the connection without reading anything: what was fetched already stays for the next `fetch`."""
        reading = [place for place in self._partitions if place not in self._consumer.paused()]
        self._consumer.pause(*reading)
        try:
            self._poll(0)
        finally:
            self._consumer.resume(*reading)

    def fetch(self, timeout_ms: int) -> Mapping[int, Sequence[Any]]:
        """The next records by partition, in order, as the client made them; none where there are none in time."""
        return {place.partition: records for place, records in self._poll(timeout_ms).items()}

    def poll(self, timeout_ms: int) -> list[Record]:
        """The next records, in order within each partition; empty where there are none in time."""
        found = self._poll(timeout_ms).values()
        return [Record(r.partition, r.offset, r.value, r.key, tuple(r.headers)) for records in found for r in records]

    def _poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        if not self._partitions:
            time.sleep(timeout_ms / 1000)
            return {}
        try:
            return self._consumer.poll(timeout_ms=timeout_ms)  # type: ignore[no-any-return]
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        """Commit, by partition, the offset of the next record to read; without `wait` a failure goes unnoticed."""
        offsets = {TopicPartition(self._topic, p): OffsetAndMetadata(at, "", -1) for p, at in positions.items()}
        try:
            if wait:
                self._consumer.commit(offsets, timeout_ms=5_000)
            else:
                self._consumer.commit_async(offsets)
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def committed(self) -> dict[int, int]:
        """Committed position by partition; -1 where none is."""
        try:
            return {tp.partition: self._position(self._consumer.committed(tp)) for tp in self._partitions}
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def committed_of(self, partition: int) -> int:
        """The committed position of a partition; -1 where none is."""
        try:
            return self._position(self._consumer.committed(TopicPartition(self._topic, partition)))
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def known_end(self) -> dict[int, int]:
        """End of the log by partition as of the last fetch; costs nothing (a request would wait behind the long poll)."""
        ends = {tp.partition: self._consumer.highwater(tp) for tp in self._partitions}
        return {partition: end for partition, end in ends.items() if end is not None}

    def end(self) -> dict[int, int]:
        """End of the log by partition: the offset the next record will get. Asks the brokers."""
        try:
            return {tp.partition: at for tp, at in self._consumer.end_offsets(self._partitions).items()}
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def beginning(self) -> dict[int, int]:
        """Offset of the oldest record that is kept, by partition. Asks the brokers."""
        try:
            return {tp.partition: at for tp, at in self._consumer.beginning_offsets(self._partitions).items()}
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None

    def at_time(self, at_ms: int) -> dict[int, int]:
        """By partition, the offset of the first record of that moment or later, or the end. Asks the brokers."""
        try:
            found = self._consumer.offsets_for_times(dict.fromkeys(self._partitions, max(at_ms, 0)))
        except (KafkaError, OSError) as error:
            raise Unavailable("kafka", str(error)) from None
        ends = self.end()
        return {tp.partition: ends[tp.partition] if at is None else at.offset for tp, at in found.items()}

    def replay(self) -> Iterator[Record]:
        """Every record from the beginning to what is the end now."""
        end = self.end()
        self._consumer.seek_to_beginning(*self._partitions)
        yield from self.read_until(end)

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        """The records from where the reader stands to these offsets."""
        while any(self._consumer.position(tp) < end[tp.partition] for tp in self._partitions):
            for record in self.poll(1_000):
                if record.offset < end[record.partition]:
                    yield record

    def close(self) -> None:
        """Close without committing."""
        self._consumer.close(autocommit=False)

    @staticmethod
    def _position(committed: object) -> int:
        return -1 if committed is None else int(getattr(committed, "offset", committed))  # type: ignore[call-overload]
