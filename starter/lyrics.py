"""Lyrics by the yard: clauses with rhyming ends, sized to be sung, so that the singer meets many words in many orders.

Not poetry. Each line is a clause and an adverbial from a rhyme group; couplets share the group, choruses come back to
their first line. A few thousand words in plain English, so that what is sung can be checked by ear or by machine.
"""

import re
from collections.abc import Sequence
from random import Random

from melisma.score.words import words_of

_CLAUSES = (
    "I am {ing}", "we keep on {ing}", "you were {ing}", "the {n} is {ing}", "I will {v} you", "never stop {ing}", "we are {ing}",
    "I can {v} the {n}", "you can {v} me", "take me to the {n}", "every {n} is {ing}", "there is a {a} {n}", "I saw a {a} {n}",
    "hold me like a {n}", "I {v} the {a} {n}", "let the {n} go on", "we will {v} the {n}", "say that you {v} me", "tell me why you're {ing}",
    "all I ever {v} is you", "I was only {ing}", "nobody can {v} us", "the {a} {n} was {ing}", "my {n} is {a}", "your {n} is {a} and {a}",
    "I don't want to {v} you", "can you {v} my {n}", "if you {v} me", "when the {n} is {a}", "and I keep {ing}", "maybe we can {v} it",
    "come and {v} me", "I wanna {v} you", "here we are, {ing}", "the {n} and the {n} are {ing}", "you and I are {ing}", "let me {v} you",
    "give me one more {n}", "I have been {ing}", "this {a} {n} is ours", "we could be {ing}", "no more {a} {n}s", "I remember {ing}",
    "she was {ing}", "he was {ing}", "they keep {ing}", "oh, the {a} {n}", "my love is a {a} {n}", "somebody is {ing}", "don't you {v} the {n}",
    "the {n} will {v} us", "we found a {n}", "I left my {n}", "there goes the {n}", "I'm {ing} with you", "you're {ing} for me",
)  # fmt: skip
_NOUNS = (
    "river night morning city mountain ocean summer winter shadow garden window highway memory fire thunder island diamond promise "
    "dreamer stranger mirror heart road sky star storm wind light world song home door train sea moon sun dream voice hand fire "
    "flower feather candle letter picture harbor valley meadow desert forest ship bridge street corner station radio guitar drum "
    "dancer sailor soldier angel ghost wolf bird horse lion tiger butterfly rainbow raindrop sunrise sunset midnight moment secret "
    "treasure castle tower kingdom battle hero wonder miracle reason question answer story chapter whisper echo silence heartbeat"
)
_ADJECTIVES = (
    "golden silver lonely broken gentle hidden burning frozen endless quiet bright cold wild sweet blue young old long deep lost "
    "happy empty heavy tender sacred simple perfect crazy fearless restless hopeful faded crimson velvet electric distant little "
    "beautiful dangerous wonderful forgotten"
)
_DOING = (
    "dancing waiting falling running singing dreaming flying calling turning shining walking breathing burning waking drifting "
    "crying laughing hiding looking fighting climbing driving swimming sailing searching reaching learning playing moving growing "
    "fading holding rolling wandering whispering remembering believing"
)
_VERBS = (
    "hold find leave love call follow remember carry feel see need know hear believe want take touch keep lose save miss forget "
    "change break build paint chase catch wake teach tell kiss meet free"
)
_ENDS = {
    "ight": "tonight|through the night|in the light|out of sight|burning bright|till the morning light|holding tight|and it feels right",
    "ay": "every day|far away|come what may|all the way|anyway|on a summer day|and I want to stay|like yesterday",
    "o": "down below|in the snow|don't let go|where the rivers flow|long ago|soft and slow|I want you to know|everywhere I go",
    "ee": "by the sea|you and me|wild and free|naturally|under the tree|endlessly|as far as I can see|what will be",
    "ound": "on the ground|all around|without a sound|lost and found|upside down|round and round|homeward bound",
    "ire": "in the fire|higher and higher|with desire|on the wire",
    "all": "after all|in the fall|standing tall|over it all|when you call|beyond the wall",
    "ine": "in the sunshine|one more time|all the time|and you are mine|like red wine|on the borderline|by design",
    "ain": "in the rain|once again|on the midnight train|through the pain|down the lane",
    "art": "from the start|in my heart|when we're apart|like a work of art|in the dark",
    "oo": "just for you|out of the blue|and it's true|the whole night through|me and you|all we do",
    "ome": "all alone|on my own|coming home|like a rolling stone|to the telephone|into the unknown",
    "ew": "like we always do|I'm over you|under skies of blue|starting anew",
    "ong": "all along|in a song|right or wrong|where I belong|all night long|growing strong",
    "ime": "before my eyes|under open skies|no more goodbyes|as the sun will rise|no more alibis",
}
_HOOKS = ("oh oh oh", "la la la la la", "hey, hey", "oh yeah", "na na na na", "ooh, ooh", "yeah, yeah, yeah", "whoa oh")

_WORDS = {"n": _NOUNS.split(), "a": _ADJECTIVES.split(), "ing": _DOING.split(), "v": _VERBS.split()}


def syllables_in(line: str) -> int:
    """How many syllables a line has."""
    return sum(len(word.syllables) for word in words_of(line))


def line(rng: Random, rhyme: str, fewest: int, most: int) -> str:
    """A line of `fewest` to `most` syllables that ends on a rhyme group; the nearest of many tries."""
    best, miss = "", 99
    for _ in range(60):
        clause = re.sub(r"{(\w+)}", lambda slot: rng.choice(_WORDS[slot.group(1)]), rng.choice(_CLAUSES))
        end = rng.choice(_ENDS[rhyme].split("|"))
        text = re.sub(
            r"\ba (?=[aeiou])", "an ", rng.choice((f"{clause} {end}", f"{clause} {end}", f"{clause}, {end}", clause))
        )
        n = syllables_in(text)
        off = max(fewest - n, n - most, 0)
        if off < miss:
            best, miss = text, off
        if not off:
            break
    return best[0].upper() + best[1:]


def verse(rng: Random, lines: int, fewest: int, most: int) -> list[str]:
    """Lines in rhyming couplets."""
    out: list[str] = []
    while len(out) < lines:
        rhyme = rng.choice(sorted(_ENDS))
        out += [line(rng, rhyme, fewest, most) for _ in range(min(2, lines - len(out)))]
    return out


def chorus(rng: Random, lines: int, fewest: int, most: int) -> list[str]:
    """A chorus: its first line returns, and now and then a line of la la la."""
    out = verse(rng, lines, fewest, most)
    if lines >= 3:
        out[2] = out[0]
    if lines >= 2 and rng.random() < 0.25:
        out[1 if lines < 4 else 3] = rng.choice(_HOOKS).capitalize()
    return out


def lyrics(rng: Random, sections: Sequence[tuple[str, int]], fewest: int = 5, most: int = 11) -> str:
    """Lyrics for sections given as (tag, number of lines); 0 lines leave a section to the instruments."""
    blocks = []
    refrain: list[str] | None = None
    for tag, count in sections:
        if tag == "chorus" and count:
            if refrain is None or len(refrain) < count:
                refrain = chorus(rng, count, fewest, most)
            block = refrain[:count]
        else:
            block = verse(rng, count, fewest, most)
        blocks.append("\n".join([f"[{tag}]", *block]))
    return "\n\n".join(blocks)
