"""Whatever is asked for, the grammar writes a song that can be played, in the key, as long as asked, with every word in it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.score import STYLES, style_of, write
from melisma.score.genres import GROOVES, HARMONY, PLAIN_GROOVES, grooves
from melisma.score.grammar import LEAD_RANGE, MAJOR_KEYS, MINOR_KEYS, VOICE_RANGE
from melisma.score.harmony import chord_of, progression, vocabulary
from melisma.score.words import verses
from melisma.song import Blueprint

KEYS = [f"{note} major" for note in MAJOR_KEYS] + [f"{note} minor" for note in MINOR_KEYS]
LYRICS = """[Verse 1]
Golden river under morning light
I'm falling through the endless night, oh

[Chorus]
Hold me now - remember what we said
Every star is burning overhead
"""

lines = st.lists(
    st.sampled_from(
        ["river", "light", "the", "beautiful", "7", "über", "ночь", "夜", "o'clock", "--", "(yeah)", "everything"]
    ),
    min_size=1,
    max_size=9,
).map(" ".join)
tags = st.sampled_from(["[verse]", "[Chorus]", "[Bridge: softly]", "[Guitar Solo]", "[intro]", "[Outro]", "[hummed]"])
songs = st.lists(st.one_of(lines, tags), max_size=24).map("\n".join)

blueprints = st.builds(
    Blueprint,
    caption=st.sampled_from([style.words[0] for style in STYLES.values()] + ["", "something sad", "a waltz in 3/4"]),
    lyrics=st.one_of(st.just("[Instrumental]"), songs),
    bpm=st.one_of(st.none(), st.integers(60, 180)),
    key=st.one_of(st.none(), st.sampled_from(KEYS)),
    meter=st.sampled_from([None, 2, 3, 4, 6]),
    duration_s=st.floats(1, 120),
)


@settings(max_examples=120, deadline=None)
@given(blueprints, st.integers(0, 2**40))
def test_every_song_can_be_played(blueprint, seed):
    score = write(blueprint, seed)  # building a Score checks bars, gaps, overlaps and that every syllable has its note
    assert write(blueprint, seed) == score
    assert score.bpm == (blueprint.bpm or score.bpm)
    assert score.key == (blueprint.key or score.key)
    assert score.meter == (blueprint.meter or score.meter)
    assert score.key in KEYS
    assert {chord.symbol for chord in score.chords} <= vocabulary(score.key)
    assert all(
        chord.start // score.meter == (chord.start + chord.length - 1e-6) // score.meter for chord in score.chords
    )
    if score.bars > 1:
        assert score.duration_s == blueprint.duration_s
        assert score.beats * score.beat_s <= score.duration_s
        assert score.duration_s - score.beats * score.beat_s < score.bar_s + 1.001
    for note in score.melody:
        low, high = LEAD_RANGE if note.syllable is None else VOICE_RANGE
        assert low <= note.pitch <= high
    if not blueprint.instrumental:
        written = [word.text for verse in verses(blueprint.lyrics) for line in verse.lines for word in line]
        assert [word.text for line in score.lines for word in line.words] == written


def test_tags_are_kept_in_their_order():
    score = write(Blueprint(caption="folk", lyrics=LYRICS, duration_s=60), 1)
    tags = [score.sections[line.section].tag for line in score.lines]
    assert tags == ["verse", "verse", "chorus", "chorus"]


def test_changing_words_leaves_the_chords():
    other = LYRICS.replace("Golden", "Silver").replace("burning", "turning")
    a, b = (write(Blueprint(caption="pop", lyrics=text, duration_s=60), 7) for text in (LYRICS, other))
    assert a.chords == b.chords
    assert a != b


def test_seeds_differ():
    blueprint = Blueprint(caption="rock", lyrics="[Instrumental]", duration_s=30)
    assert len({write(blueprint, seed).model_dump_json() for seed in range(20)}) == 20


@pytest.mark.parametrize(
    ("caption", "style"),
    [
        ("chilled hip hop beat to study to", "lofi"),
        ("Boom bap hip-hop, dusty drums", "hip hop"),
        ("an 80s synthpop anthem", "synthwave"),
        ("epic orchestral trailer music", "orchestral"),
        ("Irish jig with fiddle", "celtic"),
        ("funky bassline", "funk"),
        ("liquid drum & bass", "drum and bass"),
        ("something to dance to", "house"),
    ],
)
def test_captions_name_styles(caption, style):
    assert style_of(caption, Random(0)).name == style


@pytest.mark.parametrize(
    ("caption", "fact", "value"),
    [
        ("rock at 133 bpm", "bpm", 133),
        ("a jazz waltz", "meter", 3),
        ("folk in 6/8", "meter", 6),
        ("house in F# minor", "key", "F# minor"),
        ("ballad in the key of Bb major", "key", "Bb major"),
    ],
)
def test_captions_state_facts(caption, fact, value):
    assert getattr(write(Blueprint(caption=caption, lyrics="[Instrumental]", duration_s=30), 0), fact) == value


@pytest.mark.parametrize("style", list(STYLES.values()), ids=list(STYLES))
def test_styles_are_whole(style):
    assert len(STYLES) >= 16
    assert 60 <= style.bpm[0] < style.bpm[1] <= 180
    assert set(HARMONY[style.harmony]) == {"major", "minor"}
    for name in style.grooves:
        for meter, steps in ((2, 8), (3, 12), (4, 16), (6, 12)):
            assert all(len(hits) == steps for pattern in grooves(name, meter) for hits in pattern.values())
    assert len(style.moods) >= 4


def test_every_groove_belongs_to_a_style():
    assert set(GROOVES) == {name for style in STYLES.values() for name in style.grooves}
    assert set(PLAIN_GROOVES) == {2, 3, 4, 6}


def test_degrees():
    assert progression("ii7-V7 Imaj7 bVII #io7", "Bb major") == [("Cm7", "F7"), ("Bbmaj7",), ("Ab",), ("Bdim7",)]
    assert chord_of("VII", "A minor") == "G"
    assert chord_of("iiø7", "F# minor") == "G#m7b5"
    with pytest.raises(ValueError, match="unknown degree"):
        chord_of("viii!", "C major")


@pytest.mark.parametrize("key", KEYS)
def test_every_progression_can_be_written_in_every_key(key):
    assert len(vocabulary(key)) > 20
