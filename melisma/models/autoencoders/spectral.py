"""The starter's autoencoder: 48 kHz stereo as 64 numbers at 25 Hz, small enough to be trained on a laptop.

Waveform codecs learn harmonics only after days on an accelerator. This one begins with them: signal processing does
what is known, networks learn the rest.

- **What is coded**: one mono spectrum in fine detail, and how wide and where each of a few bands sits between the two
  loudspeakers (parametric stereo). A panned instrument keeps one phase in both channels, so it stays where it is.
- **Principal start**: latents are the 64 principal components of four stacked frames of log band levels, whitened,
  plus a residual that starts at zero. Before any training the codec already has pitch and timbre.
- **Phase**: the decoder predicts how phases advance in time and step across bins, with confidence; `phase.integrate`
  joins them. Where little is known a little noise is added to the beliefs, so breath and cymbals stay noise.
- **Deterministic**: `encode` ignores its generator; the noise of `decode` is drawn from a fixed seed, per take.

Axes: b take, s sample, n frame (100 Hz), t latent frame (25 Hz), c channel, f bin, g stereo band, e network width.
Sequences inside networks are (b, n, e). Levels are log(magnitude + floor); magnitudes are those of a Hann-windowed
frame, so a full-scale sine has window / 4.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melisma.errors import BadRequest
from melisma.models.autoencoders import phase

_POLISH = 2
"""Rounds of Griffin-Lim after phases are integrated; a third is not measurable."""

_FRAMES_AT_ONCE = 64
"""Frames whose neighbourhoods are looked at together."""

_DOUBT = 1.5
"""Confidence in phase, advance and step together, below which a bin is rather noise than tone."""


@dataclass(frozen=True)
class SpectralConfig:
    """Sizes of one spectral autoencoder; all come from its config.json."""

    sample_rate: int
    channels: int
    window: int
    frame_hop: int
    frames_per_latent: int
    linear_bands: int
    """Analysis bands one bin wide, from 0 Hz."""
    log_bands: int
    """Analysis bands above those, evenly spaced in log frequency."""
    stereo_bands: int
    floor: float
    """Magnitude below which differences do not matter."""
    stereo_weight: float
    """Weight of stereo features against levels in the principal components."""
    cue_bins: int
    """Lowest bins whose phase differences the encoder hears."""
    advance_bins: int
    """Lowest bins with a predicted advance; above, only steps."""
    encoder_width: int
    encoder_blocks: int
    coarse_width: int
    coarse_blocks: int
    decoder_width: int
    decoder_blocks: int
    local_width: int
    """Width of the network that reads phase differences off the shape of the spectrum around a bin."""
    local_reach: int
    """Bins to either side that it sees."""
    dither: float
    """Noise added to beliefs about phase before they are integrated."""

    def __post_init__(self) -> None:
        if self.window % self.frame_hop or self.frame_hop * 2 > self.window:
            raise ValueError(
                f"window {self.window} must be a multiple of frame_hop {self.frame_hop}, at least twice it"
            )
        if not self.cue_bins <= self.advance_bins <= self.bins:
            raise ValueError(f"need cue_bins {self.cue_bins} <= advance_bins {self.advance_bins} <= {self.bins} bins")

    @property
    def bins(self) -> int:
        return self.window // 2 + 1

    @property
    def bands(self) -> int:
        return self.linear_bands + self.log_bands

    @property
    def hop(self) -> int:
        return self.frame_hop * self.frames_per_latent

    @property
    def features(self) -> int:
        """Numbers per latent frame that the principal components are taken of."""
        return self.bands * self.frames_per_latent + 2 * self.stereo_bands


class Analysis(NamedTuple):
    """What the encoder sees of a waveform."""

    spectrum: Tensor
    """Mono spectrum, complex (b, f, n)."""
    levels: Tensor
    """Band levels (b, n, bands)."""
    place: Tensor
    """Stereo features (b, n, 2g): balance in −1..1 and share of the side signal in 0..1."""


class Outline(NamedTuple):
    """What the decoder says about a piece of music, before any phase is chosen."""

    level: Tensor
    """Log magnitude of every bin (b, f, n)."""
    advance: Tensor
    """Belief about the phase advance of the lowest bins (2, b, advance_bins, n)."""
    step: Tensor
    """Belief about the phase step between bins (2, b, f, n)."""
    place: Tensor
    """Stereo features (b, t, 2g)."""


class Sketch(NamedTuple):
    """What is to be heard, frames last; phases chosen, loudness and stereo still to be set right."""

    tone: Tensor
    """What the decoder is sure of, complex (1, f, n)."""
    wash: Tensor
    """What it is not: noise of the same level, complex (1, f, n)."""
    place: Tensor
    """Stereo features (1, 2g, n)."""


def bands(linear: int, logarithmic: int, bins: int) -> tuple[Tensor, Tensor]:
    """Triangular bands: averaging (f, bands) and interpolation back (bands, f)."""
    above = torch.logspace(math.log10(linear), math.log10(bins - 1), logarithmic + 1)[1:]
    centre = torch.cat([torch.arange(linear).float(), above])
    count, bin_ = len(centre), torch.arange(bins).float()
    average = torch.zeros(bins, count)
    for i in range(count):
        low = centre[i - 1] if i > 0 else torch.tensor(-1.0)
        high = centre[i + 1] if i < count - 1 else 2 * centre[i] - centre[i - 1]
        rising = (bin_ - low) / (centre[i] - low)
        weight = torch.minimum(rising, (high - bin_) / (high - centre[i])).clamp_min(0)
        average[:, i] = weight / weight.sum()
    right = torch.searchsorted(centre, bin_).clamp(1, count - 1)
    share = ((bin_ - centre[right - 1]) / (centre[right] - centre[right - 1])).clamp(0, 1)
    spread = torch.zeros(count, bins)
    spread[right - 1, torch.arange(bins)] += 1 - share
    spread[right, torch.arange(bins)] += share
    return average, spread


class Block(nn.Module):
    """ConvNeXt block in one dimension. (b, n, e) → (b, n, e)."""

    def __init__(self, width: int, kernel: int = 7, expansion: int = 3) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.gain = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2))
        y = self.narrow(F.gelu(self.widen(y), approximate="tanh"))
        out: Tensor = x + self.gain * y
        return out


def _stack(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*[Block(width) for _ in range(blocks)])


class Residual(nn.Module):
    """What the encoder adds to the principal components. Starts at zero."""

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        inputs = config.bands + 2 * config.stereo_bands + 4 * config.cue_bins
        wide = 2 * config.encoder_width
        self.enter = nn.Conv1d(inputs, config.encoder_width, 3, padding=1)
        self.fine = _stack(config.encoder_width, config.encoder_blocks)
        ratio = config.frames_per_latent
        self.down = nn.Conv1d(config.encoder_width, wide, ratio, stride=ratio)
        self.coarse = _stack(wide, config.encoder_blocks)
        self.leave = nn.Linear(wide, config.channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(b, n, inputs) → (b, t, c)."""
        h = self.fine(self.enter(x.transpose(1, 2)).transpose(1, 2))
        h = self.coarse(self.down(h.transpose(1, 2)).transpose(1, 2))
        out: Tensor = self.leave(h)
        return out


class Trunk(nn.Module):
    """From latents to corrections of level and beliefs about phase, for every bin and frame."""

    spread: Tensor

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("spread", bands(config.linear_bands, config.log_bands, config.bins)[1], persistent=False)
        ratio, width = config.frames_per_latent, config.decoder_width
        self.enter = nn.Conv1d(config.channels, config.coarse_width, 3, padding=1)
        self.coarse = _stack(config.coarse_width, config.coarse_blocks)
        self.up = nn.ConvTranspose1d(config.coarse_width, width, ratio, stride=ratio)
        self.hear = nn.Linear(config.bands, width)
        self.fine = _stack(width, config.decoder_blocks)
        self.norm = nn.LayerNorm(width)
        self.move = nn.Linear(config.coarse_width, 2 * config.stereo_bands)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)
        self.leave = nn.Linear(width, 3 * config.bins + 2 * config.advance_bins)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)
        self.local = nn.Sequential(
            nn.Linear(3 * (2 * config.local_reach + 1), config.local_width),
            nn.ReLU(),
            nn.Linear(config.local_width, config.local_width),
            nn.ReLU(),
            nn.Linear(config.local_width, 4),
        )

    def forward(self, latents: Tensor, levels: Tensor, place: Tensor) -> Outline:
        """Latents (b, t, c) and what their principal components say: levels (b, n, bands), place (b, t, 2g)."""
        config = self.config
        coarse = self.coarse(self.enter(latents.transpose(1, 2)).transpose(1, 2))
        h = self.up(coarse.transpose(1, 2)).transpose(1, 2) + self.hear(0.25 * levels)
        out = self.leave(self.norm(self.fine(h))).transpose(1, 2)  # (b, 3f + 2a, n)
        change, step, advance = torch.split(out, [config.bins, 2 * config.bins, 2 * config.advance_bins], 1)
        level = (levels @ self.spread).transpose(1, 2) + change
        step = torch.unflatten(step, 1, (2, config.bins)).transpose(0, 1)
        advance = torch.unflatten(advance, 1, (2, config.advance_bins)).transpose(0, 1)
        shape = self._local_shape(level.detach())
        step = step + F.pad(shape[2:], (0, 0, 0, config.bins - config.advance_bins))
        return Outline(level, advance + shape[:2], step, place + self.move(coarse))

    def _local_shape(self, level: Tensor) -> Tensor:
        """Beliefs (4, b, advance_bins, n) read off the neighbourhood of each bin in (b, f, n), the same for all bins."""
        reach, count = self.config.local_reach, self.config.advance_bins
        seen = 0.25 * (level[:, : count + reach] - math.log(self.config.floor))
        around = F.pad(seen, (1, 1, reach, 0)).transpose(1, 2).unfold(1, 3, 1).unfold(2, 2 * reach + 1, 1)
        # a few frames at a time, whose activations stay in the cache of a core
        told = [self.local(part.flatten(3)) for part in around[:, :, :count].split(_FRAMES_AT_ONCE, 1)]
        return torch.cat(told, 1).permute(3, 0, 2, 1)  # from (b, n, advance_bins, 4)


class SpectralAutoencoder(nn.Module):
    """Stereo music ↔ latents. Implements the `Autoencoder` protocol."""

    average: Tensor
    grouped: Tensor
    ungrouped: Tensor
    hann: Tensor
    mean: Tensor
    analysis: Tensor
    synthesis: Tensor
    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.hop, self.channels = config.sample_rate, config.hop, config.channels
        average, _ = bands(config.linear_bands, config.log_bands, config.bins)
        grouped, ungrouped = bands(4, config.stereo_bands - 4, config.bins)
        for name, tensor in (("average", average), ("grouped", grouped), ("ungrouped", ungrouped)):
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("hann", torch.hann_window(config.window), persistent=False)
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("latent_mean", torch.zeros(config.channels))
        self.register_buffer("latent_scale", torch.ones(config.channels))
        self.register_buffer("analysis", torch.zeros(config.features, config.channels))
        self.register_buffer("synthesis", torch.zeros(config.channels, config.features))
        self.residual = Residual(config)
        self.trunk = Trunk(config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SpectralAutoencoder":
        """Build from the contents of config.json."""
        return cls(SpectralConfig(**{key: value for key, value in config.items() if not key.startswith("_")}))

    def to_config(self) -> dict[str, Any]:
        """The contents of config.json."""
        return {"_class_name": "SpectralAutoencoder", **asdict(self.config)}

    # --- between waveforms and spectra

    def stft(self, wave: Tensor) -> Tensor:
        """Waveform (b, s), s a multiple of the frame hop → complex (b, f, n), one frame per hop, mirrored ends."""
        edge = (self.config.window - self.config.frame_hop) // 2
        padded = F.pad(wave[:, None], (edge, edge), mode="reflect")[:, 0]
        return torch.stft(
            padded, self.config.window, self.config.frame_hop, window=self.hann, center=False, return_complex=True
        )

    def istft(self, spectrum: Tensor) -> Tensor:
        """Inverse of `stft`: complex (b, f, n) → (b, s). Exact for spectra that come from a waveform."""
        pieces = torch.fft.irfft(spectrum.transpose(1, 2), self.config.window) * self.hann
        weights = self.hann.square().expand(1, spectrum.shape[-1], -1)
        return self._overlapped(pieces) / self._overlapped(weights)

    def _overlapped(self, pieces: Tensor) -> Tensor:
        """Windows (b, n, window) laid over each other, one hop apart, without the margins that `stft` added: (b, s)."""
        hop, frames = self.config.frame_hop, pieces.shape[1]
        parts = torch.unflatten(pieces, 2, (-1, hop))
        laid = pieces.new_zeros(len(pieces), frames + parts.shape[2] - 1, hop)
        for i in range(parts.shape[2]):
            laid[:, i : i + frames] += parts[:, :, i]
        edge = (self.config.window - hop) // 2
        whole = laid.flatten(1)
        return whole[:, edge : whole.shape[1] - edge]

    # --- encoding

    def analyse(self, waveform: Tensor) -> Analysis:
        """What there is to code in (b, 2, s), s a multiple of `hop`."""
        mono, side = (waveform[:, 0] + waveform[:, 1]) / 2, (waveform[:, 0] - waveform[:, 1]) / 2
        m, s = self.stft(mono), self.stft(side)
        levels = torch.log(m.abs().transpose(1, 2) @ self.average + self.config.floor)
        return Analysis(m, levels, self._place(m, s, 1))

    def _place(self, m: Tensor, s: Tensor, pool: int) -> Tensor:
        """Stereo features (b, n / pool, 2g) of mid and side spectra."""

        def band(power: Tensor) -> Tensor:
            return F.avg_pool1d(power, pool).transpose(1, 2) @ self.grouped

        cross, sides = band((m * s.conj()).real), band(s.abs().square())
        total = band(m.abs().square()) + sides + self.config.floor**2
        return torch.cat([2 * cross / total, sides / total], -1)

    def principal_features(self, analysis: Analysis) -> Tensor:
        """The numbers that the principal components are taken of (b, t, features)."""
        ratio = self.config.frames_per_latent
        levels = torch.unflatten(analysis.levels, 1, (-1, ratio)).flatten(2)
        place = torch.unflatten(analysis.place, 1, (-1, ratio)).mean(2)
        return torch.cat([levels, self.config.stereo_weight * place], -1)

    def _cues(self, analysis: Analysis) -> Tensor:
        """How phases move in the lowest bins, louder bins speaking up (b, n, 4 * cue_bins)."""
        low = analysis.spectrum[:, : self.config.cue_bins + 1]
        advance, step = phase.differences(low, self.config.window, self.config.frame_hop)
        voice = torch.log1p(low.abs()) * 0.3
        heard = torch.cat([torch.view_as_real(x * voice)[:, :-1] for x in (advance, step)], -1)
        return heard.permute(0, 2, 1, 3).flatten(2)

    def latents_of(self, analysis: Analysis) -> Tensor:
        """Latents (b, t, c) of an analysis; differentiable."""
        principal = (self.principal_features(analysis) - self.mean) @ self.analysis
        seen = torch.cat([0.25 * analysis.levels, analysis.place, self._cues(analysis)], -1)
        latents: Tensor = (principal + self.residual(seen) - self.latent_mean) / self.latent_scale
        return latents

    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents (b, s // hop, c) of a waveform (b, 2, s). The same every time: `generator` is not used.

        Long waveforms are coded in pieces that overlap by all that a latent can hear, so the result is the same.
        """
        frames = waveform.shape[-1] // self.hop
        if waveform.ndim != 3 or waveform.shape[1] != 2 or frames < 1:
            raise BadRequest(
                f"cannot encode a waveform of shape {tuple(waveform.shape)}: give (takes, 2, samples) with at least "
                f"{self.hop} samples ({self.hop / self.sample_rate * 1000:.0f} ms at {self.sample_rate} Hz)"
            )
        reach = 3 * self.config.encoder_blocks * 2 + 2
        pieces = []
        for start, end, low, high in _windows(frames, self.piece, reach):
            part = self.latents_of(self.analyse(waveform[..., low * self.hop : high * self.hop]))
            pieces.append(part[:, start - low : end - low])
        return torch.cat(pieces, 1)

    # --- decoding

    piece = 500
    """Latent frames coded at once: bounds memory, never changes the result beyond rounding."""

    def outline(self, latents: Tensor) -> Outline:
        """What (b, t, c) latents say about levels and phase differences; differentiable."""
        config = self.config
        plain = latents * self.latent_scale + self.latent_mean
        features = plain @ self.synthesis + self.mean
        stacked, place = torch.split(features, [config.bands * config.frames_per_latent, 2 * config.stereo_bands], -1)
        levels = torch.unflatten(stacked, -1, (config.frames_per_latent, config.bands)).flatten(1, 2)
        told: Outline = self.trunk(plain, levels, place / config.stereo_weight)
        return told

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Waveform (b, 2, t * hop) of latents (b, t, c). Each take sounds the same alone or in a batch."""
        return torch.cat([torch.cat(list(self._play(take[None])), -1) for take in latents])

    def _play(self, latents: Tensor) -> Iterator[Tensor]:
        """Pieces (1, 2, s) of one take (1, t, c), in order; together as long as the take."""
        hop, reach = self.config.frame_hop, 16 + 4 * _POLISH
        held: Sketch | None = None
        first, told, total = 0, 0, latents.shape[1] * self.config.frames_per_latent
        for more in self._sketches(latents):
            held = more if held is None else Sketch(*(torch.cat(pair, -1) for pair in zip(held, more, strict=True)))
            end = first + held.tone.shape[-1]
            ready = total if end == total else max(told, end - reach)
            yield self._render(held)[..., (told - first) * hop : (ready - first) * hop]
            told = ready
            old = max(0, told - reach - first)
            held, first = Sketch(*(x[..., old:] for x in held)), first + old

    def _sketches(self, latents: Tensor) -> Iterator[Sketch]:
        """One take (1, t, c) piece by piece, phases chosen."""
        config, ratio = self.config, self.config.frames_per_latent
        turn = phase.carrier(config.bins, config.window, config.frame_hop)[:, 0].numpy().astype(np.complex128)
        random, last = np.random.default_rng(0), None
        reach = 2 + 3 * (config.coarse_blocks + math.ceil(config.decoder_blocks / ratio)) + 1
        for start, end, low, high in _windows(latents.shape[1], self.piece, reach):
            outline = self.outline(latents[:, low:high])
            core = slice((start - low) * ratio, (end - low) * ratio)
            advance = F.pad(outline.advance[:, 0, :, core], (0, 0, 0, config.bins - config.advance_bins))
            beliefs = torch.stack([advance, outline.step[:, 0, :, core]])  # (which, 2, f, n)
            sure = torch.hypot(beliefs[:, 0], beliefs[:, 1]).sum(0)[None]
            unsure = 1 / (1 + (sure / _DOUBT).square().square())
            drawn = beliefs.permute(3, 0, 2, 1).contiguous().cpu()
            # a square cloud of unit variance is as good as a round one, and quicker
            noise = torch.from_numpy(random.random(drawn.shape, np.float32)).sub_(0.5).mul_(math.sqrt(12))
            unit = torch.view_as_complex(drawn.add_(noise, alpha=config.dither)).numpy()
            phases, last = phase.integrate(unit[:, 0], unit[:, 1], last, turn)
            hiss = torch.view_as_complex(noise[:, 1]).mul_(math.sqrt(0.5)).T
            magnitude = (outline.level[:, :, core].exp() - config.floor).clamp_min(0)
            tone = torch.from_numpy(phases.T).to(magnitude.device) * ((1 - unsure).sqrt() * magnitude)
            wash = hiss.to(magnitude.device) * (unsure.sqrt() * magnitude)
            place = F.interpolate(outline.place.transpose(1, 2), scale_factor=ratio, mode="linear")
            yield Sketch(tone, wash, place[..., core])

    def _render(self, sketch: Sketch) -> Tensor:
        """A sketch as sound (1, 2, s)."""
        tone, wash, place = sketch
        loud = tone.abs()
        for _ in range(_POLISH):
            tone = loud * torch.sgn(self.stft(self.istft(tone)))
        # Frames of unrelated noise cancel where they overlap; this much louder they come out as loud as they should.
        mono = self.istft(tone + math.sqrt(self.config.window / self.config.frame_hop) * wash)
        # Where phases disagree frames cancel too: what is lost is given back band by band.
        again = self.stft(mono)
        wanted, had = (
            F.avg_pool1d(power, 3, 1, 1, count_include_pad=False).transpose(1, 2) @ self.grouped
            for power in (loud.square() + wash.abs().square(), again.abs().square())
        )
        repair = ((wanted + 1e-8) / (had + 1e-8)).sqrt().clamp(0.5, 3.0)
        gain = (repair @ self.ungrouped).transpose(1, 2)
        mid, apart = again * gain, self.stft(self._decorrelate(mono)) * gain
        balance, share = place.transpose(1, 2).chunk(2, -1)
        share = share.clamp(0, 0.95)
        lean = (balance.clamp(-1, 1) / 2 / (1 - share)).clamp(-2, 2)
        width = (share / (1 - share) - lean.square()).clamp_min(0).sqrt()
        lean, width = ((x @ self.ungrouped).transpose(1, 2) for x in (lean, width))
        side = lean * mid + width * apart
        return torch.stack([self.istft(mid + side), self.istft(mid - side)], 1)

    def _decorrelate(self, mono: Tensor) -> Tensor:
        """A sibling of (b, s) with the same spectrum but unrelated phases: 25 ms of fixed decaying noise."""
        length = self.sample_rate // 40
        noise = np.random.default_rng(1).standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        response = torch.from_numpy(noise / np.linalg.norm(noise)).to(mono)
        size = 1 << (mono.shape[-1] + length - 1).bit_length()
        product = torch.fft.rfft(mono, size) * torch.fft.rfft(response, size)
        sibling: Tensor = torch.fft.irfft(product, size)[..., : mono.shape[-1]]
        return sibling


def _windows(total: int, piece: int, reach: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut 0..total into pieces, each with what it can hear around it: (start, end, from, to)."""
    for start in range(0, total, piece):
        end = min(start + piece, total)
        yield start, end, max(0, start - reach), min(total, end + reach)
