"""Stands before an object store and notes of each request which permission AWS would ask for, and on what.

`python -m tests.rayce.lake.s3_recorder PORT TO_PORT` prints them, a line each. It is a process of its own: what writes to a
store keeps the lock of Python meanwhile, and a thread of the same process could never answer.
"""

import http.client
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

Needed = tuple[str, str]
"""An action, and the key (of a listing, the prefix) that it is for."""


def needed(method: str, target: str, body: bytes) -> set[Needed]:
    """What the request needs, by the table of S3's actions.

    >>> sorted(needed("GET", "/lake?list-type=2&prefix=a%2Fb", b"")), sorted(needed("PUT", "/lake/a/b?partNumber=1", b""))
    ([('s3:ListBucket', 'a/b')], [('s3:PutObject', 'a/b')])
    """
    parts = urlsplit(target)
    asked = parse_qs(parts.query, keep_blank_values=True)
    key = unquote(parts.path).partition("/")[2].partition("/")[2]
    if method == "POST" and "delete" in asked:
        return {("s3:DeleteObject", found) for found in re.findall(r"<Key>([^<]*)</Key>", body.decode())}
    if method == "GET" and not key:
        return {("s3:ListBucket", asked.get("prefix", [""])[0])}
    if method == "DELETE":
        return {("s3:AbortMultipartUpload" if "uploadId" in asked else "s3:DeleteObject", key)}
    return {({"GET": "s3:GetObject", "HEAD": "s3:GetObject"}.get(method, "s3:PutObject"), key)}


class _Recorder(ThreadingHTTPServer):
    """A server on the loopback that hands everything on to another port."""

    daemon_threads = True

    def __init__(self, port: int, to_port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.to_port = to_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Recorder

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        for action, key in needed(self.command, self.path, body):
            sys.stdout.write(f"{action} {key}\n")  # in one piece: other threads write too
            sys.stdout.flush()
        behind = http.client.HTTPConnection("127.0.0.1", self.server.to_port, timeout=30)
        behind.request(self.command, self.path, body, {**self.headers, "connection": "close"})
        reply = behind.getresponse()
        data = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server", "content-length"):
                self.send_header(name, value)
        length = reply.getheader("content-length") if self.command == "HEAD" else str(len(data))
        self.send_header("content-length", length or "0")
        self.end_headers()
        self.wfile.write(data)
        behind.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    _Recorder(*map(int, sys.argv[1:])).serve_forever()
