"""The lines of a file, plain or compressed; a file that is cut short is an error, never an end.

Zstandard is taken apart here, frame by frame: the package's own file object ends without a word
where a compressed file is cut off in the middle.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

COMPRESSED = (".gz", ".zst")
_CHUNK_BYTES = 1 << 20


def read_lines(path: Path) -> Iterator[bytes]:
    """Each line with its end; raises OSError or EOFError where the file is broken."""
    if path.suffix == ".zst":
        yield from _split_lines(_zstandard_chunks(path))
    elif path.suffix == ".gz":
        with gzip.open(path, "rb") as stream:
            yield from stream
    else:
        with path.open("rb") as stream:
            yield from stream


def _zstandard_chunks(path: Path) -> Iterator[bytes]:
    # Imported here: few files need it.
    import zstandard

    with path.open("rb") as stream:
        frame = None
        while chunk := stream.read(_CHUNK_BYTES):
            while chunk:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield frame.decompress(chunk)
                except zstandard.ZstdError as error:
                    raise OSError(f"not zstandard data: {error}") from error
                chunk = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = None
        if frame is not None:
            raise EOFError("the file is cut short: its last zstandard frame does not end")


def _split_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest
