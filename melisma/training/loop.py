"""The one training loop: autoencoder, diffusion transformer, planner and adapters differ only in what they hand in.

- **A step is a number.** `batches(step)` and the generator given to the objective are pure functions of the step and
  the seed. So the data position and all randomness of a run are one integer, a resumed run is the same run to the bit
  (on like hardware), and batches can be prepared ahead of time in a thread.
- **A checkpoint is one file**: weights, their running average and the optimiser's state as safetensors, the rest as
  JSON in its header. It is written beside the old one and renamed, so a run can be cut off at any moment.
- **A run is bounded** by minutes or by steps, over all its resumptions together; the schedules follow that bound.
- **A sick run stops** at its first non-finite loss or gradient and says where the last good checkpoint is.
- Devices, precision and several processes are Lightning Fabric's: the loop is the same on a laptop and on eight GPUs
  (`torchrun --nproc-per-node 8 -m …`).

The folder of a run holds `checkpoint.safetensors`, `log.jsonl` (one line per report), `loss.png` and whatever the
preview writes.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from melisma.errors import BadCheckpoint, BadRequest, Cancelled, UnsoundResult
from melisma.listen import Listener, quiet
from melisma.training.schedule import Shape, average_decay, learning_rate

Batch = Mapping[str, Any]
Batches = Callable[[int], Batch]
"""Step → batch: tensors by name. A pure function, so that the step is the position in the data."""

Objective = Callable[[Any, Batch, torch.Generator], tuple[Tensor, dict[str, Tensor]]]
"""(model, batch, generator) → loss () and figures worth logging, each ()."""

Preview = Callable[[nn.Module, int], None]
"""(averaged model, step) → files in the run's folder."""

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class TrainingOptions:
    """How to train. `minutes` or `steps` must be given; the first bound reached ends the run."""

    seed: int
    peak_rate: float
    """Highest learning rate."""
    minutes: float | None = None
    steps: int | None = None
    shape: Shape = "cosine"
    warmup_steps: int = 50
    floor: float = 0.02
    """Lowest share of the peak rate."""
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Longest memory of the running average of the weights."""
    device: str = "cpu"
    """cpu, cuda, mps, or auto."""
    precision: str | None = None
    """As Lightning names it ("32-true", "bf16-mixed"); None: bf16-mixed on CUDA, else 32-true."""
    report_every: int = 50
    save_every_s: float = 180.0
    preview_every: int = 1000

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise BadRequest("a training run needs an end: give minutes, steps or both")

    def progress(self, step: int, elapsed_s: float) -> float:
        """Share of the run that is done, 0..1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = elapsed_s / (60 * self.minutes) if self.minutes else 0.0
        return max(by_steps, by_time)


class _Step(nn.Module):
    """The objective as a module's forward, which is what Fabric wraps for precision and several processes."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        return self.objective(self.model, batch, generator)


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that ask for gradients, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@contextmanager
def averaged(model: nn.Module, average: Mapping[str, Tensor]) -> Iterator[nn.Module]:
    """Lend the model its averaged weights, in evaluation mode, for the length of the block."""
    own, training = {name: p.detach().clone() for name, p in trainable(model).items()}, model.training
    try:
        _put(model, average)
        model.eval()
        yield model
    finally:
        _put(model, own)
        model.train(training)


def train(
    model: nn.Module,
    objective: Objective,
    batches: Batches,
    options: TrainingOptions,
    folder: Path,
    preview: Preview | None = None,
    listen: Listener = quiet,
) -> dict[str, Tensor]:
    """Train the parameters of `model` that ask for gradients; resume from `folder` if it holds a checkpoint.

    Returns the averaged weights by name and leaves the model with its own. Raises UnsoundResult at the first step
    whose loss or gradient is not finite.
    """
    fabric = _fabric(options)
    fabric.launch()
    folder.mkdir(parents=True, exist_ok=True)
    model.train()
    run = _Run(model, objective, options, folder / CHECKPOINT, fabric)
    if run.step:
        listen.note(f"resumed at step {run.step} after {run.elapsed_s / 60:.1f} minutes")
    log = _Log(folder, fabric.is_global_zero)
    listen.stage("train", options.steps or 0)
    saved_at, began = time.monotonic(), time.monotonic() - run.elapsed_s
    with ThreadPoolExecutor(1) as ahead, _attention(fabric.device):
        coming = ahead.submit(batches, run.position(0))
        while options.progress(run.step, run.elapsed_s) < 1:
            batch = fabric.to_device(coming.result())
            coming = ahead.submit(batches, run.position(1))
            log.add(run.advance(batch))
            # one clock for all processes: schedules follow it, and all must end after the same step
            run.elapsed_s = fabric.broadcast(time.monotonic() - began)
            if preview and run.step % options.preview_every == 0 and fabric.is_global_zero:
                with averaged(model, run.average):
                    preview(model, run.step)
            if time.monotonic() - saved_at > options.save_every_s:
                run.save()
                saved_at = time.monotonic()
            try:
                if run.step % options.report_every == 0:
                    log.report(run.step, run.elapsed_s, listen)
                listen.step()
            except Cancelled:
                run.save()
                raise
    run.save()
    fabric.barrier()
    log.report(run.step, run.elapsed_s, listen)
    return run.average


class _Run:
    """What a checkpoint holds, and how one step changes it."""

    def __init__(
        self, model: nn.Module, objective: Objective, options: TrainingOptions, path: Path, fabric: Fabric
    ) -> None:
        self.options, self.path, self.fabric = options, path, fabric
        self.parameters = trainable(model)
        optimiser = torch.optim.AdamW(
            self.parameters.values(),
            lr=options.peak_rate,
            betas=options.betas,
            weight_decay=options.weight_decay,
            fused=True,
        )
        self.module, self.optimiser = fabric.setup(_Step(model, objective), optimiser)
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.generator = torch.Generator(device=fabric.device)
        self.step, self.elapsed_s, self.saved_step = 0, 0.0, 0
        if path.is_file():
            self._restore()

    def position(self, ahead: int) -> int:
        """Number of the batch of a coming step; every process trains on batches of its own."""
        return (self.step + ahead) * self.fabric.world_size + self.fabric.global_rank

    def advance(self, batch: Batch) -> dict[str, Tensor | float | None]:
        """Train on one batch; returns figures to log."""
        options = self.options
        progress = options.progress(self.step, self.elapsed_s)
        factor = learning_rate(options.shape, progress, self.step, options.warmup_steps, options.floor)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * options.peak_rate
        self.generator.manual_seed(_mixed(options.seed, self.position(0)))
        loss, figures = self.module(batch, self.generator)
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(self.module, self.optimiser, max_norm=options.clip, error_if_nonfinite=False)
        self._refuse_unless_finite(float(loss.detach()), 0.0 if norm is None else float(norm))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        kept = average_decay(self.step, options.average)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.parameters.values()), 1 - kept)
        self.step += 1
        return {"rate": factor * options.peak_rate, "loss": loss, "gradient": norm, **figures}

    def _refuse_unless_finite(self, loss: float, norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        where = f"{self.path} (step {self.saved_step})" if self.path.is_file() else "none yet"
        raise UnsoundResult(
            f"training stopped at step {self.step}: loss {loss}, gradient norm {norm}. Last good checkpoint: {where}. "
            "Resume from it with a lower learning rate, or look at the data of this step"
        )

    def save(self) -> None:
        """Write the checkpoint, from the first process alone."""
        self.saved_step = self.step
        if not self.fabric.is_global_zero:
            return
        tensors = {f"model.{name}": p.detach() for name, p in self.parameters.items()}
        tensors |= {f"average.{name}": p for name, p in self.average.items()}
        state = self.optimiser.state_dict()["state"]
        for i, name in enumerate(self.parameters):
            tensors |= {f"optimiser.{key}.{name}": value for key, value in state.get(i, {}).items()}
        header = {"step": self.step, "elapsed_s": self.elapsed_s}
        fresh = self.path.with_suffix(".new")
        contiguous = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, fresh, metadata={"training": json.dumps(header)})
        fresh.replace(self.path)

    def _restore(self) -> None:
        with _opened(self.path) as (header, tensors):
            names = set(tensors.keys())
            lacking = [name for name in self.parameters if f"model.{name}" not in names]
            if lacking:
                raise BadCheckpoint(
                    f"{self.path} lacks {lacking[0]} and {len(lacking) - 1} more: it belongs to another model"
                )
            state = {}
            with torch.no_grad():
                for i, (name, p) in enumerate(self.parameters.items()):
                    p.copy_(tensors.get_tensor(f"model.{name}"))
                    self.average[name].copy_(tensors.get_tensor(f"average.{name}"))
                    if f"optimiser.step.{name}" in names:
                        keys = ("step", "exp_avg", "exp_avg_sq")
                        state[i] = {key: tensors.get_tensor(f"optimiser.{key}.{name}") for key in keys}
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": state, "param_groups": groups})
            self.step, self.elapsed_s = int(header["step"]), float(header["elapsed_s"])
            self.saved_step = self.step


def load_average(model: nn.Module, folder: Path) -> int:
    """Give `model` the averaged weights of the run in `folder`; returns the step they are from."""
    path = folder / CHECKPOINT
    with _opened(path) as (state, tensors):
        names = {name for name in tensors.keys() if name.startswith("average.")}  # noqa: SIM118
        _put(model, {name.removeprefix("average."): tensors.get_tensor(name) for name in names})
        return int(state["step"])


def _put(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in weights.items():
            if name not in named or named[name].shape != tensor.shape:
                raise BadCheckpoint(f"weight {name} {tuple(tensor.shape)} does not fit this model")
            named[name].copy_(tensor)


def _fabric(options: TrainingOptions) -> Fabric:
    """One process unless started by a launcher that says otherwise. Some parameters of official networks are never used."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    strategy = "ddp_find_unused_parameters_true" if processes > 1 else "auto"
    precision: Any = _precision(options)
    return Fabric(accelerator=options.device, devices=processes, strategy=strategy, precision=precision)


def leads() -> bool:
    """Whether this process is the only one or the first of several: the one that writes files."""
    return os.environ.get("RANK", "0") == "0"


def _precision(options: TrainingOptions) -> str:
    if options.precision:
        return options.precision
    cuda = options.device in ("cuda", "gpu") or (options.device == "auto" and torch.cuda.is_available())
    return "bf16-mixed" if cuda else "32-true"


def _attention(device: torch.device) -> AbstractContextManager[None]:
    """On a CPU, attention in plain matrix products: going back through the fused kernel takes three times as long."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def _mixed(seed: int, position: int) -> int:
    """One seed per batch; golden-ratio hashing keeps neighbours apart."""
    return (seed * 0x9E3779B97F4A7C15 + (position + 1) * 0xD1B54A32D192ED03) % (1 << 63)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    try:
        with safe_open(path, framework="pt") as tensors:
            header = (tensors.metadata() or {}).get("training")
            if header is None:
                raise BadCheckpoint(f"{path} is no training checkpoint; move it away to start afresh")
            yield json.loads(header), tensors
    except (OSError, SafetensorError) as error:
        raise BadCheckpoint(f"cannot read {path}: {error}") from error


class _Log:
    """Means since the last report, as JSON lines, and the loss as a picture."""

    def __init__(self, folder: Path, writes: bool) -> None:
        self.path, self.writes = folder / "log.jsonl", writes
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, figures: Mapping[str, Tensor | float | None]) -> None:
        for name, value in figures.items():
            if value is not None:
                self.sums[name] = self.sums.get(name, 0) + torch.as_tensor(value).detach().float()
        self.count += 1

    def report(self, step: int, elapsed_s: float, listen: Listener) -> None:
        if not self.count or not self.writes:
            return
        means = {name: float(f"{float(total) / self.count:.5g}") for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        line = {"step": step, "elapsed_s": round(elapsed_s, 1), **means}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        _plot(self.path)
        listen.note("  ".join(f"{name} {value:.4g}" for name, value in line.items()))


def _plot(path: Path) -> None:
    """Loss over steps as `loss.png` beside the log; left out where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    figure = Figure(figsize=(8, 4))
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    axes.plot([line["step"] for line in lines], [line["loss"] for line in lines])
    figure.savefig(path.with_name("loss.png"), dpi=80)
