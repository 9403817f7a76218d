"""Every checkpoint that melisma knows by name, as data: where it lives, how large it is, what it can do.

Sizes are computed from the number of weights and how they are stored, so a transfer may differ by a few megabytes; the
hub's own figures decide when one is fetched. A checkpoint that is not listed still works by hub id or path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from melisma.errors import MissingModel
from melisma.song import SamplingOptions, TaskName

Family = Literal["v15", "v1", "planner", "autoencoder", "text", "adapter"]

BUNDLE = "ACE-Step/Ace-Step1.5"
FROM_WORDS: frozenset[TaskName] = frozenset({"compose", "cover", "repaint", "extend", "edit", "retake"})
EVERYTHING: frozenset[TaskName] = frozenset(get_args(TaskName))
V1_TASKS: frozenset[TaskName] = frozenset({"compose", "cover", "repaint", "extend", "edit", "retake"})

OPEN = SamplingOptions()
TURBO = SamplingOptions(steps=8, shift=3.0, guidance=1.0)
GUIDED = SamplingOptions(steps=50, shift=3.0, guidance=7.0)
V1 = SamplingOptions(steps=60, shift=3.0, guidance=15.0)

# The revision of the first generation's code that its lyric vocabulary is taken from.
V1_CODE = "d612523f50e252c0e138e68ae75b06223f96e934"

# Weights of all parts, and of the decoder, which is the largest of them.
DIT_2B = 2_393_872_518, 1_575_458_880
DIT_XL = 4_987_310_726, 4_168_897_088
# A silence latent of ten minutes in float32, beside the weights.
SILENCE = 15_000 * 64 * 4


@dataclass(frozen=True)
class Checkpoint:
    """One downloadable part. `repo` is the id on both hubs; `folder` the part's place inside it ("" is all of it)."""

    name: str
    family: Family
    about: str
    repo: str
    licence: str
    size: int
    """Bytes on disk, about."""
    parameters: int
    largest: int = 0
    """Weights of its largest part, where parts work one at a time; 0: it is one part."""
    folder: str = ""
    aliases: tuple[str, ...] = ()
    tasks: frozenset[TaskName] = frozenset()
    sampling: SamplingOptions = OPEN
    """What the checkpoint prefers where a request leaves blanks."""
    companions: tuple["Companion", ...] = ()
    """Files that lie elsewhere and belong beside it."""
    needs: tuple[str, ...] = ()
    """Names of the parts it does not sing without."""
    mirrored: bool = True
    """Whether ModelScope carries the same id."""

    @property
    def place(self) -> str:
        """Where it lies below the folder of models, as on the hub."""
        return f"{self.repo}/{self.folder}" if self.folder else self.repo

    @property
    def generates(self) -> bool:
        """Whether it makes music by itself, and may be asked for as --model."""
        return bool(self.tasks)


@dataclass(frozen=True)
class Companion:
    """A file that a checkpoint needs and its repository does not hold."""

    name: str
    url: str
    size: int
    sha256: str
    licence: str


def _dit(name: str, about: str, tasks: frozenset[TaskName], sampling: SamplingOptions, repo: str = "") -> Checkpoint:
    official = f"acestep-v15-{name}"
    shared = not repo
    parameters, largest = DIT_XL if name.startswith("xl") else DIT_2B
    return Checkpoint(
        name=name,
        family="v15",
        about=about,
        repo=repo or BUNDLE,
        folder=official if shared else "",
        licence="MIT",
        aliases=(official,),
        tasks=tasks,
        sampling=sampling,
        needs=("vae", "text-encoder"),
        size=2 * parameters + SILENCE,
        parameters=parameters,
        largest=largest,
    )


def _own(name: str, about: str, tasks: frozenset[TaskName], sampling: SamplingOptions) -> Checkpoint:
    """An acoustic model in a repository of its own."""
    return _dit(name, about, tasks, sampling, f"ACE-Step/acestep-v15-{name}")


def _planner(billions: str, about: str, parameters: int, repo: str, folder: str = "") -> Checkpoint:
    return Checkpoint(
        name=f"planner-{billions}".lower(),
        family="planner",
        about=about,
        repo=repo,
        folder=folder,
        licence="MIT",
        size=2 * parameters + 24_000_000,
        parameters=parameters,
        aliases=(f"acestep-5Hz-lm-{billions}", f"lm-{billions}".lower()),
    )


ALL: tuple[Checkpoint, ...] = (
    _dit("turbo", "2B, 8 steps without guidance: the quick one to begin with", FROM_WORDS, TURBO),
    _own("turbo-shift1", "turbo distilled at shift 1 only", FROM_WORDS, TURBO.model_copy(update={"shift": 1.0})),
    _own("turbo-shift3", "turbo distilled at shift 3 only", FROM_WORDS, TURBO),
    _own("turbo-continuous", "turbo for any shift from 1 to 5; experimental", FROM_WORDS, TURBO),
    _own("sft", "2B, 50 guided steps: slower, finer detail", FROM_WORDS, GUIDED),
    _own(
        "base",
        "2B, 50 guided steps, every task: extract, lego and complete too; the one to train from",
        EVERYTHING,
        GUIDED,
    ),
    _own("xl-turbo", "4B, 8 steps without guidance: the best of the quick ones", FROM_WORDS, TURBO),
    _own("xl-sft", "4B, 50 guided steps: the finest", FROM_WORDS, GUIDED),
    _own("xl-base", "4B, 50 guided steps, every task", EVERYTHING, GUIDED),
    Checkpoint(
        name="vae",
        family="autoencoder",
        about="latents ↔ 48 kHz stereo, for every 1.5 checkpoint",
        repo=BUNDLE,
        folder="vae",
        licence="MIT",
        size=337_500_000,
        parameters=168_695_426,
    ),
    Checkpoint(
        name="scragvae",
        family="autoencoder",
        about="community autoencoder of the same shape, to use in place of vae",
        repo="scragnog/Ace-Step-1.5-ScragVAE",
        licence="see model card",
        size=337_500_000,
        parameters=168_695_426,
        mirrored=False,
    ),
    Checkpoint(
        name="text-encoder",
        family="text",
        about="reads descriptions and lyrics, for every 1.5 checkpoint",
        repo=BUNDLE,
        folder="Qwen3-Embedding-0.6B",
        licence="see model card",
        size=1_203_000_000,
        parameters=595_776_512,
        aliases=("text", "Qwen3-Embedding-0.6B"),
    ),
    _planner("0.6B", "planner for small machines", 662_884_352, "ACE-Step/acestep-5Hz-lm-0.6B"),
    _planner("1.7B", "planner: fills blanks, writes semantic codes", 1_854_243_840, BUNDLE, "acestep-5Hz-lm-1.7B"),
    _planner("4B", "the best planner", 4_189_554_176, "ACE-Step/acestep-5Hz-lm-4B"),
    Checkpoint(
        name="v1",
        family="v1",
        about="the first ACE-Step, 3.5B, 60 guided steps; complete in itself",
        repo="ACE-Step/ACE-Step-v1-3.5B",
        licence="Apache-2.0; lyric vocabulary: CPML",
        companions=(
            Companion(
                name="lyric_vocab.json",
                url=f"https://raw.githubusercontent.com/ace-step/ACE-Step/{V1_CODE}/acestep/models/lyrics_utils/vocab.json",
                size=364_005,
                sha256="c2a66ea48c478c0bb9acb5497144b926acdeaa37128faa799508d40f2b9cc558",
                licence="Apache-2.0; it extends that of Coqui XTTS v2, whose model files are under the non-commercial "
                "Coqui Public Model License",
            ),
        ),
        size=8_275_790_207,
        parameters=3_847_355_140,
        largest=3_305_659_264,
        aliases=("ACE-Step-v1-3.5B",),
        tasks=V1_TASKS,
        sampling=V1,
    ),
    Checkpoint(
        name="v1-chinese-rap",
        family="adapter",
        about="RapMachine: LoRA for v1, Chinese rap",
        repo="ACE-Step/ACE-Step-v1-chinese-rap-LoRA",
        licence="Apache-2.0",
        size=524_000_000,
        parameters=261_900_000,
        aliases=("rap-machine",),
        needs=("v1",),
    ),
)

# Segments that neither begin with a dot nor leave a folder.
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(/[\w-][\w.-]*)*")

# For `--model` left open: the first one that is here. Quick and fine before slow and finest.
PREFERENCE = (
    "xl-turbo",
    "turbo",
    "turbo-shift3",
    "turbo-continuous",
    "turbo-shift1",
    "sft",
    "xl-sft",
    "base",
    "xl-base",
    "v1",
)
PLANNERS = ("planner-1.7b", "planner-0.6b", "planner-4b")
FIRST = "turbo"


def known(name: str) -> Checkpoint | None:
    """The checkpoint of a name or alias, in any case; None if the catalogue has no such name."""
    return _BY_NAME.get(name.lower())


def named(name: str) -> Checkpoint:
    """As `known`, but raises MissingModel with the names there are."""
    checkpoint = known(name)
    if checkpoint is None:
        raise MissingModel(f"no checkpoint is called {name!r}: choose one of {', '.join(c.name for c in ALL)}")
    return checkpoint


def asked(name: str) -> Checkpoint:
    """As `named`, but any hub id will do: `org/name`, or `org/name/folder` for a part of a repository."""
    if known(name) or not HUB_ID.fullmatch(name):
        return named(name)
    org, repo, *folder = name.split("/")
    listed = [entry for entry in ALL if entry.repo.lower() == f"{org}/{repo}".lower()]
    match = next((entry for entry in listed if entry.folder == "/".join(folder)), None)
    if match:
        return match
    if listed and not folder:
        raise MissingModel(f"{name} is a bundle of parts: choose among {', '.join(entry.name for entry in listed)}")
    return Checkpoint(
        name=name,
        family="v15",
        about="not in the catalogue",
        repo=f"{org}/{repo}",
        folder="/".join(folder),
        licence="see model card",
        size=0,
        parameters=0,
    )


def with_needs(checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    """A checkpoint and all that it needs, itself last."""
    for need in checkpoint.needs:
        yield from with_needs(named(need))
    yield checkpoint


_BY_NAME = {name.lower(): checkpoint for checkpoint in ALL for name in (checkpoint.name, *checkpoint.aliases)}
