"""Every error rayce raises, in one tree; each docstring says what the caller does with it. All survive pickling."""


class RayceError(Exception):
    """Root of the tree: never raised itself; catch it to catch everything rayce means to say."""


class InvalidInput(RayceError):
    """The caller's value is wrong. Answer 4xx (or dead-letter), naming `key` and `value`; retrying is useless."""

    def __init__(self, message: str, key: str = "", value: object = None) -> None:
        super().__init__(message, key, value)
        self.message, self.key, self.value = message, key, value

    def __str__(self) -> str:
        return self.message


class InvalidSettings(InvalidInput):
    """A setting is unknown or of the wrong type. Stop at once: the operator has to mend it."""


class InvalidCatalogue(InvalidInput):
    """A segment catalogue does not hold together. Keep the one that is live and tell the marketer."""


class InvalidDocument(InvalidInput):
    """A YAML document (slots, model routing, keys) does not hold together. Keep the one that is live and tell its author."""


class InvalidRules(InvalidDocument):
    """A marketer's rules do not hold together. Keep those that are live and tell the marketer."""


class InvalidArtifact(InvalidInput):
    """A generation's files cannot be used. Keep the generation that is live."""


class UndecodableEvent(InvalidInput):
    """A record of the log is not an event of a known version. Send it to the dead letters, go on with the next."""


class NotEnoughData(RayceError):
    """There is too little history for what was asked. Keep what is live; run again when there is more."""


class WorseThanLive(RayceError):
    """A new generation is worse than the live one beyond noise. Keep what is live; publish with `--force` if it is meant."""


class LeakFound(RayceError):
    """A training row knows what came after its moment. Publish nothing: mend the feature, or the order of what it reads."""


class Unavailable(RayceError):
    """A store did not answer in time. Retry later on the event path; take the next rung on the request path."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, reason)
        self.store, self.reason = store, reason

    def __str__(self) -> str:
        return f"{self.store} is unavailable: {self.reason}"


class Fenced(RayceError):
    """Somebody else owns the partition now. Drop everything held for it without writing and stop."""

    def __init__(self, partition: int, epoch: int) -> None:
        super().__init__(partition, epoch)
        self.partition, self.epoch = partition, epoch

    def __str__(self) -> str:
        return f"partition {self.partition} is no longer owned at epoch {self.epoch}"


class LakeConflict(RayceError):
    """Somebody else has written to the lake meanwhile; nothing was written. Drop what is held and begin where it stands now."""
