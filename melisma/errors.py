"""What can go wrong, in words for the person who asked.

Every error that melisma raises on purpose is a `MelismaError`: its text names the value seen, what is allowed
and the next step, so that the command line and the server can show it as it is. Anything else is a bug.
`exit_code` is what the command line returns to a script.
"""


class MelismaError(Exception):
    """Base of everything that may be shown to a person as it is."""

    exit_code = 1


class BadRequest(MelismaError, ValueError):
    """The request cannot be carried out as asked: a value out of range, a region outside the song, bad audio."""

    exit_code = 2


class MissingModel(MelismaError):
    """A checkpoint is not here, is incomplete, or cannot do what was asked."""

    exit_code = 3


class BadCheckpoint(MissingModel):
    """A checkpoint is here but cannot be read: corrupt file, missing or unexpected weights, wrong kind."""


class OutOfMemory(MelismaError):
    """The device has too little memory for this song with this checkpoint."""

    exit_code = 4


class UnsoundResult(MelismaError):
    """The model produced no music: non-finite or silent latents or audio. Never written as a song."""

    exit_code = 5


class Cancelled(MelismaError):
    """The person asked to stop."""

    exit_code = 130
