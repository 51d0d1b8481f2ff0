"""A TCP proxy that can be slow, swallow everything, or refuse: what a network does to a store. Loopback only."""

import asyncio
import threading
from collections.abc import Callable

HEALTHY, SLOW, BLACK_HOLE, REFUSE = "healthy", "slow", "black_hole", "refuse"
CHUNK = 1 << 16


class FaultProxy:
    """Listens on `port` from the start; where to connect to is asked at each connection, so it may be known later.

    Runs on a thread and loop of its own. A fault counts for connections that are open, too: `REFUSE` resets them.
    """

    def __init__(self, target: Callable[[], tuple[str, int]], delay_s: float) -> None:
        self._target = target
        self._delay_s = delay_s
        self._mode = HEALTHY
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._server = self._call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def set(self, mode: str) -> None:
        """From now on."""
        self._call(self._set(mode))

    def close(self) -> None:
        """Stop listening and drop what is open."""
        self._call(self._set(REFUSE))
        self._server.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _call(self, coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _set(self, mode: str) -> None:
        self._mode = mode
        if mode == REFUSE:
            for writer in list(self._open):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == REFUSE:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target())
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._open -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction. What a black hole swallowed stays lost: when it heals the connection is reset, as by a timeout."""
        swallowed = False
        try:
            while data := await reader.read(CHUNK):
                if self._mode == SLOW:
                    await asyncio.sleep(self._delay_s)
                while self._mode == BLACK_HOLE:
                    swallowed = True
                    await asyncio.sleep(0.05)
                if swallowed:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()
