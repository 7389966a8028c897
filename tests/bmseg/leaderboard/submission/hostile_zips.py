"""ZIPs that do harm to those who believe them: each with what the check must say of it."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from tests.bmseg.leaderboard.submission.hostile_masks import EXAMS, SIZE, mask, swelling

FIRST, SECOND = (f"{exam}.nii.gz" for exam in EXAMS)
Entry = tuple[str | zipfile.ZipInfo, bytes]
SOUND: list[Entry] = [(FIRST, mask()), (SECOND, mask())]


def zipped(entries: Sequence[Entry], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a repeated name
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def entry(name: str, content: bytes = b"x", **fields: Any) -> Entry:
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def patched(content: bytes, name: str, place: int, form: str, value: int) -> bytes:
    """A ZIP with a field of an entry of its directory overwritten."""
    changed = bytearray(content)
    start = changed.rfind(b"PK\1\2", 0, changed.rfind(name.encode()))
    struct.pack_into(form, changed, start + place, value)
    return bytes(changed)


def in_directory(name: str, *, crc: int = 0, packed: int = 0, size: int = 0, offset: int = 0) -> bytes:
    """An entry of a directory; deflated."""
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, packed, size, len(name), *[0] * 5, offset
    )
    return head + name.encode()


def local(name: str, crc: int = 0, packed: int = 0, size: int = 0) -> bytes:
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, packed, size, len(name), 0)
    return head + name.encode()


def ended(body: bytes, directory: bytes, entries: int, declared: int | None = None) -> bytes:
    size = len(directory) if declared is None else declared
    count = min(entries, 0xFFFF)
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, len(body), 0)


def overlapping() -> bytes:
    """One stream of a gigabyte that two entries share: the first one's contents begin with the second one."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(b"\0" * (1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    kernel = block * 900
    inner = local(SECOND, 0, len(kernel), 900 << 20) + kernel
    # A stored block that quotes the second entry's header, as Fifield has it.
    quoted = local(SECOND, 0, len(kernel), 900 << 20)
    quote = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF)
    outer = local(FIRST, 0, len(quote) + len(inner), 0) + quote
    directory = in_directory(FIRST, packed=len(quote) + len(inner), size=1 << 20) + in_directory(
        SECOND, packed=len(kernel), size=1 << 20, offset=len(outer)
    )
    return ended(outer + inner, directory, 2)


def many(count: int) -> bytes:
    directory = b"".join(in_directory(f"{number:06d}.nii.gz") for number in range(count))
    return ended(local("000000.nii.gz"), directory, count)


def zip64(name: str, content: bytes, *, size: int | None = None, offset: int = 0) -> bytes:
    """A ZIP of one stored entry whose 64-bit fields say something else."""
    true = len(content)
    extra = struct.pack("<2H3Q", 1, 24, true if size is None else size, true, offset)
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, zlib.crc32(content), true, true, len(name), 0)
    line = struct.pack("<4s6H", b"PK\1\2", 45, 45, 0, 0, 0, 0)
    line += struct.pack(
        "<3L5H2L", zlib.crc32(content), *[0xFFFFFFFF] * 2, len(name), 28, 0, 0, 0, 0, 0xFFFFFFFF
    )
    return ended(head + name.encode() + content, line + name.encode() + extra, 1)


def hostile_zips() -> Iterator[tuple[str, bytes, str]]:
    """Name, content, part of the fault or refusal."""
    yield from _wrong_paths()
    yield from _wrong_entries()
    yield from _wrong_sizes()
    yield from _wrong_files()


def _wrong_paths() -> Iterator[tuple[str, bytes, str]]:
    outside = "found a path that leads out of its folder"
    for name in (
        f"../{FIRST}",
        f"a/../../{FIRST}",
        f"/etc/{FIRST}",
        f"C:/{FIRST}",
        f"C:{FIRST}",
        f"..\\{FIRST}",
        f"\\\\host\\{FIRST}",
        "__MACOSX/../../x",
    ):
        yield f"path {name}", zipped([*SOUND, entry(name)]), outside
    with_null = zipped([*SOUND, (f"{FIRST}~.png", b"x")]).replace(b"gz~.png", b"gz\0.png")
    yield "path with a null byte", with_null, outside
    yield "path with an empty part", zipped([*SOUND, entry(f"a//{FIRST}")]), "an unusual path"
    yield "path that draws", zipped([*SOUND, entry("\x1b[2J\u202egz.iin.nii.gz")]), "an unusual path"
    yield "folder for a mask", zipped([entry(f"{FIRST}/", b""), SOUND[1]]), "found a folder"
    yield "folder in a folder", zipped([(f"a/b/{FIRST}", mask()), SOUND[1]]), "in another folder"
    yield "two folders", zipped([(f"a/{FIRST}", mask()), (f"b/{SECOND}", mask())]), "in another folder"
    yield "folder and top", zipped([*SOUND, (f"a/{FIRST}", mask())]), "in another folder"


def _wrong_entries() -> Iterator[tuple[str, bytes, str]]:
    for name in ("S_IFLNK", "S_IFIFO", "S_IFCHR", "S_IFBLK", "S_IFSOCK", "S_IFDIR"):
        mode = (getattr(stat, name) | 0o777) << 16
        content = zipped([entry(FIRST, b"/dev/zero", external_attr=mode), SOUND[1]])
        yield f"mode {name}", content, "found a link or device"
    yield "encrypted", patched(zipped(SOUND), FIRST, 8, "<H", 1), "found it encrypted"
    for method in (1, 9, 12, 14, 93, 99):
        yield (
            f"compression {method}",
            patched(zipped(SOUND), FIRST, 10, "<H", method),
            f"compression {method}",
        )
    yield "twice", zipped([*SOUND, SOUND[0]]), "found 2 times, expected once"
    yield (
        "case",
        zipped([*SOUND, (FIRST.upper(), mask())]),
        f"differs by case or by Unicode form, expected {FIRST}",
    )
    wide = FIRST.replace("c", "\uff43", 1)
    yield "wide letters", zipped([*SOUND, (wide, mask())]), "differs by case or by Unicode form"
    yield "other name inside", zipped(SOUND).replace(FIRST.encode(), b"x" * len(FIRST), 1), "cannot be read"
    yield "script", zipped([*SOUND, ("sitecustomize.py", b"import os")]), "found no mask of a test exam"
    yield "zip in zip", zipped([(FIRST, zipped(SOUND)), SOUND[1]]), "found no gzip data"
    yield "uncompressed", zipped([("case_1.hdr", b""), SOUND[1]]), "found another kind of file"
    yield "empty", zipped([("case_1.nii", b""), SOUND[1]]), "found no NIfTI header"
    yield "not UTF-8", _not_utf8(), "no readable ZIP"


def _not_utf8() -> bytes:
    content = zipped([*SOUND, ("caf\u00e9", b"x")])  # flagged as UTF-8
    return content.replace("caf\u00e9".encode(), b"caf\xff\xff")


def _wrong_sizes() -> Iterator[tuple[str, bytes, str]]:
    bomb = zipped([(FIRST, swelling(b"", 900)), SOUND[1]], zipfile.ZIP_DEFLATED)
    yield "bomb", bomb, "found no NIfTI header"
    grown = zipped([(FIRST, b"\0" * (64 << 20)), SOUND[1]], zipfile.ZIP_DEFLATED)
    yield "declared large", grown, f"found {64 << 20} bytes, expected at most"
    yield "declared small", patched(grown, FIRST, 24, "<L", 100), "Bad CRC-32"
    small = patched(zipped(SOUND, zipfile.ZIP_DEFLATED), FIRST, 24, "<L", 30)
    yield "declared too small", small, "Bad CRC-32"
    large = patched(zipped(SOUND), FIRST, 24, "<L", 1 << 19)
    yield "declared too large", large, "found fewer bytes than were listed"
    yield "longer than the file", patched(zipped(SOUND), SECOND, 20, "<L", 1 << 30), "reach into what follows"
    yield "overlapping", overlapping(), "found contents that reach into what follows"
    yield "ZIP64 size", zip64(FIRST, mask(), size=1 << 60), f"found {1 << 60} bytes"
    yield "ZIP64 offset", zip64(FIRST, mask(), offset=1 << 62), "reach into what follows"
    yield "60,000 entries", many(60_000), "found more than 104 files"
    yield "100,000 entries", many(100_000), "its directory is larger"
    yield "directory of 4 GB", ended(b"", bytes(46), 1, 0xFFFFFFF0), "no readable ZIP"


def _wrong_files() -> Iterator[tuple[str, bytes, str]]:
    whole = zipped(SOUND)
    yield "cut", whole[: len(whole) // 2], "found no readable ZIP"
    yield "text", b"no ZIP", "found no readable ZIP"
    yield "nothing", b"", "found no readable ZIP"
    yield "no entry", zipped([]), "found no mask, expected <exam>.nii.gz for 2 test exams"
    yield "only by-products", zipped([("dataset.json", b"{}")]), "found no mask"
    yield "large", whole + bytes((16 << 20) + 4 * 1_200_000 * len(SIZE)), "bytes, expected at most"
