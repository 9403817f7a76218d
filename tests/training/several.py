"""One of several processes that train a line together; started by a test: `several.py OUT STEPS`."""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from melisma.training.loop import TrainingOptions, leads, train

TRUTH = torch.tensor([[2.0, -1.0, 0.5]])


class Line(nn.Linear):
    """With a parameter that nothing uses, as official networks have."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        super().__init__(3, 1)
        self.spare = nn.Parameter(torch.ones(2))


def batches(step: int) -> dict[str, Tensor]:
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
    return {"x": x, "y": x @ TRUTH.T}


def objective(
    model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    error = (model(batch["x"]) - batch["y"]).square().mean()
    return error, {"error": error}


def options(**bounds: float) -> TrainingOptions:
    return TrainingOptions(seed=1, peak_rate=0.05, shape="linear", warmup_steps=0, report_every=2, **bounds)  # type: ignore[arg-type]


if __name__ == "__main__":
    out, bounds = Path(sys.argv[1]), dict(pair.split("=") for pair in sys.argv[2:])
    model = Line()
    train(model, objective, batches, options(**{name: float(value) for name, value in bounds.items()}), out)
    assert leads() == (os.environ["RANK"] == "0")
    save_file({"weight": model.weight.detach()}, out / f"rank{os.environ['RANK']}.safetensors")
