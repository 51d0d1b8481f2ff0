"""What can go wrong while the local stack is started or stopped. One tree; each says what the caller does with it."""


class LocalStackError(Exception):
    """Root of the tree. The message is meant for a person and says what to do; print it and exit nonzero."""


class ServerUnavailable(LocalStackError):
    """This kind of server cannot be had here (no Java, no Maven, no network). Try the next kind, or report."""


class ServerFailed(LocalStackError):
    """A server died or did not become ready. The message names its log file and ends with the log's last lines."""


class UnknownServer(LocalStackError):
    """The caller named a server that the stack does not have, or that was never started. A mistake of the caller."""


class StackBusy(LocalStackError):
    """Another process has been starting or stopping servers of this root for minutes. Try later, or report."""
