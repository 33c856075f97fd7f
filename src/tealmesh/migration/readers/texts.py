"""The text of a file, whatever program wrote it. Pure."""

from __future__ import annotations

import codecs
import re

from tealmesh.model.errors import TealError

_BEGINNINGS = {
    b"\x1f\x8b": "is compressed: gunzip it first",
    b"PK\x03\x04": "is a zip archive. Terraform's plans are some: `terraform show -json FILE`",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How files begin that Windows wrote: PowerShell's ``>`` makes UTF-16."""


def decoded(data: bytes, origin: str) -> str:
    """The text of ``data``: UTF-8, or what its byte order mark says. Raises TealError."""
    for beginning, text in _BEGINNINGS.items():
        if data.startswith(beginning):
            raise TealError(f"{origin} {text}")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TealError(f"{origin} is not UTF-8 text: line {line} has other bytes") from error


_HCL = re.compile(
    r'^\s*(resource|module|provider|terraform|variable|data|locals)\b[^\n:=]*\{\s*$', re.MULTILINE
)  # fmt: skip


def hint(text: str) -> str:
    """What else a text may be that is neither JSON nor YAML; empty if nobody knows."""
    if _HCL.search(text):
        return (
            ". Terraform's configuration does not say what was made of it: give the state "
            "(`terraform state pull`)"
        )
    if "{{" in text:
        return ". A template has to be rendered first, one of Helm by `helm template`"
    return ""
