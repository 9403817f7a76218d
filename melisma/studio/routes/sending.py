"""What answers with files have in common."""

from urllib.parse import quote

KEPT_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
KEPT_IF_SAME = {"Cache-Control": "private, no-cache"}


def attachment(name: str) -> dict[str, str]:
    """The header that makes a browser save a file under a name, in any script (RFC 6266)."""
    return {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}
