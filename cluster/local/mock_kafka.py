"""librdkafka's mock broker as a process: `python -m cluster.local.mock_kafka --port 9092 --topics topics.json`.

The broker listens on a port of the system's choosing and cannot be told otherwise, but it can be told what to
advertise. So this process listens on the wanted port, advertises it, and passes the bytes on. The file gives
topics and their numbers of partitions. Any other topic appears when it is first used, with four partitions; requests
to create topics are not understood.
"""

import argparse
import asyncio
import contextlib
import ctypes
import json
import signal
from pathlib import Path

import confluent_kafka

_CHUNK_BYTES = 256 * 1024


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="cluster.local.mock_kafka")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--topics", type=Path, help="a JSON object: name to number of partitions; may be missing")
    arguments = parser.parse_args(argv)
    file: Path | None = arguments.topics
    topics = json.loads(file.read_text()) if file is not None and file.exists() else {}
    asyncio.run(_serve(arguments.port, start_broker(arguments.port, topics)))


def start_broker(advertised_port: int, topics: dict[str, int]) -> int:
    """Start the mock broker inside this process, for as long as it lives. Returns the port it really listens on."""
    library = _library()
    reason = ctypes.create_string_buffer(512)
    handle = library.rd_kafka_new(0, None, reason, len(reason))
    if not handle:
        raise RuntimeError(f"librdkafka did not start: {reason.value.decode()}")
    cluster = library.rd_kafka_mock_cluster_new(handle, 1)
    port = int(library.rd_kafka_mock_cluster_bootstraps(cluster).decode().rpartition(":")[2])
    library.rd_kafka_mock_broker_set_host_port(cluster, 1, b"127.0.0.1", advertised_port)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    for name, partitions in topics.items():
        error = library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
        if error:
            raise RuntimeError(f"topic {name} with {partitions} partitions: librdkafka error {error}")
    return port


def _library() -> ctypes.CDLL:
    """The librdkafka inside the wheel, with the signatures of the few functions used (`rdkafka_mock.h`)."""
    package = Path(confluent_kafka.__file__).parent
    folders = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    found = [file for folder in folders if folder.is_dir() for file in folder.glob("librdkafka[-.]*")]
    if not found:
        raise RuntimeError(f"the wheel confluent-kafka has no librdkafka beside {package}")
    library = ctypes.CDLL(str(found[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_broker_set_host_port": (None, [pointer, ctypes.c_int32, text, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


async def _serve(port: int, broker_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", broker_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, to_broker), _pass_on(from_broker, writer))

    await asyncio.start_server(connect, "127.0.0.1", port)
    await stop.wait()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy bytes until one side ends; then end the other, so that the opposite direction ends too."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


if __name__ == "__main__":
    main()
