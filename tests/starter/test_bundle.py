"""Putting a bundle together, also from parts of its own."""

import json
import shutil
from pathlib import Path

from click.testing import CliRunner

import melisma
from starter.bundle import NAME, main

STARTER = Path(melisma.__file__).parent / "starter"
FACTS = ("config.json", "tokenizer.json")


def test_a_bundle_can_be_made_of_its_own_parts(tmp_path: Path) -> None:
    """Weights stand in as files of a few bytes: only their places matter here."""
    bundle, run = tmp_path / "bundle", tmp_path / "run"
    for source, to in (
        (STARTER / NAME, run / "dit"),
        (STARTER / "text", run / "text"),
        (STARTER / "vae", bundle / "vae"),
        (STARTER / "planner", bundle / "planner"),
    ):
        to.mkdir(parents=True)
        for name in FACTS:
            if (source / name).exists():
                shutil.copy(source / name, to)
        (to / "model.safetensors").write_bytes(to.name.encode())
    (bundle / "README.md").write_text("the model's card")

    made = CliRunner().invoke(
        main,
        ["--vae", str(bundle / "vae"), "--run", str(run), "--planner", str(bundle / "planner"), "--out", str(bundle)],
    )

    assert made.exit_code == 0, made.output
    assert {
        folder.name: (folder / "model.safetensors").read_text() for folder in bundle.iterdir() if folder.is_dir()
    } == {
        NAME: "dit",
        "text": "text",
        "vae": "vae",
        "planner": "planner",
    }
    assert (bundle / "README.md").read_text() == "the model's card"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    for name in (NAME, "planner"):
        assert json.loads((bundle / name / "config.json").read_text()) == json.loads(
            (STARTER / name / "config.json").read_text()
        ), f"{name}/config.json of the repository is not what the recipe writes: bundle it again"
