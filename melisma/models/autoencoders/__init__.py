"""Autoencoders: waveforms to latents and back."""

from melisma.models.autoencoders.base import Autoencoder, Loaded, load

__all__ = ["Autoencoder", "Loaded", "load"]
