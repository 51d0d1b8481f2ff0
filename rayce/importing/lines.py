"""Lines out of a stream of bytes, each within a bound: a line of 100 megabytes is passed over, never held."""

from collections.abc import Iterable, Iterator

MAX_LINE_BYTES = 4 << 20
"""As long as a whole body may be at the edge."""


def split_lines(chunks: Iterable[bytes], most: int = MAX_LINE_BYTES) -> Iterator[bytes | None]:
    r"""The lines in order, without their ends (`\n` or `\r\n`); None in place of one that is longer than `most` bytes.

    >>> list(split_lines([b"a\r\nb", b"c\n\n", b"too long\nd"], most=4))
    [b'a', b'bc', b'', None, b'd']
    """
    rest = b""
    is_too_long = False
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        if not is_too_long:
            rest += first
            if len(rest) > most:
                rest, is_too_long = b"", True
        for line in others:
            yield None if is_too_long else _without_return(rest)
            rest, is_too_long = (b"", True) if len(line) > most else (line, False)
    if rest or is_too_long:
        yield None if is_too_long else _without_return(rest)


def _without_return(line: bytes) -> bytes:
    return line[:-1] if line.endswith(b"\r") else line
