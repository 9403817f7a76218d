"""Facts that the official code keeps about a request, wherever they are merged, normalised or written down."""

from typing import Any

import pytest
from recorded import golden

from melisma.errors import BadRequest
from melisma.generators.v15 import prompts
from melisma.planning.drafting import merged
from melisma.planning.parse import typed
from melisma.planning.planner import OFFICIAL
from melisma.song import Blueprint, Compose, Cover, PlanningOptions, SongRequest, canonical_key, wordless

FACTS = golden("metadata")


@pytest.mark.parametrize("case", FACTS["is_instrumental"], ids=lambda case: repr(case["text"]))
def test_which_lyrics_nobody_sings(case: dict) -> None:
    assert wordless(case["text"] or "") == case["expected"]


def test_marks_of_silence_do_not_contradict_an_instrumental() -> None:
    assert SongRequest.of(instrumental=True, lyrics="[inst]").instrumental
    with pytest.raises(BadRequest, match="instrumental song with lyrics"):
        SongRequest.of(instrumental=True, lyrics="[Instrumental] x")


@pytest.mark.parametrize("case", FACTS["merge_lm"], ids=lambda case: str(case["args"])[:50])
def test_what_is_planned_fills_blanks_only(case: dict) -> None:
    """There, an empty text or a length of 0 or less is a blank; here a blank is None, and N/A or nonsense counts as one."""
    planned, bpm, key, meter, duration, language, caption, lyrics = case["args"]
    given = {"bpm": bpm, "keyscale": key, "timesignature": meter, "duration": duration}
    fields = typed({name: value for name, value in given.items() if value not in (None, "", 0) and value != -1})[0]
    fields.pop("duration_s", None) if fields.get("duration_s", 1) <= 0 else None
    request = SongRequest(
        caption=caption, lyrics=lyrics or None, language=language if language == "fr" else None, **fields
    )
    named = {("language" if name == "vocal_language" else name): value for name, value in planned.items()}
    expected = dict(zip(("bpm", "keyscale", "timesignature", "duration"), case["expected"], strict=False))
    kept = typed({name: value for name, value in expected.items() if value not in (None, "", -1)})[0]
    words = {"lyrics": planned["lyrics"]} if "lyrics" in planned else {}
    blueprint = merged(request, {**typed({k: v for k, v in named.items() if k != "lyrics"})[0], **words})
    for name in ("bpm", "key", "meter"):
        assert getattr(blueprint, name) == kept.get(name)
    assert blueprint.duration_s == kept.get("duration_s", 30)
    assert blueprint.language == {"": "unknown", "x": "unknown"}.get(case["expected"][4], case["expected"][4])
    assert blueprint.caption == case["expected"][5]
    assert blueprint.lyrics == (case["expected"][6] or "[Instrumental]")


@pytest.mark.parametrize("case", FACTS["lm_params"], ids=str)
def test_limits_that_are_off(case: dict) -> None:
    """Off is None here: 0 likely tokens and a share of 0 mean nothing and are refused, a share of 1 is everything."""
    top_k, top_p = case["args"]
    refused = {name for name, value in (("top_k", top_k), ("top_p", top_p)) if value == 0}
    if refused:
        with pytest.raises(BadRequest, match="|".join(refused)):
            PlanningOptions.of(top_k=top_k, top_p=top_p)
    else:
        options = PlanningOptions.of(top_k=top_k, top_p=top_p)
        assert options.top_k == case["expected"][0]
        assert (None if options.top_p == 1 else options.top_p) == case["expected"][1]


@pytest.mark.parametrize("case", golden("request_merge")["cases"], ids=lambda case: str(case["params"])[:60])
def test_how_the_planner_is_asked(case: dict) -> None:
    params = case["params"]
    theirs = {"temperature": "lm_temperature", "top_k": "lm_top_k", "top_p": "lm_top_p", "guidance": "lm_cfg_scale"}
    theirs["negative"] = "lm_negative_prompt"
    options = PlanningOptions(**{ours: params[name] for ours, name in theirs.items() if name in params}).over(OFFICIAL)
    for call in case["lm_calls"]:
        assert (options.temperature, options.guidance, options.top_k) == (
            call["temperature"],
            call["cfg_scale"],
            call["top_k"],
        )
        assert (None if options.top_p == 1 else options.top_p) == call["top_p"]
        assert (options.negative or "NO USER INPUT") == call["negative_prompt"]


# --- What the acoustic model reads ----------------------------------------------------------------------------------


def blueprint_of(meta: dict[str, Any], **words: str) -> Blueprint:
    """A blueprint of official metadata, whatever its names."""
    bpm = meta.get("bpm", meta.get("tempo"))
    meter = meta.get("timesignature", meta.get("time_signature"))
    key = meta.get("keyscale", meta.get("key", meta.get("scale")))
    duration = meta.get("duration", meta.get("length"))
    return Blueprint(
        **{"caption": "", "lyrics": "", **words},
        bpm=None if bpm in (None, "N/A") else bpm,
        key=None if key in (None, "N/A") else key,
        meter=None if meter in (None, "N/A") else int(str(meter).removesuffix("/4")),
        duration_s=float(str(duration).removesuffix(" seconds")) if duration else 30,
    )


def ours(text: str) -> str:
    """Recorded text with a key and a metre as we write them: every key in one spelling with its mode, 4/4 as 4."""
    lines = [line.replace("timesignature: 4/4", "timesignature: 4") for line in text.split("\n")]
    keyed = "- keyscale: "
    return "\n".join(
        f"{keyed}{canonical_key(line.removeprefix(keyed)) or 'N/A'}"
        if line.startswith(keyed) and "N/A" not in line
        else line
        for line in lines
    )


@pytest.mark.parametrize("case", FACTS["dit_meta_string"], ids=str)
def test_metadata_lines(case: dict) -> None:
    assert prompts.metadata(blueprint_of(case["meta"])) == ours(case["expected"])


@pytest.mark.parametrize("case", FACTS["dit_meta_dict"], ids=str)
def test_metadata_values(case: dict) -> None:
    """There 0 and blanks become N/A, here they are refused with the request; what is a value is written alike."""
    bpm, key, meter, duration = case["args"]
    expected = case["expected"]
    meta = {"bpm": bpm, "keyscale": key, "timesignature": meter, "duration": duration}
    if key == "x" or bpm == 0:
        with pytest.raises(ValueError, match="key|bpm"):
            blueprint_of({"bpm": bpm, "keyscale": key})
        return
    text = prompts.metadata(blueprint_of({name: value for name, value in meta.items() if value not in (None, "")}))
    for name in ("bpm", "keyscale", "timesignature"):
        assert f"- {name}: {expected[name]}\n" in text
    assert f"- duration: {expected.get('duration', '30 seconds')}\n" in text


@pytest.mark.parametrize("case", FACTS["dit_text"], ids=lambda case: case["args"]["caption"][:20])
def test_both_prompts(case: dict) -> None:
    args = case["args"]
    blueprint = blueprint_of(args["metas"], caption=args["caption"], lyrics=args["lyrics"])
    instruction = prompts.instruction(Compose(), has_codes=False)
    text = prompts.text_prompt(blueprint.caption, instruction, prompts.metadata(blueprint))
    assert text == ours(case["expected"][0])
    assert prompts.lyric_prompt(blueprint.lyrics, args["vocal_language"]) == case["expected"][1]


def test_a_cover_is_not_planned() -> None:
    case = next(case for case in golden("request_merge")["cases"] if case["params"].get("task_type") == "cover")
    assert case["lm_calls"] == []
    request = SongRequest(task=Cover(source={"path": "in.flac"}), caption="c", lyrics="x")
    blueprint = merged(request, {}, source_s=20)
    assert (blueprint.caption, blueprint.lyrics, blueprint.bpm) == ("c", "x", case["dit_inputs"]["bpm"])
