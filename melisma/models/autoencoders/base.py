"""What every autoencoder does, and how the right class is found for a folder.

Waveforms become latents and latents waveforms. All else (which network, its sizes, how it is cut into tiles) stays
behind this protocol, so tasks and the engine never ask which autoencoder they hold. Tensors may lie anywhere; an
autoencoder brings them to its own device and returns float32 where they came from.

Axes: b take, s sample, t latent frame, c latent channel.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from melisma.errors import BadCheckpoint
from melisma.models.files import fingerprint, read_config, read_weights
from melisma.models.fill import fill

# Brings a module to its device for the length of a `with` block (see `models.memory`).
Hosting = Callable[[nn.Module], AbstractContextManager[object]]


def stays(_: nn.Module) -> AbstractContextManager[object]:
    """The hosting of a module that never moves."""
    return nullcontext()


class Autoencoder(Protocol):
    """Stereo music ↔ latents."""

    sample_rate: int
    hop: int
    channels: int

    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents (b, s // hop, c) of a waveform (b, 2, s). With a generator sampled, without it the mean."""

    def decode(self, latents: Tensor) -> Tensor:
        """Waveform (b, 2, t * hop) of latents (b, t, c)."""


@dataclass(frozen=True)
class Loaded:
    """An autoencoder read from a folder; its module is on a device only while `hosting` says so.

    Tensors may lie anywhere: they are brought to the module as float32, and results return to where they came from.
    """

    module: Any  # a module that is an Autoencoder: an intersection that type hints cannot say
    fingerprint: str
    hosting: Hosting

    @property
    def sample_rate(self) -> int:
        """Samples per second."""
        return int(self.module.sample_rate)

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return int(self.module.hop)

    @property
    def channels(self) -> int:
        """Latent channels."""
        return int(self.module.channels)

    @property
    def latent_hz(self) -> float:
        """Latent frames per second."""
        return self.sample_rate / self.hop

    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """See `Autoencoder`."""
        return self._through(waveform, lambda x: self.module.encode(x, generator))

    def decode(self, latents: Tensor) -> Tensor:
        """See `Autoencoder`."""
        return self._through(latents, self.module.decode)

    def _through(self, tensor: Tensor, code: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.no_grad(), self.hosting(self.module):
            there = next(self.module.parameters()).device
            return code(tensor.to(there, torch.float32)).to(tensor.device)


def load(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    hosting: Hosting | None = None,
) -> Loaded:
    """The autoencoder in a folder, by the `_class_name` of its config.json.

    `hosting` decides when it is on the device; without it the module is put there and stays. Raises MissingModel or
    BadCheckpoint.
    """
    name = read_config(folder).get("_class_name")
    if name not in READERS:
        raise BadCheckpoint(f"{folder} holds {name or 'no autoencoder'}: known autoencoders are {', '.join(READERS)}")
    module = READERS[name](folder, dtype).eval().requires_grad_(False)
    if hosting is None:
        module, hosting = module.to(device), stays
    return Loaded(module, fingerprint(folder), hosting)


def _read_oobleck(folder: Path, dtype: torch.dtype) -> nn.Module:
    from melisma.models.autoencoders.oobleck import Oobleck

    network = Oobleck.network_of(read_config(folder))
    fill(network, read_weights(folder), folder)
    return Oobleck(network, dtype)


def _read_spectral(folder: Path, _: torch.dtype) -> nn.Module:
    """Always float32: it is small, and spectra are not at home in half precision."""
    from melisma.models.autoencoders.spectral import SpectralAutoencoder

    module = SpectralAutoencoder.from_config(read_config(folder))
    fill(module, read_weights(folder), folder)
    return module.float()


def _read_dcae(folder: Path, dtype: torch.dtype) -> nn.Module:
    from melisma.models.autoencoders.dcae import MusicDCAE

    return MusicDCAE.from_folder(folder).to_type(dtype)


READERS: dict[str, Callable[[Path, torch.dtype], nn.Module]] = {
    "AutoencoderDC": _read_dcae,
    "AutoencoderOobleck": _read_oobleck,
    "SpectralAutoencoder": _read_spectral,
}
