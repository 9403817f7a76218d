"""A stand-in for the network that wants to write a given text."""

from collections.abc import Sequence

import torch
from torch import Tensor

from melisma.models.planner import Candidates, Vocabulary


class Scripted:
    """Expects the next token of `text` wherever what was written so far is its beginning; else everything alike."""

    def __init__(self, vocabulary: Vocabulary, texts: Sequence[str]) -> None:
        self.vocabulary = vocabulary
        self.context = 8192
        self.texts = list(texts)
        self.opened: list[list[str]] = []

    def open(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> "ScriptedReader":
        self.opened.append([self.vocabulary.decode(prompt) for prompt in prompts])
        return ScriptedReader(self.vocabulary, self.texts.pop(0), len(prompts) * copies)


class ScriptedReader:
    def __init__(self, vocabulary: Vocabulary, text: str, sequences: int) -> None:
        self.sequences = sequences
        self.vocabulary = vocabulary
        self.wanted = marked_ids(vocabulary, text)
        self.read_so_far: list[int] = []
        self.newline = vocabulary.encode("\n")[0]

    def read(self, tokens: Tensor) -> None:
        self.read_so_far += tokens[0].tolist()

    def logits(self, candidates: Candidates) -> Tensor:
        done = len(self.read_so_far)
        on_script = self.wanted[:done] == self.read_so_far and done < len(self.wanted)
        # off the script it wants the line to end, so that a test does
        wanted = self.wanted[done] if on_script else self.newline
        ids = (
            torch.arange(candidates.start, candidates.stop)
            if isinstance(candidates, slice)
            else torch.tensor(candidates)
        )
        return (10.0 * (ids == wanted)).expand(self.sequences, -1)


def marked_ids(vocabulary: Vocabulary, text: str) -> list[int]:
    """Ids of a text in which marks are meant as marks."""
    ids: list[int] = []
    while text:
        places = {mark: text.find(mark) for mark in (*vocabulary.marks, *codes_in(text)) if mark in text}
        mark = min(places, key=lambda m: (places[m], -len(m)), default="")
        words, mark, text = text.partition(mark) if mark else (text, "", "")
        ids += vocabulary.encode(words)
        if mark:
            code = mark.removeprefix("<|audio_code_").removesuffix("|>")
            ids.append(vocabulary.marks[mark] if mark in vocabulary.marks else vocabulary.first_code + int(code))
    return ids


def codes_in(text: str) -> set[str]:
    return {f"<|audio_code_{part.partition('|>')[0]}|>" for part in text.split("<|audio_code_")[1:]}
