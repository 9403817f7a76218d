"""Refusals: what a route answers when it will not do what was asked.

`detail` is for people, `code` for programs, `status` for HTTP. The server turns each into a `shapes.Problem`.
"""

from melisma.errors import BadRequest


class Refused(BadRequest):
    """The request is understood and refused."""

    status = 422
    code = "refused"

    def __init__(self, detail: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status or self.status
        self.code = code or self.code


class NotHere(Refused):
    """There is no such thing, or not for this person: both look the same from outside."""

    status = 404
    code = "not_found"


class NotYours(Refused):
    """It may be looked at, but not changed."""

    status = 403
    code = "not_yours"


class Outdated(Refused):
    """Somebody else changed it in the meantime."""

    status = 409
    code = "outdated"


class TooLarge(Refused):
    """More than a limit allows."""

    status = 413
    code = "too_large"


class NotAudio(Refused):
    """A file that is no audio we know, or is damaged."""

    status = 415
    code = "not_audio"
