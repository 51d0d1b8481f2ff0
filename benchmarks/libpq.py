"""As much of PostgreSQL's own client library as a measurement needs: one connection, prepared statements, binary parameters."""

import ctypes
import ctypes.util
from collections.abc import Sequence

_TEXT, _BINARY = 0, 1
_COMMAND_OK, _TUPLES_OK = 1, 2


class PostgresError(RuntimeError):
    """The server, or the library, refused."""


class Connection:
    """A connection by libpq, without any Python driver in between. Not safe to share among threads."""

    def __init__(self, target: str) -> None:
        self._lib = _library()
        self._connection = self._lib.PQconnectdb(target.encode())
        if self._lib.PQstatus(self._connection):
            raise PostgresError(self._said())

    def run(self, command: str) -> None:
        """Any statement; what it returns is dropped."""
        self._finish(self._lib.PQexec(self._connection, command.encode()))

    def prepare(self, name: str, statement: str) -> None:
        """Make a statement ready."""
        self._finish(self._lib.PQprepare(self._connection, name.encode(), statement.encode(), 0, None))

    def ask(self, name: str, parameters: Sequence[bytes]) -> list[bytes]:
        """The first column of what a prepared statement gives, in binary form; so are the parameters."""
        count = len(parameters)
        values = (ctypes.c_char_p * count)(*parameters)
        lengths = (ctypes.c_int * count)(*map(len, parameters))
        formats = (ctypes.c_int * count)(*[_BINARY] * count)
        lib = self._lib
        result = lib.PQexecPrepared(self._connection, name.encode(), count, values, lengths, formats, _BINARY)
        try:
            self._check(result)
            return [
                ctypes.string_at(lib.PQgetvalue(result, row, 0), lib.PQgetlength(result, row, 0))
                for row in range(lib.PQntuples(result))
            ]
        finally:
            lib.PQclear(result)

    def close(self) -> None:
        """Let it go."""
        self._lib.PQfinish(self._connection)

    def _finish(self, result: int) -> None:
        try:
            self._check(result)
        finally:
            self._lib.PQclear(result)

    def _check(self, result: int) -> None:
        if self._lib.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
            raise PostgresError(self._said())

    def _said(self) -> str:
        return str(self._lib.PQerrorMessage(self._connection).decode().strip())


def _library() -> ctypes.CDLL:
    path = ctypes.util.find_library("pq")
    if path is None:
        raise PostgresError("libpq is not installed")
    lib = ctypes.CDLL(path)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    arrays = [ctypes.POINTER(text), ctypes.POINTER(number), ctypes.POINTER(number)]
    for name, result, arguments in (
        ("PQconnectdb", pointer, [text]),
        ("PQstatus", number, [pointer]),
        ("PQerrorMessage", text, [pointer]),
        ("PQexec", pointer, [pointer, text]),
        ("PQprepare", pointer, [pointer, text, text, number, pointer]),
        ("PQexecPrepared", pointer, [pointer, text, number, *arrays, number]),
        ("PQresultStatus", number, [pointer]),
        ("PQntuples", number, [pointer]),
        ("PQgetvalue", pointer, [pointer, number, number]),
        ("PQgetlength", number, [pointer, number, number]),
        ("PQclear", None, [pointer]),
        ("PQfinish", None, [pointer]),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
