"""Styles as data: what each genre's tempo, harmony, rhythm and band are, and the words that name it.

A style is a row of choices, not code. The song grammar reads tempo, metre, form, harmony and melody; whoever plays the
score reads grooves, figures and instruments. Instruments are General MIDI programs, 0-based. Progressions are written
in degrees of the key, one per bar (`-` splits a bar in two), so they work in all 24 keys.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from melisma.score import hints

PIANO, BRIGHT, RHODES, DX, CLAV, HARPSI = 0, 1, 4, 5, 7, 6
CELESTA, GLOCK, MUSICBOX, VIBES, MARIMBA = 8, 9, 10, 11, 12
DRAWBAR, PERC_ORGAN, ROCK_ORGAN, CHURCH, ACCORDION, HARMONICA = 16, 17, 18, 19, 21, 22
NYLON, STEEL, JAZZ_GTR, CLEAN, MUTED, OVERDRIVE, DISTORTION = 24, 25, 26, 27, 28, 29, 30
UPRIGHT, FINGER, PICK, FRETLESS, SLAP, SYNTH_BASS, SYNTH_BASS_2 = 32, 33, 34, 35, 36, 38, 39
VIOLIN, VIOLA, CELLO, CONTRABASS, TREMOLO, PIZZICATO, HARP = 40, 41, 42, 43, 44, 45, 46
STRINGS, SLOW_STRINGS, SYNTH_STRINGS, AAHS, OOHS = 48, 49, 50, 52, 53
TRUMPET, TROMBONE, TUBA, MUTED_TRUMPET, HORN, BRASS, SYNTH_BRASS = 56, 57, 58, 59, 60, 61, 62
SOPRANO_SAX, ALTO_SAX, TENOR_SAX, OBOE, BASSOON, CLARINET, FLUTE, RECORDER, PAN_FLUTE, WHISTLE = (
    64, 65, 66, 68, 70, 71, 73, 74, 75, 79,
)  # fmt: skip
SQUARE, SAW, CALLIOPE, FIFTHS, BASS_LEAD = 80, 81, 82, 86, 87
NEW_AGE, WARM, POLYSYNTH, BOWED, HALO, SWEEP = 88, 89, 90, 92, 94, 95
SITAR, BANJO, KALIMBA, BAGPIPE, FIDDLE = 104, 105, 108, 109, 110

PROGRAM_NAMES: dict[int, str] = {
    PIANO: "piano", BRIGHT: "bright piano", RHODES: "electric piano", DX: "fm electric piano", CLAV: "clavinet",
    HARPSI: "harpsichord", CELESTA: "celesta", GLOCK: "glockenspiel", MUSICBOX: "music box", VIBES: "vibraphone",
    MARIMBA: "marimba", DRAWBAR: "organ", PERC_ORGAN: "percussive organ", ROCK_ORGAN: "rock organ",
    CHURCH: "church organ", ACCORDION: "accordion", HARMONICA: "harmonica", NYLON: "nylon guitar",
    STEEL: "acoustic guitar", JAZZ_GTR: "jazz guitar", CLEAN: "clean electric guitar", MUTED: "muted guitar",
    OVERDRIVE: "overdriven guitar", DISTORTION: "distorted guitar", UPRIGHT: "upright bass",
    FINGER: "electric bass", PICK: "picked bass", FRETLESS: "fretless bass", SLAP: "slap bass",
    SYNTH_BASS: "synth bass", SYNTH_BASS_2: "deep synth bass", VIOLIN: "violin", VIOLA: "viola", CELLO: "cello",
    CONTRABASS: "double bass", TREMOLO: "tremolo strings", PIZZICATO: "pizzicato strings", HARP: "harp",
    STRINGS: "strings", SLOW_STRINGS: "slow strings", SYNTH_STRINGS: "synth strings", AAHS: "choir",
    OOHS: "vocal oohs", TRUMPET: "trumpet", TROMBONE: "trombone", TUBA: "tuba", MUTED_TRUMPET: "muted trumpet",
    HORN: "french horn", BRASS: "brass section", SYNTH_BRASS: "synth brass", SOPRANO_SAX: "soprano saxophone",
    ALTO_SAX: "alto saxophone", TENOR_SAX: "tenor saxophone", OBOE: "oboe", BASSOON: "bassoon",
    CLARINET: "clarinet", FLUTE: "flute", RECORDER: "recorder", PAN_FLUTE: "pan flute", WHISTLE: "tin whistle",
    SQUARE: "square lead", SAW: "saw lead", CALLIOPE: "calliope lead", FIFTHS: "fifths lead",
    BASS_LEAD: "bass and lead synth", NEW_AGE: "airy pad", WARM: "warm pad", POLYSYNTH: "polysynth",
    BOWED: "bowed pad", HALO: "halo pad", SWEEP: "sweep pad", SITAR: "sitar", BANJO: "banjo",
    KALIMBA: "kalimba", BAGPIPE: "bagpipes", FIDDLE: "fiddle",
}  # fmt: skip

PLAYERS: tuple[str, ...] = tuple(
    name for name in PROGRAM_NAMES.values() if "bass" not in name or name == "bass and lead synth"
)
"""Who may play the tune or accompany; basses do neither."""

ALIASES = {
    "acoustic guitar": PROGRAM_NAMES[STEEL], "electric guitar": PROGRAM_NAMES[CLEAN], "guitar": PROGRAM_NAMES[STEEL],
    "classical guitar": PROGRAM_NAMES[NYLON], "nylon guitar": PROGRAM_NAMES[NYLON], "heavy guitar": PROGRAM_NAMES[DISTORTION],
    "rhodes": PROGRAM_NAMES[RHODES], "sax": PROGRAM_NAMES[TENOR_SAX], "saxophone": PROGRAM_NAMES[TENOR_SAX],
    "horn": PROGRAM_NAMES[BRASS], "brass": PROGRAM_NAMES[BRASS], "vibes": PROGRAM_NAMES[VIBES], "bells": PROGRAM_NAMES[GLOCK],
    "synth": PROGRAM_NAMES[POLYSYNTH], "synthesizer": PROGRAM_NAMES[POLYSYNTH], "pad": PROGRAM_NAMES[WARM],
    "string section": PROGRAM_NAMES[STRINGS], "orchestra": PROGRAM_NAMES[STRINGS], "hammond": PROGRAM_NAMES[DRAWBAR],
    "keys": PROGRAM_NAMES[PIANO], "whistle": PROGRAM_NAMES[WHISTLE], "clavichord": PROGRAM_NAMES[CLAV],
}  # fmt: skip
"""What people call instruments."""


# --- Harmony --------------------------------------------------------------------------------------------------------
# Degrees: upper case major, lower case minor, `o` diminished, `ø` half-diminished; of the natural minor scale in minor.

HARMONY: dict[str, dict[str, tuple[str, ...]]] = {
    "pop": {
        "major": (
            "I V vi IV", "vi IV I V", "I vi IV V", "IV I V vi", "I iii IV V", "I IV vi V", "IV V iii vi",
            "I Vsus4-V vi IV", "I ii vi IV", "vi V IV V", "Iadd9 V vi7 IVmaj7", "I V ii IV", "IV vi I V",
        ),
        "minor": (
            "i VI III VII", "i iv VI V", "i VII VI VII", "VI VII i i", "i III VII VI", "iv VI i VII", "i v VI VII",
            "i VI iv V", "VI III VII i", "i VII iv VI",
        ),
    },
    "rock": {
        "major": ("I bVII IV I", "I IV V IV", "I V bVII IV", "vi IV I V", "I I IV V", "I V IV IV", "I bIII IV I", "I iii IV V"),
        "minor": ("i VII VI VII", "i III VII IV", "i VI VII i", "i iv i V", "i i VI VII", "i VII III VI", "VI VII i i"),
    },
    "metal": {
        "major": ("I5 bVII5 bVI5 V5", "I5 bIII5 IV5 V5"),
        "minor": (
            "i5 VI5 VII5 i5", "i5 bII5 i5 VII5", "i5 III5 VI5 V5", "i5 i5 VI5-VII5 i5", "i5 VI5 iv5 V5", "i5 bV5 iv5 bII5",
        ),
    },
    "jazz": {
        "major": (
            "ii7 V7 Imaj7 VI7", "Imaj7 vi7 ii7 V7", "iii7 VI7 ii7 V7", "Imaj7 IVmaj7 iii7-VI7 ii7-V7",
            "ii7-V7 Imaj7 iii7-VI7 Imaj7", "Imaj7 #io7 ii7 V7", "Imaj7 v7-I7 IVmaj7 iv7-bVII7", "II7 V7 Imaj7 Imaj7",
            "IVmaj7 iv6 iii7 VI7-V7",
        ),
        "minor": (
            "iiø7 V7 i7 i7", "i7 iv7 VII7 IIImaj7", "i7 VImaj7 iiø7 V7", "iv7 VII7 IIImaj7 VImaj7", "i7 i7 iiø7-V7 i7",
            "i6 VI7 iiø7 V7", "i7-VImaj7 iiø7-V7 i7 V7",
        ),
    },
    "bossa": {
        "major": ("Imaj7 II7 ii7 V7", "Imaj9 vi7 ii9 V7", "Imaj7 bVImaj7 ii7 V7", "Imaj7 #io7 ii7 V7", "iii7 bIII7 ii7 V7"),
        "minor": ("i9 iv7 iiø7 V7", "i7 iv7 VII7 IIImaj7", "im6 im6 iiø7 V7".replace("im6", "i6"), "i7 VI7 iiø7 V7"),
    },
    "soul": {
        "major": (
            "Imaj7 iii7 IVmaj7 V7sus4", "IVmaj7 iii7 ii7 Imaj7", "ii7 iii7 IVmaj7 V7sus4", "Imaj7 vi7 ii7 V7sus4",
            "IVmaj7 V7 iii7 vi7", "I9 IV9 I9 V7sus4", "Imaj9 IVmaj9 iii7 vi7",
        ),
        "minor": ("i9 iv9 i9 v7", "i7 VImaj7 IIImaj7 VII7", "iv7 v7 i7 i7", "i9 IV9 i9 IV9", "VImaj7 v7 i9 i9"),
    },
    "funk": {
        "major": ("I7 I7 IV7 I7", "I9 I9 I9 IV9", "I7 bVII7 IV7 I7", "I7 IV7 I7 V7"),
        "minor": ("i7 i7 i7 IV7", "i9 i9 iv9 i9", "i7 VII7 i7 VII7", "i7 iv7 i7 v7", "i7 IV9 i7 IV9", "i7 bIII7 IV7 i7"),
    },
    "lofi": {
        "major": ("ii9 V7 Imaj9 vi7", "IVmaj7 iii7 ii7 Imaj7", "Imaj9 vi9 ii9 V7sus4", "IVmaj9 V7 iii7 vi7", "Imaj7 IVmaj7 Imaj7 IVmaj7"),
        "minor": ("i9 iv9 VImaj7 V7", "VImaj7 VII7 i9 i7", "i7 VImaj7 IIImaj7 VII7", "iv9 v7 i9 i9", "i9 VImaj9 iv9 v7"),
    },
    "trap": {
        "major": ("vi IV iii vi", "I vi iii IV"),
        "minor": ("i VI i v", "i VI iv v", "i i VI V", "i iv VI V", "i bII i VII", "VI v i i"),
    },
    "house": {
        "major": ("IVmaj7 V vi7 iii7", "vi7 IVmaj7 I V", "ii7 iii7 IVmaj7 IVmaj7", "Imaj7 ii7 Imaj7 ii7"),
        "minor": ("i7 i7 VImaj7 VII", "i7 VII VImaj7 v7", "i7 iv7 i7 v7", "VImaj7 VII i7 i7", "i7 III VII iv7", "i9 v7 VImaj7 iv7"),
    },
    "synthwave": {
        "major": ("vi IV I V", "IV V vi I", "I V vi IV"),
        "minor": ("i VI III VII", "VI VII i III", "i III VII VI", "i i VI VII", "VI iv i VII", "iv VI i V"),
    },
    "dnb": {
        "major": ("vi7 IVmaj7 I V", "IVmaj7 vi7 I V"),
        "minor": ("i9 i9 VImaj7 VImaj7", "i7 VII VImaj7 VII", "i VI III VII", "iv9 i9 VImaj7 v7"),
    },
    "reggae": {
        "major": ("I IV I V", "I V IV IV", "I vi ii V", "ii V I I", "I I IV V", "I iii IV V"),
        "minor": ("i iv i iv", "i VII i VII", "i VI VII i", "i i iv v", "i VII VI v"),
    },
    "blues": {
        "major": (
            "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7 V7",
            "I7 IV7 I7 V7",
        ),
        "minor": ("i7 i7 i7 i7 iv7 iv7 i7 i7 VI7 V7 i7 V7", "i7 iv7 i7 V7"),
    },
    "folk": {
        "major": ("I V vi IV", "I IV I V", "I I IV V", "I V IV I", "IV I V I", "I ii IV I", "vi IV I V", "I iii IV I"),
        "minor": ("i VII VI VII", "i III VII i", "i iv VII III", "i VI VII i", "i VII i v"),
    },
    "country": {
        "major": ("I IV V I", "I I IV I", "I V IV I", "I vi IV V", "IV I V I", "I II7 V I", "I I7 IV V"),
        "minor": ("i VII VI V", "i iv V i", "i III iv V"),
    },
    "celtic": {
        "major": ("I I IV V", "I bVII I V", "I vi IV V", "I IV I-V I"),
        "minor": ("i VII i VII", "i VII VI v", "i i VII i", "i III VII i-VII"),
    },
    "latin": {
        "major": ("I IV V IV", "I V V I", "ii7 V7 I VI7", "I vi ii V7"),
        "minor": ("i iv V7 i", "i VII VI V7", "i V7 i V7", "iv i V7 i", "i VI iiø7 V7"),
    },
    "classical": {
        "major": (
            "I IV V I", "I V vi iii IV I IV V", "I ii V I", "I vi ii V", "I V I V", "I III vi IV", "IV V I vi ii7 V7 I I",
            "I IV ii V7",
        ),
        "minor": ("i iv V i", "i VI III VII", "i iv VII III VI iio V i", "i V i iv", "i VI iv V7", "i VII VI V"),
    },
    "cinematic": {
        "major": ("I V vi IV", "vi IV I V", "I bVI bVII I", "I iii vi IV", "IV I V vi"),
        "minor": ("i VI III VII", "i VI iv V", "i iv VI VII", "i III iv VI", "VI VII i V", "i v VI iv"),
    },
    "ambient": {
        "major": ("Imaj7 Imaj7 IVmaj7 IVmaj7", "Iadd9 vi9 IVmaj9 IVmaj9", "Isus2 Iadd9 IVsus2 IVmaj7", "Imaj7 iii7 IVmaj7 Imaj7"),
        "minor": ("i9 i9 VImaj7 VImaj7", "imadd9 VImaj7 IIImaj7 VIIsus2".replace("imadd9", "iadd9"), "i7 v7 VImaj7 iv9"),
    },
    "waltz": {
        "major": ("I I V7 V7 V7 V7 I I", "I vi ii V7", "I IV V7 I", "I V7 I V7 IV I V7 I", "I III vi II7 ii V7 I I"),
        "minor": ("i i V7 V7 V7 V7 i i", "i iv V7 i", "i VI iv V7", "i VII VI V7"),
    },
}  # fmt: skip


# --- Rhythm ---------------------------------------------------------------------------------------------------------
# One bar per pattern, sixteenth steps: x hit, X accent, o soft. Metres other than four have patterns of their own.
# K kick, S snare, H closed hat, O open hat, P pedal hat, R ride, B ride bell, C clap, r rim, t tambourine, s shaker,
# c cowbell, 1 2 3 toms low to high, g G conga low/high, m maracas, w woodblock, T triangle.

GROOVES: dict[str, dict[int, tuple[dict[str, str], ...]]] = {
    "rock": {4: (
        {"K": "X.....x.x.......", "S": "....X.......X...", "H": "X.x.X.x.X.x.X.x."},
        {"K": "X.x.....x.x.....", "S": "....X.......X...", "H": "X.x.X.x.X.x.X.x."},
        {"K": "X..x..x.x.....x.", "S": "....X.......X..o", "R": "X.x.X.x.X.x.X.x."},
        {"K": "X.......x.x...x.", "S": "....X..o....X...", "O": "X...X...X...X..."},
    )},
    "pop": {4: (
        {"K": "X..x..x.x..x..x.", "S": "....X.......X...", "H": "x.xxx.xxx.xxx.xx"},
        {"K": "X.....x.x.......", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x.", "t": "..x...x...x...x."},
        {"K": "X...X...X...X...", "S": "....X.......X...", "H": "..x...x...x...x."},
        {"K": "X......xx.......", "C": "....X.......X...", "H": "xxxxxxxxxxxxxxxx"},
    )},
    "punk": {4: (
        {"K": "X.x...x.X.x...x.", "S": "..X...X...X...X.", "H": "X.X.X.X.X.X.X.X."},
        {"K": "X.....x.X.x.....", "S": "....X.......X...", "O": "X.x.X.x.X.x.X.x."},
    )},
    "metal": {4: (
        {"K": "xxxxxxxxxxxxxxxx", "S": "....X.......X...", "R": "X...X...X...X..."},
        {"K": "X.xxX.xxX.xxX.xx", "S": "....X.......X...", "O": "X...X...X...X..."},
        {"K": "X..x..X..x..X.x.", "S": "........X.......", "O": "X...X...X...X..."},
    )},
    "house": {4: (
        {"K": "X...X...X...X...", "C": "....X.......X...", "O": "..x...x...x...x.", "s": "xoxoxoxoxoxoxoxo"},
        {"K": "X...X...X...X...", "C": "....X.......X...", "H": "xxXxxxXxxxXxxxXx"},
        {"K": "X...X...X...X..x", "C": "....X.......X...", "O": "..X...X...X...X.", "r": "...x..x....x..x."},
    )},
    "techno": {4: (
        {"K": "X...X...X...X...", "H": "..X...X...X...X.", "C": "....x.......x...", "1": "......o..o......"},
        {"K": "X...X...X...X...", "O": "..X...X...X...X.", "H": "xxxxxxxxxxxxxxxx", "r": "x..x..x..x..x.x."},
    )},
    "disco": {4: (
        {"K": "X...X...X...X...", "S": "....X.......X...", "O": "..X...X...X...X.", "H": "x...x...x...x..."},
        {"K": "X...X...X...X...", "C": "....X.......X...", "H": "xxXxxxXxxxXxxxXx", "t": "....x.......x..."},
    )},
    "boombap": {4: (
        {"K": "X......x..x.....", "S": "....X.......X..o", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X.x.....x.x....x", "S": "....X..o....X...", "H": "x.xxx.x.x.xxx.x."},
        {"K": "X..x......xx....", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x.", "O": "..............x."},
    )},
    "trap": {4: (
        {"K": "X.....x...x.....", "C": "........X.......", "H": "x.x.x.xxx.x.xxxx"},
        {"K": "X..x......x..x..", "C": "........X.......", "H": "xxx.x.x.xxxxx.x."},
        {"K": "X.......x.x.....", "S": "........X.......", "H": "x.xxx.x.x.xxxxxx", "O": "..............x."},
    )},
    "swing": {4: (
        {"R": "X...x.x.X...x.x.", "P": "....X.......X...", "K": "o.......o.......", "S": "......o.......o."},
        {"R": "X...x.x.X...x.x.", "P": "....X.......X...", "S": "..o.......o....."},
        {"R": "X...X.x.X...X.x.", "P": "....X.......X...", "K": "......o.........", "S": "..........o...o."},
    )},
    "brushes": {4: (
        {"S": "o.o.x.o.o.o.x.o.", "K": "x.......x.......", "P": "....x.......x..."},
        {"R": "x...x.x.x...x.x.", "P": "....x.......x...", "S": "......o........."},
    )},
    "shuffle": {4: (
        {"K": "X.....x.X.....x.", "S": "....X.......X...", "H": "X.x.X.x.X.x.X.x."},
        {"K": "X...x...X...x.x.", "S": "....X.......X...", "R": "X.x.X.x.X.x.X.x."},
    ), 6: ({"K": "X.....x.....", "S": "......X.....", "H": "X.x.x.X.x.x."},)},
    "bossa": {4: (
        {"K": "X..xX..xX..xX..x", "r": "x..x..x...x..x..", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X..xX..xX..xX..x", "r": "..x..x..x..x...x", "s": "xoxoxoxoxoxoxoxo"},
    )},
    "reggae": {4: (
        {"K": "........X.......", "r": "........X.......", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X.......X.......", "S": "....X.......X...", "H": "..x...x...x...x."},
        {"K": "X...X...X...X...", "r": "........X.......", "H": "x.x.x.x.x.x.x.x."},
    )},
    "funk": {4: (
        {"K": "X..x..x...x..x..", "S": "....X..o.o..X..o", "H": "xxxxxxxxxxxxxxxx"},
        {"K": "X.x.......x..x..", "S": "....X..o.o.oX...", "H": "x.x.x.x.x.x.x...", "O": "..............x."},
        {"K": "X..x...x..x.....", "S": "....X.......X.o.", "H": "x.xxx.xxx.xxx.xx", "c": "x...x...x...x..."},
    )},
    "soul": {4: (
        {"K": "X.....xx..x.....", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X..x....x.x.....", "r": "....X.......X...", "H": "x.xxx.x.x.xxx.x."},
        {"K": "X......x.xx.....", "S": "....X..o....X.o.", "H": "xxxxxxxxxxxxxxxx"},
    ), 6: ({"K": "X.....x...x.", "S": "......X.....", "H": "x.x.x.x.x.x."},)},
    "ballad": {4: (
        {"K": "X.......x.x.....", "S": "....X.......X...", "H": "x...x...x...x..."},
        {"K": "X.....x.x.......", "r": "....X.......X...", "H": "x.x.x.x.x.x.x.x."},
    ), 6: (
        {"K": "X.........x.", "S": "......X.....", "H": "x.x.x.x.x.x."},
        {"K": "X...x.......", "r": "......X.....", "R": "x.x.x.x.x.x."},
    )},
    "folk": {4: (
        {"K": "X.......x.......", "t": "....X.......X...", "s": "x.xxx.xxx.xxx.xx"},
        {"K": "X.....x.x.......", "r": "....x.......x...", "s": "xoxoxoxoxoxoxoxo"},
        {"K": "X...X...X...X...", "t": "..x...x...x...x."},
    ), 3: ({"K": "X...........", "t": "....x...x...", "s": "x.x.x.x.x.x."},),
       6: ({"K": "X.....x.....", "t": "......X.....", "s": "x.x.x.x.x.x."},)},
    "country": {4: (
        {"K": "X...x...X...x...", "S": "..X...X...X...X.", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X.......X.......", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X...x...X...x...", "S": "o.Xoo.Xoo.Xoo.Xo"},
    ), 2: ({"K": "X...x...", "S": "..X...X."},)},
    "celtic": {6: (
        {"K": "X.....x.....", "t": "x.o.o.x.o.o."},
        {"1": "X...o.x...o.", "s": "x.x.x.x.x.x."},
    ), 4: ({"K": "X.......x.......", "1": "X..x..x.X..x..x.", "s": "x.x.x.x.x.x.x.x."},)},
    "latin": {4: (
        {"K": "X..x..x.X..x..x.", "g": "......x.......xx", "G": "..x...x...x...x.", "w": "x..x..x...x.x...", "m": "xxxxxxxxxxxxxxxx"},
        {"K": "X..x....X..x....", "r": "x..x..x...x.x...", "c": "x...x.x.x...x.x.", "G": "..xx....x.xx...."},
        {"K": "X...X...X...X...", "S": "...x..x....x..x.", "H": "x.x.x.x.x.x.x.x."},
    )},
    "dnb": {4: (
        {"K": "X.........x.....", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X.x.......x.....", "S": "....X..o.o..X...", "H": "xxxxxxxxxxxxxxxx"},
        {"K": "X.........x..x..", "S": "....X..o....X..o", "R": "x.x.x.x.x.x.x.x."},
    )},
    "synthwave": {4: (
        {"K": "X...X...X...X...", "S": "....X.......X...", "H": "x.x.x.x.x.x.x.x."},
        {"K": "X.......X.......", "S": "....X.......X...", "H": "xxxxxxxxxxxxxxxx", "3": "..............x."},
        {"K": "X.....x.X.......", "S": "....X.......X...", "O": "..x...x...x...x."},
    )},
    "march": {4: ({"K": "X...x...X...x...", "S": "X.xxX.xxX.xxX.x.", "t": "....x.......x..."},),
              2: ({"K": "X...x...", "S": "..X...Xx"}, {"K": "X.......", "S": "X.xxX.x."})},
    "waltz": {3: (
        {"K": "X...........", "S": "....o...o...", "P": "....x...x..."},
        {"K": "X...........", "R": "x...x.x.x...", "P": "....x...x..."},
        {"K": "X...........", "r": "....x...x...", "T": "x..........."},
    )},
    "none": {4: ({},)},
}  # fmt: skip

PLAIN_GROOVES: dict[int, tuple[dict[str, str], ...]] = {
    4: ({"K": "X.......x.......", "S": "....x.......x...", "R": "x...x...x...x..."},),
    2: ({"K": "X.....x.", "S": "....X...", "H": "x.x.x.x."}, {"K": "X...x...", "S": "..X...X."}),
    3: ({"K": "X.......x...", "S": "....X...X...", "H": "x.x.x.x.x.x."}, {"K": "X...........", "S": "....x...x...", "R": "x...x.x.x..."}),
    6: ({"K": "X.....x...x.", "S": "......X.....", "H": "x.x.x.x.x.x."}, {"K": "X...x.......", "S": "......X.....", "R": "x.x.x.x.x.x."}),
}  # fmt: skip
"""For a style that has no pattern in the metre asked for."""


def grooves(name: str, meter: int) -> tuple[dict[str, str], ...]:
    """Drum patterns of a groove in a metre; a plain one where the style has none."""
    table = GROOVES[name]
    if name == "none":
        return table[4]
    return table.get(meter) or PLAIN_GROOVES[meter]


# --- Styles ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """One genre: what the grammar writes from and what the band plays with."""

    name: str
    words: tuple[str, ...]
    """Words in a caption that name it, most specific first."""
    bpm: tuple[int, int]
    meters: tuple[int, ...]
    """Metres to choose from; repeated for weight."""
    minor: float
    """Chance of a minor key."""
    form: str
    harmony: str
    density: float
    """How many of the melody's places are played, 0–1."""
    grooves: tuple[str, ...]
    kits: tuple[int, ...]
    """Drum kits by General MIDI program of bank 128."""
    bass: tuple[str, ...]
    basses: tuple[int, ...]
    comps: tuple[tuple[str, tuple[int, ...]], ...]
    """Accompaniment figures, each with the instruments that may play it."""
    leads: tuple[int, ...]
    pads: tuple[int, ...]
    moods: tuple[str, ...]
    counters: tuple[int, ...] = ()
    pentatonic: float = 0.3
    """Chance that the melody keeps to five notes."""
    swing: float = 0.5
    swing_unit: Literal[8, 16] = 8
    voices: tuple[int, ...] = ()
    """Backing voices, as programs."""
    pump: bool = False
    """Whether the kick ducks the band."""
    fx: tuple[str, ...] = ()
    drive: float = 0.0
    """Saturation of the mix, 0–1."""


_STYLES = (
    Style("pop", ("indie pop", "dance pop", "teen pop", "pop song", "k-pop", "pop"), (88, 128), (4, 4, 4, 4, 4, 6, 3),
          0.3, "song", "pop", 0.5, ("pop",), (0, 8, 25), ("eighth", "sync", "root", "octave"), (FINGER, SYNTH_BASS, PICK),
          (("block8", (PIANO, RHODES)), ("arp8", (CLEAN, PIANO)), ("block4", (PIANO, RHODES, POLYSYNTH)), ("strum", (STEEL, CLEAN)), ("stab", (POLYSYNTH, BRIGHT))),
          (SAW, SQUARE, PIANO, CLEAN, GLOCK, CALLIOPE), (STRINGS, WARM, SYNTH_STRINGS, NEW_AGE),
          ("catchy", "bright", "uplifting", "feel-good", "radio-friendly", "romantic"), (STRINGS, GLOCK, CLEAN),
          voices=(AAHS, OOHS), fx=("riser",)),
    Style("rock", ("classic rock", "hard rock", "indie rock", "alternative rock", "arena rock", "grunge", "rock"), (100, 152), (4, 4, 4, 4, 4, 4, 3, 6),
          0.4, "song", "rock", 0.45, ("rock",), (0, 8, 16), ("eighth", "root5", "sync"), (PICK, FINGER),
          (("power8", (OVERDRIVE, DISTORTION)), ("strum", (CLEAN, OVERDRIVE)), ("power4", (DISTORTION,))),
          (OVERDRIVE, DISTORTION, ROCK_ORGAN, HARMONICA), (DRAWBAR, ROCK_ORGAN, STRINGS),
          ("energetic", "driving", "gritty", "anthemic", "raw", "rebellious"), (CLEAN, OVERDRIVE, ROCK_ORGAN), 0.6, voices=(AAHS,), drive=0.3),
    Style("punk", ("pop punk", "punk rock", "skate punk", "punk"), (150, 180), (4,), 0.3, "song", "rock", 0.5, ("punk",), (0, 16),
          ("eighth",), (PICK,), (("power8", (DISTORTION, OVERDRIVE)),), (DISTORTION, OVERDRIVE), (),
          ("fast", "rebellious", "energetic", "raw", "snotty"), (OVERDRIVE,), 0.5, drive=0.5),
    Style("metal", ("heavy metal", "thrash metal", "death metal", "power metal", "metalcore", "metal"), (120, 178), (4, 4, 4, 6), 0.95, "song", "metal", 0.5,
          ("metal",), (16, 0), ("sixteenth", "eighth"), (PICK,), (("chug", (DISTORTION,)), ("power16", (DISTORTION,)), ("power8", (DISTORTION,))),
          (DISTORTION, OVERDRIVE, VIOLIN), (STRINGS, AAHS), ("heavy", "aggressive", "dark", "epic", "brutal"), (DISTORTION,), 0.2,
          voices=(AAHS,), drive=0.6),
    Style("house", ("deep house", "tech house", "progressive house", "house music", "edm", "dance music", "club", "house"), (116, 132), (4,), 0.65, "club", "house", 0.4,
          ("house",), (24, 25), ("offbeat", "sync", "octave"), (SYNTH_BASS, SYNTH_BASS_2), (("housestab", (POLYSYNTH, RHODES, PIANO)), ("arp16", (SAW, SQUARE)), ("housestab", (BRIGHT, DRAWBAR))),
          (SAW, SQUARE, PIANO, VIBES), (WARM, SYNTH_STRINGS, SWEEP, HALO), ("groovy", "hypnotic", "euphoric", "late-night", "uplifting"),
          (SAW, CALLIOPE), 0.5, pump=True, fx=("riser", "impact")),
    Style("techno", ("minimal techno", "acid techno", "trance", "rave", "techno"), (124, 144), (4,), 0.9, "club", "house", 0.35, ("techno",), (24, 25),
          ("offbeat", "sixteenth"), (SYNTH_BASS, SYNTH_BASS_2), (("arp16", (SAW, SQUARE, POLYSYNTH)), ("housestab", (POLYSYNTH, SAW))), (SAW, SQUARE, FIFTHS),
          (SWEEP, WARM, HALO), ("hypnotic", "dark", "driving", "industrial", "relentless"), (SQUARE,), 0.6, pump=True, fx=("riser", "impact"), drive=0.4),
    Style("disco", ("nu-disco", "italo disco", "disco"), (108, 126), (4,), 0.5, "song", "soul", 0.5, ("disco",), (0, 8), ("octave", "funk"), (FINGER, SLAP, SYNTH_BASS),
          (("funkstab", (CLEAN, MUTED)), ("block8", (RHODES, PIANO)), ("stab", (PIANO, CLAV))), (STRINGS, TRUMPET, FLUTE, SAW), (STRINGS, SYNTH_STRINGS),
          ("glittering", "groovy", "danceable", "feel-good", "retro"), (BRASS, STRINGS), 0.3, voices=(AAHS, OOHS)),
    Style("lofi", ("lo-fi hip hop", "lofi hip hop", "chilled hip hop", "chill hip hop", "chillhop", "lo-fi", "lofi", "study beats", "to study to", "study"), (68, 92), (4,),
          0.55, "loop", "lofi", 0.35, ("boombap",), (0, 8, 25), ("sync", "root"), (FINGER, SYNTH_BASS_2, UPRIGHT), (("block2", (RHODES, PIANO, DX)), ("arp8", (NYLON, VIBES, JAZZ_GTR)), ("charleston", (RHODES, JAZZ_GTR))),
          (FLUTE, PIANO, VIBES, ALTO_SAX, KALIMBA, JAZZ_GTR), (WARM, NEW_AGE), ("chill", "mellow", "nostalgic", "relaxed", "rainy-day", "cozy"), (VIBES, CLEAN), 0.6,
          swing=0.58, swing_unit=16, fx=("vinyl",)),
    Style("hip hop", ("boom bap", "old school hip hop", "gangsta rap", "hip-hop", "hip hop", "hiphop", "rap"), (80, 104), (4,), 0.7, "loop", "lofi", 0.4, ("boombap",), (0, 25, 8),
          ("sync", "root"), (SYNTH_BASS_2, FINGER, UPRIGHT), (("block2", (RHODES, PIANO)), ("stab", (CLAV, PIZZICATO, BRASS)), ("arp8", (PIANO, HARP, CELESTA))), (TRUMPET, FLUTE, PIANO, SAW),
          (STRINGS, WARM), ("laid-back", "gritty", "streetwise", "head-nodding", "confident"), (STRINGS, MUTED_TRUMPET), 0.7, swing=0.56, swing_unit=16, fx=("vinyl",)),
    Style("trap", ("trap beat", "trap soul", "drill", "trap"), (65, 85), (4,), 0.95, "loop", "trap", 0.4, ("trap",), (25, 24), ("eightoheight", "root"), (SYNTH_BASS_2,),
          (("arp8", (MUSICBOX, PIANO, CELESTA, HARP)), ("block2", (PIANO, AAHS)), ("arp16", (SQUARE, GLOCK))), (FLUTE, SAW, GLOCK, PIANO), (AAHS, WARM, SLOW_STRINGS),
          ("dark", "menacing", "moody", "hard-hitting", "atmospheric"), (GLOCK, STRINGS), 0.5, fx=("impact",), drive=0.3),
    Style("jazz", ("smooth jazz", "bebop", "swing jazz", "big band", "cool jazz", "jazz trio", "jazz"), (96, 180), (4, 4, 4, 4, 3), 0.4, "jazz", "jazz", 0.55, ("swing", "brushes"),
          (32, 40, 0), ("walk",), (UPRIGHT,), (("charleston", (PIANO, JAZZ_GTR)), ("comping", (PIANO, JAZZ_GTR, VIBES)), ("freddie", (JAZZ_GTR,))),
          (TENOR_SAX, TRUMPET, VIBES, CLARINET, ALTO_SAX, PIANO, MUTED_TRUMPET, JAZZ_GTR), (), ("sophisticated", "smoky", "swinging", "late-night", "cool"),
          (TROMBONE, TENOR_SAX), 0.05, swing=0.64),
    Style("bossa nova", ("bossa nova", "bossa", "samba", "brazilian"), (108, 144), (4,), 0.4, "jazz", "bossa", 0.45, ("bossa",), (0, 40), ("bossa",), (UPRIGHT, FINGER, FRETLESS),
          (("bossacomp", (NYLON,)), ("bossacomp", (PIANO, RHODES))), (FLUTE, TENOR_SAX, NYLON, CLARINET, PIANO), (STRINGS, OOHS), ("breezy", "warm", "gentle", "sunny", "sensual"),
          (FLUTE, STRINGS), 0.1, voices=(OOHS,)),
    Style("latin", ("salsa", "cumbia", "reggaeton", "mambo", "cha-cha", "latin"), (88, 128), (4, 4, 4, 2), 0.7, "song", "latin", 0.5, ("latin",), (0, 8), ("tumbao", "sync"), (UPRIGHT, FINGER),
          (("montuno", (PIANO, BRIGHT)), ("strum", (NYLON,)), ("stab", (BRASS, PIANO))), (TRUMPET, NYLON, FLUTE, ACCORDION, TROMBONE), (BRASS, STRINGS),
          ("fiery", "passionate", "festive", "danceable", "sultry"), (BRASS, TROMBONE), 0.1),
    Style("reggae", ("roots reggae", "dub", "ska", "reggae"), (66, 92), (4,), 0.4, "song", "reggae", 0.4, ("reggae",), (0, 8), ("dub", "sync"), (FINGER, SYNTH_BASS_2), (("skank", (CLEAN, MUTED)), ("skank", (DRAWBAR, PIANO)), ("bubble", (DRAWBAR,))),
          (TROMBONE, TRUMPET, DRAWBAR, HARMONICA, TENOR_SAX), (DRAWBAR,), ("laid-back", "sunny", "positive", "relaxed", "island"), (BRASS, DRAWBAR), 0.5, voices=(OOHS,)),
    Style("funk", ("funk rock", "p-funk", "funky", "funk"), (92, 120), (4,), 0.6, "song", "funk", 0.5, ("funk",), (0, 8), ("funk", "slap"), (SLAP, FINGER), (("funkstab", (MUTED, CLEAN)), ("stab", (CLAV, RHODES, DRAWBAR)), ("funk16", (CLAV, MUTED))),
          (TRUMPET, TENOR_SAX, SAW, DRAWBAR, BRASS), (BRASS,), ("groovy", "tight", "playful", "danceable", "sassy"), (BRASS, TENOR_SAX), 0.6, voices=(AAHS,)),
    Style("soul", ("neo soul", "rhythm and blues", "motown", "r&b", "rnb", "gospel", "soul"), (66, 108), (4, 4, 4, 6), 0.4, "song", "soul", 0.45, ("soul",), (0, 8), ("sync", "funk", "root"), (FINGER, FRETLESS),
          (("block2", (RHODES, DRAWBAR)), ("arp8", (CLEAN, RHODES)), ("block4", (PIANO, RHODES))), (TENOR_SAX, ALTO_SAX, TRUMPET, RHODES, CLEAN), (STRINGS, DRAWBAR, WARM),
          ("soulful", "smooth", "warm", "intimate", "heartfelt"), (BRASS, STRINGS), 0.5, voices=(AAHS, OOHS), swing=0.54, swing_unit=16),
    Style("blues", ("chicago blues", "delta blues", "blues rock", "blues"), (66, 126), (4, 4, 4, 6), 0.3, "jazz", "blues", 0.45, ("shuffle",), (0, 8), ("walk", "shuffle"), (FINGER, UPRIGHT), (("shuffle", (OVERDRIVE, CLEAN)), ("block4", (PIANO, DRAWBAR)), ("charleston", (PIANO, CLEAN))),
          (OVERDRIVE, HARMONICA, CLEAN, TENOR_SAX, PIANO), (DRAWBAR,), ("gritty", "soulful", "smoky", "melancholic", "raw"), (DRAWBAR, HARMONICA), 0.9, swing=0.66, drive=0.2),
    Style("ballad", ("piano ballad", "power ballad", "love song", "slow song", "ballad"), (60, 82), (4, 4, 4, 6, 3), 0.35, "song", "pop", 0.35, ("ballad",), (0, 8, 40), ("root", "root5"), (FINGER, FRETLESS),
          (("arp8", (PIANO, STEEL, NYLON)), ("block4", (PIANO, RHODES)), ("arp8", (HARP, PIANO))), (VIOLIN, OBOE, PIANO, ALTO_SAX, CELLO, FLUTE), (STRINGS, SLOW_STRINGS, WARM),
          ("emotional", "tender", "heartfelt", "melancholic", "romantic"), (CELLO, HORN, VIOLIN), 0.2, voices=(AAHS, OOHS)),
    Style("folk", ("indie folk", "singer-songwriter", "acoustic folk", "americana", "acoustic", "folk"), (80, 128), (4, 4, 4, 3, 6), 0.25, "song", "folk", 0.45, ("folk", "none"), (0, 40), ("root5", "root"), (UPRIGHT, FINGER),
          (("strum", (STEEL, NYLON)), ("travis", (STEEL, NYLON)), ("arp16", (BANJO, STEEL))), (HARMONICA, FIDDLE, FLUTE, ACCORDION, STEEL, WHISTLE), (STRINGS, ACCORDION),
          ("warm", "rustic", "intimate", "wistful", "earthy"), (FIDDLE, CELLO), 0.5, voices=(OOHS,)),
    Style("country", ("bluegrass", "honky tonk", "country rock", "nashville", "country"), (92, 148), (4, 4, 4, 2, 3), 0.12, "song", "country", 0.5, ("country",), (0, 8), ("root5", "walk"), (UPRIGHT, FINGER), (("boomchuck", (STEEL,)), ("strum", (STEEL,)), ("arp16", (BANJO,))),
          (FIDDLE, HARMONICA, CLEAN, BANJO, STEEL), (DRAWBAR, STRINGS), ("twangy", "heartfelt", "down-home", "cheerful", "wistful"), (FIDDLE, BANJO), 0.6, voices=(OOHS,)),
    Style("celtic", ("irish", "scottish", "celtic folk", "jig", "reel", "celtic"), (88, 124), (6, 6, 6, 4), 0.5, "song", "celtic", 0.75, ("celtic", "none"), (0,), ("root5", "root"), (UPRIGHT, FRETLESS), (("strum", (STEEL, NYLON)), ("arp8", (HARP, STEEL))),
          (WHISTLE, FIDDLE, FLUTE, BAGPIPE, ACCORDION), (STRINGS, BAGPIPE), ("lively", "traditional", "rustic", "spirited", "misty"), (FIDDLE, HARP), 0.2),
    Style("waltz", ("viennese waltz", "waltz", "musette"), (84, 168), (3,), 0.4, "classical", "waltz", 0.5, ("waltz", "none"), (40, 48), ("oompah",), (UPRIGHT, CONTRABASS), (("oompah", (STRINGS, PIANO, ACCORDION, HARP)), ("arp8", (HARP, PIANO))),
          (VIOLIN, CLARINET, FLUTE, ACCORDION, PIANO, OBOE), (STRINGS,), ("elegant", "graceful", "nostalgic", "romantic", "whirling"), (CELLO, HORN), 0.05),
    Style("march", ("marching band", "military march", "polka", "ragtime", "march"), (100, 132), (2, 2, 4), 0.2, "classical", "country", 0.55, ("march",), (0, 48), ("oompah", "root5"), (TUBA, UPRIGHT), (("oompah", (BRASS, ACCORDION, PIANO)), ("stab", (HORN, BRASS))),
          (TRUMPET, CLARINET, FLUTE, TROMBONE, ACCORDION), (BRASS,), ("festive", "proud", "jaunty", "cheerful", "old-time"), (TROMBONE, HORN), 0.1),
    Style("orchestral", ("film score", "symphonic", "cinematic", "orchestra", "epic", "soundtrack", "trailer", "orchestral"), (62, 140), (4, 4, 4, 3, 6), 0.6, "classical", "cinematic", 0.4, ("none", "march"), (48,), ("root", "ostinato"), (CONTRABASS, CELLO),
          (("pad", (STRINGS, SLOW_STRINGS)), ("ostinato", (STRINGS, PIZZICATO)), ("arp8", (HARP, PIANO)), ("block8", (PIZZICATO, STRINGS))), (VIOLIN, HORN, TRUMPET, OBOE, FLUTE, CELLO), (STRINGS, AAHS, SLOW_STRINGS, HORN),
          ("epic", "dramatic", "sweeping", "heroic", "mysterious", "majestic"), (HORN, CELLO, TROMBONE), 0.1, voices=(AAHS,), fx=("impact",)),
    Style("classical", ("chamber music", "string quartet", "baroque", "solo piano", "piano sonata", "classical"), (60, 132), (4, 3, 2, 6), 0.45, "classical", "classical", 0.6, ("none",), (48,), ("root", "walk"), (CELLO, CONTRABASS, BASSOON),
          (("alberti", (PIANO, HARPSI, HARP)), ("ostinato", (STRINGS, PIZZICATO)), ("block4", (STRINGS, HARPSI))), (VIOLIN, PIANO, FLUTE, OBOE, CLARINET), (STRINGS,),
          ("elegant", "refined", "lyrical", "stately", "contemplative"), (VIOLA, CLARINET, BASSOON), 0.02),
    Style("synthwave", ("synth wave", "retrowave", "synthpop", "synth pop", "new wave", "80s", "eighties", "synthwave"), (80, 124), (4,), 0.75, "song", "synthwave", 0.45, ("synthwave",), (24, 25, 16), ("sixteenth", "octave", "eighth"), (SYNTH_BASS, SYNTH_BASS_2),
          (("arp16", (SAW, SQUARE, POLYSYNTH)), ("block4", (POLYSYNTH, SYNTH_BRASS)), ("stab", (SYNTH_BRASS, POLYSYNTH))), (SAW, SQUARE, CALLIOPE, SYNTH_BRASS), (SYNTH_STRINGS, WARM, SWEEP),
          ("nostalgic", "neon-lit", "driving", "dreamy", "retro"), (SQUARE, DX), 0.4, pump=True, fx=("riser",)),
    Style("drum and bass", ("liquid drum and bass", "drum and bass", "drum & bass", "drum n bass", "jungle", "breakbeat", "dnb"), (160, 178), (4,), 0.8, "club", "dnb", 0.35, ("dnb",), (0, 25, 24), ("reese", "sync"), (SYNTH_BASS_2, SYNTH_BASS),
          (("block2", (RHODES, WARM, POLYSYNTH)), ("arp16", (SAW, RHODES))), (SAW, FLUTE, PIANO, VIBES), (WARM, HALO, SWEEP, SYNTH_STRINGS), ("energetic", "atmospheric", "fast", "futuristic", "dark"),
          (VIBES, SQUARE), 0.6, fx=("riser", "impact"), drive=0.3),
    Style("ambient", ("ambient drone", "new age", "meditation", "soundscape", "sleep", "ethereal", "ambient"), (60, 84), (4, 4, 3), 0.4, "ambient", "ambient", 0.2, ("none",), (0,), ("drone",), (WARM, SYNTH_BASS_2, FRETLESS), (("pad", (WARM, NEW_AGE, BOWED, HALO)), ("arp8", (HARP, RHODES, KALIMBA, CELESTA)), ("pad", (SLOW_STRINGS, SWEEP))),
          (PAN_FLUTE, PIANO, VIBES, CALLIOPE, CELLO, FLUTE), (WARM, NEW_AGE, HALO, SWEEP, BOWED), ("calm", "dreamy", "spacious", "meditative", "floating"), (VIBES, AAHS), 0.6, voices=(OOHS, AAHS)),
)  # fmt: skip

STYLES: dict[str, Style] = {style.name: style for style in _STYLES}


@dataclass(frozen=True)
class _Name:
    """A naming phrase in a caption."""

    length: int
    place: int
    style: str
    firm: bool
    """Whether it settles the style by itself."""


@cache
def _names() -> dict[hints.Words, tuple[str, int, bool]]:
    """Style, length in letters and firmness of every naming phrase, also with the plural's or an adjective's ending.

    Such an ending makes a single word less than a name: jazzy chords do not make it jazz.
    """
    table: dict[hints.Words, tuple[str, int, bool]] = {}
    for style in _STYLES:
        for phrase in style.words:
            words = hints.words_of(phrase)
            table[words] = (style.name, len(phrase), words not in hints.loose_names())
    for words, (name, length, firm) in list(table.items()):
        for ending in ("s", "es", "y"):
            table.setdefault((*words[:-1], words[-1] + ending), (name, length, firm and len(words) > 1))
    return table


@cache
def _decoys() -> frozenset[hints.Words]:
    return hints.phrases_around(_names())


def _named(words: hints.Words) -> Iterator[_Name]:
    """The naming phrases among a caption's words, unless they are within a longer phrase that names nothing."""
    names, decoys = _names(), _decoys()
    spans = [(at, end) for at in range(len(words)) for end in range(min(len(words), at + hints.LONGEST), at, -1)]
    stems = tuple(map(hints.stem, words))
    empty = [(at, end) for at, end in spans if stems[at:end] in decoys]
    reached = 0
    for at, end in spans:
        if at < reached or words[at:end] not in names:
            continue
        reached = end
        if not any(a <= at and end <= b and b - a > end - at for a, b in empty):
            name, length, firm = names[words[at:end]]
            yield _Name(length, at, name, firm)


@cache
def telling(style: Style) -> tuple[hints.Hint, ...]:
    """The hints that alone would lead to a style, without a word that names one."""
    names = _names()
    return tuple(
        hint
        for hint in hints.hints_of(style.name)
        if hint.strength >= 2
        and style_of(hint.text, Random(0)) is style
        and not any(part in names for part in hints.parts(hints.words_of(hint.text)))
    )


_LOOSE_WEIGHT = 4
"""What a name that may mean something else is worth, in strengths of hints."""


def style_of(caption: str, rng: Random) -> Style:
    """The style that a caption names or, if it names none, suggests; a pop, rock or folk song if it does neither."""
    return suggested_style(caption) or STYLES[rng.choice(("pop", "pop", "rock", "folk"))]


def suggested_style(caption: str) -> Style | None:
    """The style that a caption names or suggests; None if it does neither.

    Of several names the longest wins, then the earliest. Names that may mean something else ("orchestra", "80s",
    "jungle") are weighed with the hints of all styles, and with tempo and metre if the caption states them.
    """
    words = hints.words_of(caption)
    named = sorted(_named(words), key=lambda name: (-name.length, name.place))
    firm = next((name for name in named if name.firm), None)
    if firm:
        return STYLES[firm.style]
    scores: dict[str, float] = {}
    first: dict[str, int] = {}
    for name in reversed(named):
        scores[name.style] = _LOOSE_WEIGHT
        first[name.style] = name.place - len(words)  # a name goes before a hint
    for clue in hints.clues(words):
        for style, strength in clue.strengths.items():
            scores[style] = scores.get(style, 0) + strength
            first.setdefault(style, clue.place)
    if not scores:
        return None
    for style in scores:
        scores[style] += _fit(STYLES[style], caption)
    return STYLES[min(scores, key=lambda style: (-scores[style], first[style]))]


_SLOW, _FAST = (
    re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE) for words in (hints.SLOW_WORDS, hints.FAST_WORDS)
)


def _fit(style: Style, caption: str) -> float:
    """How well what a caption states of tempo, metre and pace suits a style, in strengths of hints."""
    fit = 0.0
    low, high = style.bpm
    bpm, meter = hints.stated_bpm(caption), hints.stated_meter(caption)
    if bpm is not None:
        fit += 2 if low <= bpm <= high else 0 if 0.9 * low <= bpm <= 1.1 * high else -2
    if meter not in (None, 4):
        fit += 3 * style.meters.count(meter) / len(style.meters) if meter in style.meters else -2
    if _SLOW.search(caption):
        fit += 0.5 if low + high < 200 else -1 if low > 120 else 0
    if _FAST.search(caption):
        fit += 0.5 if high >= 144 else -1 if high < 105 else 0
    return fit
