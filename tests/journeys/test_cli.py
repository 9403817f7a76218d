"""The command line as a person or a script uses it: files, JSON, errors, exit codes, Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from melisma.audio import read, read_provenance
from melisma.cli import main
from melisma.models.planner.toy import write_toy_planner
from melisma.song import Blueprint


class Terminal:
    """Runs commands in a folder of their own and keeps what they print."""

    def __init__(self, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.model, self.capsys, self.monkeypatch = model, capsys, monkeypatch

    def __call__(self, *words: object, model: bool = True) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        extra = ["--model", str(self.model), "--device", "cpu"] if model else []
        self.monkeypatch.setattr(sys, "argv", ["melisma", *map(str, words), *extra])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = self.capsys.readouterr()
        return code, out.strip(), err.strip()


@pytest.fixture
def terminal(
    toys: dict[str, Path],
    quiet_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(toys["turbo"], capsys, monkeypatch)


SHORT = ("--duration", 1.5, "--steps", 1)


def test_compose_tells_a_script_what_it_wrote(terminal: Terminal) -> None:
    code, out, _ = terminal(
        "compose", "slow waltz", *SHORT, "--seed", 5, "--takes", 2, "-o", "w.flac", "--json", "--bpm", 90, "--key", "am"
    )
    assert code == 0
    report = json.loads(out)
    assert [take["seed"] for take in report["takes"]] == [5, 6]
    assert [take["path"] for take in report["takes"]] == ["w-1.flac", "w-2.flac"]
    for take in report["takes"]:
        assert {"path", "seed", "duration_s", "sample_rate", "lufs", "true_peak_dbtp", "timings"} <= take.keys()
        assert (take["duration_s"], take["sample_rate"]) == (1.5, 48000)
        assert read(take["path"]).duration_s == 1.5
    assert (report["blueprint"]["bpm"], report["blueprint"]["key"]) == (90, "A minor")


def test_the_best_of_several_takes_is_kept_with_reasons(terminal: Terminal) -> None:
    code, out, _ = terminal(
        "compose", "waltz", *SHORT, "--seed", 5, "--takes", 3, "--keep", 1, "-o", "w.flac", "--json"
    )
    assert code == 0
    (take,) = json.loads(out)["takes"]
    assert take["seed"] in (5, 6, 7)
    assert any(reason.startswith("loudness") for reason in take["reasons"])
    known = read_provenance("w.flac")
    assert known is not None
    assert list(known.reasons) == take["reasons"]
    code, _, err = terminal("compose", "waltz", *SHORT, "--keep", 2)
    assert (code, "--takes" in err) == (2, True)


def test_a_take_can_be_shown_made_again_and_changed(terminal: Terminal) -> None:
    Path("words.txt").write_text("[verse]\nla la\n")
    assert terminal("compose", "waltz", *SHORT, "--seed", 5, "-o", "w.flac", "--lyrics", "words.txt")[:2] == (
        0,
        "w.flac",
    )
    code, out, _ = terminal("show", "w.flac", model=False)
    story = yaml.safe_load(out)
    assert (code, story["seed"], story["blueprint"]["caption"], story["duration_s"]) == (0, 5, "waltz", 1.5)
    assert json.loads(terminal("show", "w.flac", "--json", model=False)[1])["blueprint"]["lyrics"] == "[verse]\nla la"
    assert terminal("again", "w.flac", "-o", "w2.flac")[0] == 0
    assert np.array_equal(read("w.flac").samples, read("w2.flac").samples)
    assert terminal("retake", "w.flac", "--variance", 0.5, "--seed", 8, "-o", "r.flac")[0] == 0
    assert not np.array_equal(read("w.flac").samples, read("r.flac").samples)
    assert terminal("repaint", "w.flac", "--start", 0.5, "--end", 1, "--steps", 1, "-o", "p.flac")[0] == 0
    known = read_provenance("p.flac")
    assert known is not None
    assert (known.request.caption, known.request.lyrics) == ("waltz", "[verse]\nla la")


def test_a_take_finds_what_it_was_made_from_by_name(terminal: Terminal, tune: Path) -> None:
    for folder in ("music", "sent"):
        Path(folder).mkdir()
    shutil.copy(tune, "music/tune.flac")
    made = ("cover", "music/tune.flac", "jig", "--reference", "music/tune.flac", "--steps", 1, "--seed", 5)
    assert terminal(*made, "-o", "music/jig.flac")[0] == 0
    assert terminal("again", "music/jig.flac", "-o", "again.flac")[0] == 0
    assert np.array_equal(read("music/jig.flac").samples, read("again.flac").samples)

    shutil.copy("music/jig.flac", "sent/tune.flac")  # whoever gets a file may have called it like its source
    code, _, err = terminal("again", "sent/tune.flac", "-o", "no.flac")
    assert (code, "made from tune.flac" in err, "--source" in err) == (2, True, True)
    both = ("--source", "music/tune.flac", "--reference", "music/tune.flac")
    assert terminal("again", "sent/tune.flac", *both, "-o", "named.flac")[0] == 0
    assert np.array_equal(read("again.flac").samples, read("named.flac").samples)
    code, _, err = terminal("extend", "sent/tune.flac", "--after", 0.5, "-o", "no.flac")
    assert (code, "--reference" in err) == (2, True)

    shutil.copy(tune, "tune.flac")  # in the current folder
    assert terminal("retake", "sent/tune.flac", "--seed", 8, "-o", "retake.flac")[0] == 0
    assert terminal("extend", "sent/tune.flac", "--after", 0.5, "--steps", 1, "-o", "longer.flac")[0] == 0
    assert not Path("no.flac").exists()


def test_an_edited_blueprint_is_sung(terminal: Terminal) -> None:
    Path("plan.yaml").write_text("caption: jig\nlyrics: '[Instrumental]'\nbpm: 120\nduration_s: 1.2\n")
    assert terminal("compose", "--blueprint", "plan.yaml", "--steps", 1, "-o", "j.wav")[0] == 0
    known = read_provenance("j.wav")
    assert known is not None
    assert known.blueprint == Blueprint(caption="jig", lyrics="[Instrumental]", bpm=120, duration_s=1.2)


def test_any_field_of_a_request_can_be_set(terminal: Terminal) -> None:
    dcw = "sampling.dcw={mode: low, scale: 0.1}"
    words = ("--set", dcw, "--set", "sampling.guidance_interval=[0.2, 0.8]", "--set", "finish.true_peak_dbtp=-3")
    report = json.loads(terminal("compose", "x", *SHORT, *words, "-o", "x.flac", "--json")[1])
    assert report["sampling"]["dcw"]["mode"] == "low"
    assert report["sampling"]["guidance_interval"] == [0.2, 0.8]
    assert report["takes"][0]["true_peak_dbtp"] <= -2.9
    for wrong in ("sampling.steps", "sampling.nonsense=1", "caption.x=1", "sampling.dcw={"):
        code, _, err = terminal("compose", "x", *SHORT, "--set", wrong)
        assert (code, "Traceback" in err) == (2, False)
        assert wrong.split("=")[0].split(".")[-1] in err


def test_songs_are_never_overwritten_unasked(terminal: Terminal) -> None:
    names = [terminal("compose", "My Waltz!", *SHORT)[1] for _ in range(2)]
    assert names == ["my-waltz.flac", "my-waltz-2.flac"]
    Path("out").mkdir()
    assert terminal("compose", "x", *SHORT, "-o", "out", "--format", "wav")[1] == "out/x.wav"
    assert terminal("repaint", "out/x.wav", "--start", 0.5, "--steps", 1)[1] == "x-repaint.flac"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("cover", "none.wav", "x"), 2, "no such file: .*none.wav"),
        (("cover", "empty.wav", "x"), 2, "0 bytes"),
        (("cover", "text.wav", "x"), 2, "cannot be read as audio|not audio|no audio"),
        (("compose", "x", "--key", "H moll"), 2, "H moll.*major or minor"),
        (("compose", "x", "--bpm", 900), 2, "900"),
        (("compose", "x", "--duration", 9000), 2, "600"),
        (("compose", "x", "--lyrics", "none.txt"), 2, "no such file: none.txt"),
        (("compose", "x", "--language", "klingon"), 2, "klingon"),
        (("compose", "x", "-o", "x.aiff"), 2, "aiff.*flac"),
        (("compose", "x", "--blueprint", "text.wav"), 2, "no blueprint"),
        (("compose", "x", "--memory", "much"), 2, "much"),
        (("extract", "empty.wav", "kazoo"), 2, "kazoo"),
        (("again", "text.wav"), 2, "does not say how it was made"),
        (("edit", "text.wav", "jazz"), 2, "--from"),
    ],
)
def test_bad_input_is_explained_and_leaves_nothing(words: tuple, code: int, told: str, terminal: Terminal) -> None:
    Path("empty.wav").touch()
    Path("text.wav").write_text("no music\n" * 20)
    before = sorted(Path().iterdir())
    got, out, err = terminal(*words)
    assert (got, out) == (code, "")
    import re

    assert re.search(told, err), err
    assert "Traceback" not in err
    assert sorted(Path().iterdir()) == before


def test_missing_models_tell_the_next_step(terminal: Terminal, tmp_path: Path) -> None:
    code, _, err = terminal("compose", "x", "--model", "turbo", model=False)
    assert code == 3
    assert "melisma models pull" in err
    (tmp_path / "broken").mkdir()
    code, _, err = terminal("compose", "x", "--model", "broken", model=False)
    assert code == 3
    assert "broken" in err


@pytest.mark.parametrize("kind", ["cut", "pickle"])
def test_broken_checkpoints_are_named(kind: str, terminal: Terminal, toys: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(toys["turbo"], tmp_path / "bundle")
    weights = tmp_path / "bundle/acestep-v15-turbo/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000] if kind == "cut" else b"\x80\x04abc")
    code, _, err = terminal("compose", "x", *SHORT, "--model", "bundle", model=False)
    assert code == 3
    assert "model.safetensors" in err


def test_ctrl_c_ends_at_once_and_leaves_nothing(toys: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from melisma.cli import main; main()", "compose", "x", "--duration", "600"]
    command += ["--steps", "200", "--solver", "heun", "--model", str(toys["turbo"]), "-o", "x.flac"]
    env = {**os.environ, "MELISMA_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    # whoever runs the tests in the background ignores Ctrl-C, and what they start does, too
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(
            command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
    finally:
        signal.signal(signal.SIGINT, heard)
    time.sleep(8)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.glob("**/*.flac"))


# --- With a planner -------------------------------------------------------------------------------------------------


GIVEN = ("--bpm", 100, "--key", "C major", "--meter", 4, "--language", "en", "--keep-caption")


@pytest.fixture
def words() -> Path:
    path = Path("words.txt")
    path.write_text("[verse]\nhello world\nla la\n")
    return path


def test_a_song_is_planned_as_the_options_say(terminal: Terminal, planned: Path, words: Path) -> None:
    common = ("compose", "waltz", *SHORT, "--model", planned, "--device", "cpu", "--seed", 1, "--lyrics", words)
    numbers = (
        "--plan-seed",
        4,
        "--plan-temperature",
        0.5,
        "--plan-top-k",
        9,
        "--plan-top-p",
        0.8,
        "--plan-guidance",
        3,
    )
    code, out, err = terminal(
        *common, *GIVEN, *numbers, "--negative", "noise", "--thinking", "-o", "a.flac", "--json", model=False
    )
    assert code == 0, err
    blueprint = json.loads(out)["blueprint"]
    assert len(blueprint["codes"]) == 7
    assert blueprint["decided_by"]["codes"] == "planner"
    known = read_provenance("a.flac")
    assert known is not None
    assert known.request.planning.model_dump(exclude_none=True) == {
        "reasoning": True,
        "enrich_caption": False,
        "seed": 4,
        "temperature": 0.5,
        "top_k": 9,
        "top_p": 0.8,
        "guidance": 3.0,
        "negative": "noise",
    }
    for switch, kept in (("--no-codes", "codes"), ("--no-plan", "use_planner")):
        code, out, _ = terminal(*common, *GIVEN, switch, "-o", "b.flac", "--json", model=False)
        assert (code, json.loads(out)["blueprint"]["codes"]) == (0, None)
        known = read_provenance("b.flac")
        assert known is not None
        assert getattr(known.request.planning, kept) is False
    code, out, _ = terminal(*common, "--no-thinking", "-o", "c.flac", "--json", model=False)
    blueprint = json.loads(out)["blueprint"]
    assert (code, blueprint["bpm"], len(blueprint["codes"])) == (0, None, 7)


def test_parts_are_planned_where_that_is_asked_for(terminal: Terminal, toys: dict[str, Path], tune: Path) -> None:
    lego = ("lego", tune, "drums", "--steps", 1, "--model", toys["base"], "--device", "cpu", "-o", "d.flac")
    assert terminal(*lego, model=False)[0] == 0
    code, _, err = terminal(*lego, "--plan", model=False)
    assert (code, "there is no planner here" in err) == (3, True)


def test_times_of_lines_are_written_beside_the_take(terminal: Terminal, words: Path) -> None:
    code, out, _ = terminal(
        "compose", "waltz", *SHORT, "--lyrics", words, "--seed", 1, "--lrc", "--vtt", "-o", "w.flac", "--json"
    )
    assert code == 0
    lines = Path("w.lrc").read_text().splitlines()
    assert [line.partition("]")[2] for line in lines] == ["[verse]", "hello world", "la la"]
    assert lines[0].startswith("[00:0")
    assert [line["text"] for line in json.loads(out)["takes"][0]["lines"]] == ["[verse]", "hello world", "la la"]
    shown = Path("w.vtt").read_text()
    assert shown.startswith("WEBVTT\n\n00:00:0")
    assert "hello world" in shown
    code, _, err = terminal("compose", "waltz", *SHORT, "--lrc", "-o", "i.flac")
    assert (code, Path("i.lrc").exists()) == (0, False)
    assert "nobody sings" in err


def test_the_best_of_planned_takes_says_what_the_planner_found(terminal: Terminal, planned: Path, words: Path) -> None:
    code, out, _ = terminal(
        *("compose", "waltz", *SHORT, *GIVEN, "--lyrics", words, "--takes", 2, "--keep", 1, "--seed", 1),
        *("--model", planned, "--device", "cpu", "-o", "w.flac", "--json"),
        model=False,
    )
    assert code == 0
    reasons = json.loads(out)["takes"][0]["reasons"]
    for name in ("words", "planner"):
        assert any(reason.startswith(f"{name}: ") for reason in reasons)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--language", "klingon"), 2, "unknown language 'klingon': use one of ar az"),
        (("--instrumental", "--lyrics", "words.txt"), 2, "instrumental song with lyrics"),
        (("--key", "H moll"), 2, "H moll"),
        (("--bpm", 7), 2, "greater than or equal to 30: 7"),
        (("--plan-temperature", 9), 2, "temperature.*less than or equal to 2: 9"),
        (("--plan-top-k", 0), 2, "top_k.*greater than or equal to 1: 0"),
        (("--planner", "nobody"), 3, "no checkpoint is called 'nobody'"),
        (("--planner", "vae"), 3, "vae is no planner: choose one of planner-"),
        (("--planner", "planner-4b"), 3, "melisma models pull planner-4b"),
        (("--planner", "{bundle}/vae"), 3, "vae holds AutoencoderOobleck .*not a planner"),
        (("--planner", "{bundle}/acestep-v15-turbo"), 3, "holds acestep .*not a planner"),
        (("--planner", "{bundle}/Qwen3-Embedding-0.6B"), 3, "plain language model or text encoder"),
        (("--planner", "{bundle}"), 3, "no config.json"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
@pytest.mark.parametrize("command", ["plan", "compose"])
def test_bad_plans_are_explained_before_anything_is_made(
    command: str, words: tuple, code: int, told: str, terminal: Terminal, planned: Path
) -> None:
    import re

    Path("words.txt").write_text("la la\n")
    given = [str(word).replace("{bundle}", str(planned)) for word in words]
    common = ("--planner", planned / "acestep-5Hz-lm-0.6B") if command == "plan" and "--planner" not in given else ()
    model = ("--model", planned) if command == "compose" else ()
    got, out, err = terminal(command, "folk", *common, *model, *given, "--duration", 2, "--device", "cpu", model=False)
    assert (got, out) == (code, ""), err
    assert re.search(told, err), err
    assert "Traceback" not in err
    assert sorted(path.name for path in Path().iterdir()) == ["words.txt"]


def test_a_planner_of_other_codes_is_named(terminal: Terminal, planned: Path) -> None:
    other = write_toy_planner(Path("other"), codes=16)
    common = ("compose", "folk", *SHORT, *GIVEN, "--instrumental", "--model", planned, "--device", "cpu", "-o", "x.wav")
    code, _, err = terminal(*common, "--planner", other, model=False)
    assert (code, "writes 16 audio codes" in err, "--no-codes" in err) == (3, True, True)
    assert terminal(*common, "--planner", other, "--no-codes", model=False)[:2] == (0, "x.wav")


def test_what_a_person_should_know_is_said_before_singing(terminal: Terminal, planned: Path) -> None:
    Path("long.txt").write_text("word " * 300)
    common = (*GIVEN, "--duration", 10, "--no-codes", "--device", "cpu")
    for command, more in (
        ("plan", ("--planner", planned / "acestep-5Hz-lm-0.6B")),
        ("compose", ("--model", planned, "--steps", 1, "-o", "x.wav")),
    ):
        code, _, err = terminal(command, "rap, 140 bpm", *common, *more, "--lyrics", "long.txt", model=False)
        assert code == 0
        assert "The lyrics have about 300 syllables" in err
        assert "give 75 s or more" in err
        assert "The caption says 140 bpm, the request 100: the request is followed." in err
    code, _, err = terminal("compose", "", *SHORT, "-o", "e.wav")
    assert (code, "Nothing was asked for in words" in err) == (0, True)
