"""melisma: a song studio for the ACE-Step family of music models."""

__version__ = "0.1.0"
