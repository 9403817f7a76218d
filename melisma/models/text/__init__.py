"""Text encoders: words as hidden states or embedding rows."""

from melisma.models.text.encoder import TextEncoder

__all__ = ["TextEncoder"]
