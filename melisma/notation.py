"""A song written down: tempo, metre, key, form, chords, melody and words, on a grid of beats.

A `Score` is what a lead sheet is to a band: enough to play from, small enough to read, and made to be edited by hand.
Change one chord and everything else stays. It is the meeting point of what writes songs and what renders them, so it
knows neither: python and pydantic only.

Positions and lengths are counted in beats from the start of the song; a bar has `meter` of them. In 6/8 (`meter` 6) a
beat is an eighth note while `bpm` counts dotted quarters, two per bar, because that is the pulse one taps. Swing is
part of the score: positions stay on the straight grid, and `seconds` moves the off-beats.
"""

import re
from itertools import pairwise
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SECTION_TAGS = ("intro", "verse", "pre-chorus", "chorus", "drop", "bridge", "solo", "break", "outro")
SectionTag = Literal["intro", "verse", "pre-chorus", "chorus", "drop", "bridge", "solo", "break", "outro"]

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
FLAT_KEYS = ("F", "Bb", "Eb", "Ab", "Db", "Gb", "Dm", "Gm", "Cm", "Fm", "Bbm", "Ebm", "Abm")
"""Keys written with flats; minor keys carry an m."""

MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)

CHORD_QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "mmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "7sus4": (0, 5, 7, 10),
    "add9": (0, 4, 7, 2),
    "madd9": (0, 3, 7, 2),
    "9": (0, 4, 7, 10, 2),
    "m9": (0, 3, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
}
"""Semitones above the root for every chord quality that may be written."""

_CHORD = re.compile(r"^([A-G][#b]?)([^/]*)(?:/([A-G][#b]?))?$")
_KEY = re.compile(r"^[A-G][#b]? (major|minor)$")
_EPSILON = 1e-6


def pitch_class(name: str) -> int:
    """Pitch class 0–11 (C is 0) of a note name such as "F#" or "Eb"."""
    letter = SHARP_NAMES.index(name[0])
    return (letter + name.count("#") - name[1:].count("b")) % 12


def chord_parts(symbol: str) -> tuple[int, tuple[int, ...], int]:
    """Root, all pitch classes (root first), and bass of a chord symbol such as "Am7", "F#m7b5" or "C/E".

    Raises ValueError naming the symbol and the qualities that can be written.
    """
    found = _CHORD.match(symbol)
    if not found or found.group(2) not in CHORD_QUALITIES:
        known = ", ".join(quality or "(major)" for quality in CHORD_QUALITIES)
        raise ValueError(f"unknown chord {symbol!r}: write a root A–G with optional # or b, then one of {known}")
    root = pitch_class(found.group(1))
    tones = tuple((root + step) % 12 for step in CHORD_QUALITIES[found.group(2)])
    return root, tones, pitch_class(found.group(3)) if found.group(3) else root


def transposed_chord(symbol: str, semitones: int, flats: bool) -> str:
    """The same chord on another root, spelled with flats or with sharps."""
    chord_parts(symbol)
    names = FLAT_NAMES if flats else SHARP_NAMES

    def moved(found: re.Match[str]) -> str:
        return found.group(1) + names[(pitch_class(found.group(2)) + semitones) % 12]

    return re.sub(r"(^|/)([A-G][#b]?)", moved, symbol)


def spells_flat(key: str) -> bool:
    """Whether a key such as "Eb major" is written with flats."""
    note, mode = key.split()
    return note + ("m" if mode == "minor" else "") in FLAT_KEYS


class Part(BaseModel):
    """Base of everything in a score: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(Part):
    """A stretch of the form."""

    tag: SectionTag = Field(description="What kind of section it is.")
    bars: int = Field(ge=1, description="Its length in bars.")
    energy: float = Field(0.8, ge=0, le=1, description="How intense it is, 0–1.")


class Chord(Part):
    """A chord and the beats it fills."""

    symbol: str = Field(description="Chord symbol, as in 'Am7' or 'C/E'.")
    start: float = Field(ge=0, description="First beat, from the start of the song.")
    length: float = Field(gt=0, description="Beats.")

    @field_validator("symbol")
    @classmethod
    def _readable(cls, symbol: str) -> str:
        chord_parts(symbol)
        return symbol

    @property
    def root(self) -> int:
        """Pitch class of the root."""
        return chord_parts(self.symbol)[0]

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes, root first."""
        return chord_parts(self.symbol)[1]

    @property
    def bass(self) -> int:
        """Pitch class of the lowest note."""
        return chord_parts(self.symbol)[2]


class Note(Part):
    """One note of the melody, sung or played."""

    pitch: int = Field(ge=0, le=127, description="MIDI pitch; 60 is middle C.")
    start: float = Field(ge=0, description="First beat, from the start of the song.")
    length: float = Field(gt=0, description="Beats.")
    syllable: str | None = Field(
        None, description="Syllable that begins here; '' holds the one before; None: an instrument plays."
    )


class Word(Part):
    """A word of the lyrics, cut into syllables."""

    text: str = Field(description="As written, with its punctuation.")
    syllables: tuple[str, ...] = Field(min_length=1, description="Its syllables; together they spell the word.")


class Line(Part):
    """A line of the lyrics."""

    section: int = Field(ge=0, description="Index of the section that sings it.")
    words: tuple[Word, ...] = Field(min_length=1, description="Its words, in order.")

    @property
    def text(self) -> str:
        """The line as written."""
        return " ".join(word.text for word in self.words)

    @property
    def syllables(self) -> tuple[str, ...]:
        """All its syllables, in order."""
        return tuple(syllable for word in self.words for syllable in word.syllables)


class SungSyllable(Part):
    """Where one syllable of the lyrics stands: which line and word, and the notes that carry it."""

    text: str
    line: int
    word: int
    last_of_word: bool
    notes: tuple[Note, ...]


class Score(Part):
    """A whole song, ready to be played. Checked when built: every bar has its chord and every syllable its note."""

    bpm: int = Field(ge=30, le=300, description="Pulses per minute; dotted quarters in 6/8, beats otherwise.")
    meter: Literal[2, 3, 4, 6] = Field(description="Beats in a bar; 6 is 6/8.")
    key: str = Field(description="As in 'F# minor'.")
    style: str = Field(description="Name of the style it was written in.")
    duration_s: float = Field(gt=0, description="Length of the song with its last ring-out, in seconds.")
    swing: float = Field(0.5, ge=0.5, le=0.75, description="Where the off-beat falls within its pair; 0.5 is straight.")
    swing_unit: Literal[8, 16] = Field(8, description="What swings: 8 eighths, 16 sixteenths.")
    band: tuple[str, ...] = Field(
        (), description="Instruments in words: who plays the tune, then who accompanies. Empty: as the style has them."
    )
    sections: tuple[Section, ...] = Field(min_length=1, description="The form, in order.")
    chords: tuple[Chord, ...] = Field(min_length=1, description="Chords without gaps from first to last beat.")
    melody: tuple[Note, ...] = Field((), description="One line of notes that never overlap.")
    lines: tuple[Line, ...] = Field((), description="Lyrics; empty for an instrumental.")

    @field_validator("key")
    @classmethod
    def _known_key(cls, key: str) -> str:
        if not _KEY.match(key):
            raise ValueError(f"unknown key {key!r}: write it as in 'F# minor' or 'Bb major'")
        return key

    @model_validator(mode="after")
    def _playable(self) -> Self:
        reached = 0.0
        for chord in self.chords:
            if abs(chord.start - reached) > _EPSILON:
                raise ValueError(
                    f"chord {chord.symbol} starts at beat {chord.start:g}, the one before ends at {reached:g}: chords must meet"
                )
            reached = chord.start + chord.length
        if abs(reached - self.beats) > _EPSILON:
            raise ValueError(f"the chords end at beat {reached:g}, the sections at {self.beats}: they must agree")
        for note, after in pairwise(self.melody):
            if note.start + note.length > after.start + _EPSILON:
                raise ValueError(
                    f"the notes at beats {note.start:g} and {after.start:g} overlap: shorten the first one"
                )
        if self.melody and self.melody[-1].start + self.melody[-1].length > self.beats + _EPSILON:
            raise ValueError(f"the last note ends after beat {self.beats}: the song is over by then")
        sung = [note.syllable for note in self.melody if note.syllable]
        written = [syllable for line in self.lines for syllable in line.syllables]
        if sung != written:
            raise ValueError(
                f"{len(sung)} sung syllables for {len(written)} written ones, or in another order: "
                "each syllable of `lines` needs one note that carries its text"
            )
        if any(line.section >= len(self.sections) for line in self.lines):
            raise ValueError(f"a line names a section beyond the last one, {len(self.sections) - 1}")
        return self

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def beat_s(self) -> float:
        """Seconds per beat (per eighth note in 6/8)."""
        return 60 / self.bpm / (3 if self.meter == 6 else 1)

    @property
    def bar_s(self) -> float:
        """Seconds per bar."""
        return self.beat_s * self.meter

    @property
    def bars(self) -> int:
        """Bars in the whole song."""
        return sum(section.bars for section in self.sections)

    @property
    def beats(self) -> int:
        """Beats in the whole song, without the last ring-out."""
        return self.bars * self.meter

    def seconds(self, beat: float) -> float:
        """When a beat position sounds, swing included."""
        if self.swing == 0.5:
            return beat * self.beat_s
        pair = 8 / self.swing_unit
        whole, part = divmod(beat, pair)
        share = part / pair
        swung = share * 2 * self.swing if share < 0.5 else self.swing + (share - 0.5) * 2 * (1 - self.swing)
        return float((whole + swung) * pair * self.beat_s)

    def beat_at(self, time_s: float) -> float:
        """The straight-grid beat position that sounds at a time; inverse of `seconds`."""
        if self.swing == 0.5:
            return time_s / self.beat_s
        pair = 8 / self.swing_unit
        whole, part = divmod(time_s / self.beat_s, pair)
        share = part / pair
        straight = share / (2 * self.swing) if share < self.swing else 0.5 + (share - self.swing) / (2 - 2 * self.swing)
        return float((whole + straight) * pair)

    # --- looking things up ------------------------------------------------------------------------------------------

    @property
    def tonic(self) -> int:
        """Pitch class of the key's first degree."""
        return pitch_class(self.key.split()[0])

    @property
    def minor(self) -> bool:
        """Whether the key is minor."""
        return self.key.endswith("minor")

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the key, tonic first."""
        return tuple((self.tonic + step) % 12 for step in (MINOR_SCALE if self.minor else MAJOR_SCALE))

    @property
    def section_starts(self) -> tuple[int, ...]:
        """First beat of every section."""
        starts, beat = [], 0
        for section in self.sections:
            starts.append(beat)
            beat += section.bars * self.meter
        return tuple(starts)

    def section_at(self, beat: float) -> int:
        """Index of the section that holds a beat; the last one from its start on."""
        return max(i for i, start in enumerate(self.section_starts) if start <= beat + _EPSILON)

    def chord_at(self, beat: float) -> Chord:
        """The chord that sounds at a beat; the last one after the end."""
        for chord in self.chords:
            if beat < chord.start + chord.length - _EPSILON:
                return chord
        return self.chords[-1]

    @property
    def instrumental(self) -> bool:
        """Whether nobody sings."""
        return not self.lines

    def sung(self) -> list[SungSyllable]:
        """Every syllable of the lyrics with the notes that carry it, in order."""
        places = [
            (syllable, line_index, word_index, k == len(word.syllables) - 1)
            for line_index, line in enumerate(self.lines)
            for word_index, word in enumerate(line.words)
            for k, syllable in enumerate(word.syllables)
        ]
        carried: list[list[Note]] = []
        for note in self.melody:
            if note.syllable:
                carried.append([note])
            elif note.syllable == "" and carried:
                carried[-1].append(note)
        return [
            SungSyllable(text=text, line=line, word=word, last_of_word=last, notes=tuple(notes))
            for (text, line, word, last), notes in zip(places, carried, strict=True)
        ]

    def lyrics(self) -> str:
        """The words with a [tag] line per section, as lyrics are written for the models."""
        blocks = []
        for index, section in enumerate(self.sections):
            sung = [line.text for line in self.lines if line.section == index]
            blocks.append("\n".join([f"[{section.tag}]", *sung]))
        return "\n\n".join(blocks)

    # --- editing ----------------------------------------------------------------------------------------------------

    def with_chord(self, beat: float, symbol: str) -> Self:
        """The same score with the chord at `beat` replaced; nothing else changes."""
        old = self.chord_at(beat)
        new = Chord(symbol=symbol, start=old.start, length=old.length)
        return self.model_copy(update={"chords": tuple(new if chord is old else chord for chord in self.chords)})

    def transposed(self, semitones: int) -> Self:
        """The same song in another key: chords, melody and key move together.

        Raises ValueError if a note would leave the MIDI range.
        """
        note, mode = self.key.split()
        tonic = (pitch_class(note) + semitones) % 12
        flats = spells_flat(f"{FLAT_NAMES[tonic]} {mode}")
        names = FLAT_NAMES if flats else SHARP_NAMES
        moved = [note.pitch + semitones for note in self.melody]
        if moved and not (min(moved) >= 0 and max(moved) <= 127):
            raise ValueError(f"transposing by {semitones} semitones takes a note out of the MIDI range 0–127")
        return self.model_copy(
            update={
                "key": f"{names[tonic]} {mode}",
                "chords": tuple(
                    chord.model_copy(update={"symbol": transposed_chord(chord.symbol, semitones, flats)})
                    for chord in self.chords
                ),
                "melody": tuple(
                    note.model_copy(update={"pitch": pitch}) for note, pitch in zip(self.melody, moved, strict=True)
                ),
            }
        )
