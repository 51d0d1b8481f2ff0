"""A person's precomputed list: item ids with scores, best first, as jobs write and readers read it."""

import msgspec

from rayce.errors import InvalidArtifact

List = list[tuple[str, float]]

encode_list = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(List)


def decode_list(data: bytes | None) -> List:
    """The list; empty where there is none. `InvalidArtifact` where it is not one."""
    if data is None:
        return []
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidArtifact(f"not a precomputed list: {error}", "list", data[:32]) from None
