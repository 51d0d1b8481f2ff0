"""That what was written can be used: before a generation goes live."""

from collections.abc import Mapping

from rayce.candidates import Wish, find_candidates
from rayce.content_index import ContentIndex
from rayce.errors import InvalidArtifact
from rayce.shelf import Popular, Shelf


def check_shelf(files: Mapping[str, bytes]) -> None:
    """That the files hold a shelf from which something can be found; `InvalidArtifact` if not."""
    shelf = Shelf.with_sessions(files)
    Shelf.with_parts(files)
    if shelf.content:
        ContentIndex.from_bytes(shelf.content, len(shelf.ids))
    found = find_candidates(shelf, None, [], Wish(), 0, 10)
    if not len(found.items) and shelf.available.any():
        raise InvalidArtifact("nothing can be found on the shelf", "files", len(shelf.ids))


def check_popular(files: Mapping[str, bytes]) -> None:
    """That the files hold top lists, best first; `InvalidArtifact` if not."""
    popular = Popular.from_files(files)
    for ranked in (popular.everybody, *popular.segments.values(), *popular.trending.values()):
        if [score for _item, score in ranked] != sorted((score for _item, score in ranked), reverse=True):
            raise InvalidArtifact("a top list is not in order", "popular.json", ranked[:3])
