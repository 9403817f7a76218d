"""ACE-Step 1.5 and XL as one network: conditions in, velocity out; latents in, semantic codes out.

It only computes. Prompts, sampling loops, files and progress live elsewhere; `load_checkpoint` joins the network with
what `checkpoint` read. Module and parameter names are those of
the official checkpoints, so an official state dict loads as it is; other layouts are renamed once (`weights`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from melisma.models.fill import fill
from melisma.models.v15.checkpoint import Stored, read_stored
from melisma.models.v15.conditions import Condition, ConditionEncoder
from melisma.models.v15.config import AceStep15Config
from melisma.models.v15.decoder import Decoder, Memory, Prepared
from melisma.models.v15.semantic import Detokenizer, Tokenizer


class AceStep15(nn.Module):
    """The acoustic half of ACE-Step 1.5. Axes: b batch, t latent frame, c channel, l condition token, n code, e width."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__()
        self.config = config
        self.decoder = Decoder(config)
        self.encoder = ConditionEncoder(config)
        self.tokenizer = Tokenizer(config)
        self.detokenizer = Detokenizer(config)
        self.null_condition_emb = nn.Parameter(torch.zeros(1, 1, config.encoder_hidden_size))

    @classmethod
    def from_pretrained(
        cls, path: Path, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> "AceStep15":
        """The network of a checkpoint in any layout, ready for inference; None keeps type and place of the weights."""
        return cls.from_stored(read_stored(path), dtype, device)

    @classmethod
    def from_stored(
        cls, stored: Stored, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> "AceStep15":
        """Built without memory, then given the mapped tensors as they are: a checkpoint is never held twice."""
        with torch.device("meta"):
            net = cls(AceStep15Config.from_dict(stored.config))
        net.load_official(stored.weights, source=str(stored.path))
        return net.to(device=device, dtype=dtype).eval().requires_grad_(False)

    def load_official(self, state: Mapping[str, Tensor], source: str = "this state dict") -> None:
        """Take an official state dict; the given tensors become the weights, without a copy.

        Raises BadCheckpoint listing what is missing, unexpected or of another shape.
        """
        fill(self, state, source)

    def encode(
        self,
        text_hidden: Tensor,
        text_mask: Tensor,
        lyric_hidden: Tensor,
        lyric_mask: Tensor,
        refer_latents: Tensor,
        refer_order: Tensor,
    ) -> Condition:
        """Pack text, lyrics and timbre; see `ConditionEncoder`."""
        return self.encoder(text_hidden, text_mask, lyric_hidden, lyric_mask, refer_latents, refer_order)

    def prepare(self, cond_hidden: Tensor, context: Tensor) -> Prepared:
        """What does not depend on time, for a condition (b, l, e) and a context (b, t, 2c)."""
        return self.decoder.prepare(cond_hidden, context)

    def prepare_null(self, context: Tensor) -> Prepared:
        """As `prepare`, without words. All positions of the null condition are equal, so one stands for any number."""
        return self.decoder.prepare(self.null_condition_emb.to(context), context)

    def null_memory(self) -> Memory:
        """Keys and values of the null condition, one position long: equal to those of any number of positions."""
        return self.decoder.remember(self.null_condition_emb)

    def step(self, x: Tensor, t: float, prepared: Prepared) -> Tensor:
        """Velocity (b, t, c) of x (b, t, c) at one time for the whole batch."""
        return self.decoder(x, torch.full((1,), t, device=x.device, dtype=torch.float32), prepared)

    def velocity(self, x: Tensor, t: Tensor, cond_hidden: Tensor, context: Tensor, r: Tensor | None = None) -> Tensor:
        """Velocity (b, t, c) of x (b, t, c) at times t (b,); `r` None means r = t. Gradients flow."""
        return self.decoder(x, t, self.decoder.prepare(cond_hidden, context), r)

    def tokenize(self, latents: Tensor, silence: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (b, t, c), padded to whole windows with silence → quantised (b, n, e), codes (b, n)."""
        return self.tokenizer(latents, silence)

    def detokenize(self, quantised: Tensor) -> Tensor:
        """(b, n, e) → latents (b, 5n, c)"""
        return self.detokenizer(quantised)

    def codes_to_quantised(self, codes: Tensor) -> Tensor:
        """Codes (b, n) → (b, n, e)"""
        return self.tokenizer.quantizer.values(codes)


@dataclass(frozen=True)
class Checkpoint:
    """A network and what lies beside it: its config.json, and its silence (t, c) where it brought one."""

    net: AceStep15
    config: dict[str, Any]
    silence: Tensor | None


def load_checkpoint(path: Path, dtype: torch.dtype | None = None) -> Checkpoint:
    """Load an official folder, a diffusers folder or a single file; `dtype` None keeps that of the weights.

    Raises MissingModel where nothing is found, and BadCheckpoint where it does not fit together.
    """
    stored = read_stored(path)
    return Checkpoint(AceStep15.from_stored(stored, dtype), stored.config, stored.silence)
