"""What the language model of listener-mini is taught with: the phrase book's turns, exercises and drills, as token batches."""

import dataclasses
import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import clips as clip_data
import numpy as np
import torch

from mdialog import brief as briefs
from mdialog import claims, happenings, question, vocab
from mdialog.attributes import to_query
from mdialog.exam import LIST_TASK
from mdialog.synth import artists, phrases, questions
from mdialog.synth import happenings as synth_happenings
from mdialog.synth.briefs import random_name
from mdialog.synth.labels import ClipEvents, ClipLabels

VOCAB_SIZE = 3000
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
AUDIO_TOKENS = 125  # for ten seconds
FACT_WEIGHT = 4.0  # of the words that say something audible: few, and all that listening is about

# Exercises beside the phrase book, each a way to say many facts densely, so that listening and copying are learned in
# minutes: name every label of the clip (LIST_TASK), or every sound with its times; repeat the names of the brief.
REPEAT_TASK = "repeat the names"
EVENTS_TASK = "list the sounds and their seconds"
SILENT = 0.4  # share of batches without sound
REPEATED = 0.4  # share of those exercises that repeat names
SEARCHED = 0.25  # share of exercises without sound that write a query
TOLD_EVENTS = 0.15  # share of exercises without sound about sound events, which stand in the brief as hints
ASKED_AS_IT = 0.5  # share of the questions about one sound that do not name it
SCENES = 0.4  # share of exercises with sound that are about sound events
TURNS = 4  # of talk about the same sound in one sequence: each is 60 tokens, the sound that they share 125
HINTED, HINTED_SILENT = 0.08, 0.85  # share of briefs about a clip that hold its labels as hints, with and without its sound


def build_tokenizer(texts: list[str], folder: Path):
    """A byte-level BPE of the phrase book's language."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import Qwen2Tokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=VOCAB_SIZE - len(SPECIAL), min_frequency=2, show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    for token in SPECIAL:
        vocabulary[token] = len(vocabulary)
    merges = [tuple(line.split()) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                               bos_token=None, unk_token="<|endoftext|>",
                               additional_special_tokens=list(SPECIAL[1:]))
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    return tokenizer


def heard_facts(labels: ClipLabels) -> list[str]:
    """Every label of a clip as a few words: the listing exercise's answer, and hints."""
    return [f"tempo {labels.tempo}", f"lead {labels.lead or 'none'}", "instruments " + ", ".join(labels.instruments),
             f"vocal {labels.vocal}", f"energy {labels.energy}", f"mode {labels.mode}", "mood " + ", ".join(labels.moods),
             f"genre {labels.genre}", f"metre {labels.metre}", f"key {labels.key}"]


def some_name(rng: random.Random) -> briefs.Name:
    """Names as the composer invents them, and of any other shape."""
    if rng.random() < 0.5:
        return briefs.Name(title=artists.random_title(rng), artist=artists.random_artist_name(rng))
    return random_name(rng)


def naming(rng: random.Random) -> Callable[[random.Random], briefs.Name]:
    """How the names of one brief are drawn: each anew, or all tracks of an artist or two, as many a search finds them."""
    few = [some_name(rng).artist for _ in range(rng.choice((1, 2)))] if rng.random() < 0.4 else []

    def names(rng: random.Random) -> briefs.Name:
        name = some_name(rng)
        return dataclasses.replace(name, artist=rng.choice(few)) if few else name

    return names


class Turn(NamedTuple):
    """What is asked, what is answered, and from where to where the answer states facts, which count more."""

    state: str
    answer: str
    facts: Sequence[tuple[int, int]]


def dense(state: str, answer: str) -> Turn:
    """A turn of which every word is a fact."""
    return Turn(state, answer, [(0, len(answer))])


@dataclasses.dataclass(frozen=True)
class Exercise:
    """What is asked and answered about the same sound, each without sight of the others.

    Parameters
    ----------
    rows : tuple of int
        The clips that are played; may be empty.
    turns : tuple of Turn
    """

    rows: tuple[int, ...]
    turns: tuple[Turn, ...]


def talk(rng: random.Random, data: clip_data.Clips, rows: tuple[int, ...], *, silent: bool = False) -> Turn:
    """A brief about these clips, and what the phrase book says to it. Hints stand in for the sound of `silent` ones."""
    labels = [data.labels[row] for row in rows]
    brief = phrases.random_brief(rng, len(rows), labels=labels, names=naming(rng))
    answer = phrases.say(brief, labels, rng)
    if labels and rng.random() < (HINTED_SILENT if silent else HINTED):
        facts = heard_facts(labels[-1])
        brief = dataclasses.replace(brief, hints=tuple(rng.sample(facts, len(facts))))
    return Turn(noted(brief, labels), answer, _facts(answer))


def noted(brief: briefs.Brief, clips: Sequence[ClipLabels | ClipEvents]) -> str:
    """The brief's state with what is to be noted before it is answered: the answers of drills."""
    value_of = synth_happenings.value_of if any(map(happenings.about_events, brief.asks)) else questions.value_of
    notes = [one.note(*([value_of(ask, clip) for ask in one.asks] for clip in clips[-2 if one.of_each else -1 :]))
             for one in question.questions(brief)]  # fmt: skip
    return question.with_notes(briefs.state(brief), notes)


def repeating(rng: random.Random) -> Turn | None:
    """The names of a random brief, to be repeated; None where it has none."""
    brief = phrases.random_brief(rng, rng.choice((0, 1, 2)), names=naming(rng))
    names = [*brief.offered, *brief.liked, *brief.refused, *([brief.about] if brief.about else [])]
    if not names:
        return None
    return Turn(REPEAT_TASK + "\n" + briefs.state(brief), "; ".join(dict.fromkeys(map(str, names))), [])


def searching(rng: random.Random) -> Turn:
    """A brief with a seeker's words, and the query that they come to."""
    asked = phrases.random_brief(rng, 0, role="user", intents=("add_filter",), names=naming(rng))
    if any(wish.value.startswith('"') for wish in asked.new):  # a title with its artist: no value of a query
        return searching(rng)
    said = phrases.say(asked, [], rng)
    heard = briefs.Brief(role="assistant", intents=("search",), template=asked.template, history=(("user", said),))
    return dense(briefs.state(heard), to_query(asked.new))


def without_sound(rng: random.Random, data: clip_data.Clips) -> Exercise:
    """One turn of talk, names to repeat, or wishes to turn into a query."""
    if rng.random() < SEARCHED:
        return Exercise((), (searching(rng),))
    repeated = repeating(rng) if rng.random() < REPEATED else None
    rows = tuple(rng.randrange(len(data)) for _ in range(rng.choices((0, 1, 2), weights=(2, 3, 1))[0]))
    return Exercise((), (repeated or talk(rng, data, rows, silent=True),))


def with_sound(rng: random.Random, data: clip_data.Clips) -> Exercise:
    """Turns of talk about a clip or two; what the clip is, listed."""
    rows = tuple(rng.randrange(len(data)) for _ in range(rng.choices((1, 2), weights=(2, 1))[0]))
    turns = [talk(rng, data, rows) for _ in range(TURNS)]
    labels = [data.labels[row] for row in rows]
    if len(rows) == 1:
        turns.append(dense(LIST_TASK, "; ".join(heard_facts(labels[0]))))
    return Exercise(rows, tuple(turns))


def told_events(rng: random.Random, scenes: clip_data.Clips) -> Exercise:
    """A question about sound events that are told in the brief, and its answer."""
    clip = rng.choice(scenes.labels)
    return Exercise((), (event_talk(rng, clip, hints=timed(clip).split("; ")),))


def with_events(rng: random.Random, scenes: clip_data.Clips) -> Exercise:
    """Questions about a clip of sound events and their answers; what sounds when, listed."""
    row = rng.randrange(len(scenes))
    clip = scenes.labels[row]
    turns = [event_talk(rng, clip) for _ in range(TURNS)]
    return Exercise((row,), (*turns, dense(EVENTS_TASK, timed(clip))))


def event_talk(rng: random.Random, clip: ClipEvents, hints: Sequence[str] = ()) -> Turn:
    """A question about sound events, or (mostly) its answer."""
    ask, role = happenings.draw_ask(rng, clip.events), "user" if rng.random() < 0.2 else "assistant"
    return question_talk(rng, ask, [clip], role=role, hints=hints)


def question_talk(
    rng: random.Random, ask: str, clips: Sequence[ClipLabels | ClipEvents], *, role: str = "assistant",
    hints: Sequence[str] = (),
) -> Turn:
    """A question about clips in the phrase book's words, or its answer."""
    intent = "item_attribute_question" if role == "user" else "item_attribute_answer"
    brief = phrases.random_brief(rng, len(clips), names=naming(rng), role=role, intents=(intent,))
    it = happenings.goes_on(ask) if role == "user" and rng.random() < ASKED_AS_IT else ""
    brief = dataclasses.replace(brief, asks=(ask,), it=it, wanted=(), new=(), liked=(), refused=(),
                                hints=tuple(rng.sample(hints, len(hints))))  # fmt: skip
    answer = phrases.say(brief, clips, rng)
    return Turn(noted(brief, clips), answer, _facts(answer, brief.asks) if role == "assistant" else [])


def timed(clip: ClipEvents) -> str:
    """Every sound with the seconds in which it is heard: ``rain 0-10; bell 2-5``."""
    return "; ".join(f"{event.label} {event.start_s:.0f}-{event.end_s:.0f}" for event in clip.events) or "none"


class Batches:
    """Batches of exercises of like length, padded on the right; those without sound are four times as large.

    Each is ids, labels (-100 where not counted), weights, positions, segments (0 the sound, which every segment sees; 1, 2
    ... the turns, which do not see each other; -1 padding; None where each sequence is one turn), and the rows of the
    clips in their order, those of `scenes` after those of `data`. ``whole`` counts the tokens of the prompts too, not only
    those of the answers.
    """

    def __init__(self, tokenizer, data: clip_data.Clips, *, batch_size: int, seed: int, silent: float = SILENT,
                 scenes: clip_data.Clips | None = None):  # fmt: skip
        self.tokenizer, self.data, self.batch_size, self.silent, self.scenes = tokenizer, data, batch_size, silent, scenes
        self.whole = False
        self.rng = random.Random(seed)

    def __iter__(self):
        while True:
            groups = []
            for make, share, size in ((self._quiet, self.silent, 4 * self.batch_size),
                                      (self._sounding, 1 - self.silent, self.batch_size)):  # fmt: skip
                pool = [self._encode(make()) for _ in range(size * round(10 * share))]
                pool.sort(key=lambda e: len(e[0]))
                groups += [pool[i : i + size] for i in range(0, len(pool), size)]
            self.rng.shuffle(groups)
            yield from map(self._collate, groups)

    def batch(self, exercises: Sequence[Exercise]):
        """These exercises as one batch."""
        return self._collate([self._encode(exercise) for exercise in exercises])

    def _quiet(self) -> Exercise:
        if self.scenes is not None and self.rng.random() < TOLD_EVENTS:
            return told_events(self.rng, self.scenes)
        return without_sound(self.rng, self.data)

    def _sounding(self) -> Exercise:
        if self.scenes is None or self.rng.random() > SCENES:
            return with_sound(self.rng, self.data)
        exercise = with_events(self.rng, self.scenes)
        return dataclasses.replace(exercise, rows=tuple(len(self.data) + row for row in exercise.rows))

    def _encode(self, exercise: Exercise):
        audio = "<|audio_bos|>" + "<|AUDIO|>" * AUDIO_TOKENS + "<|audio_eos|>\n"
        ids = self.tokenizer.encode(audio * len(exercise.rows))
        n_sound = len(ids)
        counted, weights, positions, segments = [0.0] * n_sound, [1.0] * n_sound, list(range(n_sound)), [0] * n_sound
        for i, (state, answer, spans) in enumerate(exercise.turns):
            prompt = self.tokenizer.encode(state + "<|im_end|>\n<|im_start|>")
            said = self.tokenizer(answer + "<|im_end|>", return_offsets_mapping=True)
            n = len(prompt) + len(said["input_ids"])
            ids += prompt + said["input_ids"]
            counted += [0.0] * len(prompt) + [1.0] * len(said["input_ids"])
            weights += [1.0] * len(prompt) + [FACT_WEIGHT if any(a < end and start < b for start, end in spans) else 1.0
                                              for a, b in said["offset_mapping"]]
            positions += range(n_sound, n_sound + n)
            segments += [i + 1] * n
        return ids, counted, weights, positions, segments, exercise.rows

    def _collate(self, group):
        shape = (len(group), max(len(ids) for ids, *_ in group))
        ids, labels = torch.full(shape, self.tokenizer.pad_token_id), torch.full(shape, -100)
        weights, positions, segments = torch.ones(shape), torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
        for i, (tokens, counted, weight, position, segment, _) in enumerate(group):
            n = len(tokens)
            ids[i, :n] = torch.tensor(tokens)
            labels[i, :n] = torch.where(torch.tensor(counted) + self.whole > 0, ids[i, :n], -100)
            weights[i, :n], positions[i, :n] = torch.tensor(weight), torch.tensor(position)
            segments[i, :n] = torch.tensor(segment)
        rows = np.array([r for *_, rows in group for r in rows], dtype=np.int64)
        return ids, labels, weights, positions, segments if len(rows) else None, rows


def _facts(answer: str, asks: Sequence[str] = ()) -> list[tuple[int, int]]:
    """Where an answer says something audible, by words or by "yes" and "no"; of sound events, what it was asked; of two
    clips, which one it takes.
    """
    found = happenings.find(answer, asks) if any(map(happenings.about_events, asks)) else claims.find(answer)
    spans = [(claim.start, claim.end) for claim in found]
    if any(ask.startswith(("suits:", "which:")) for ask in asks):
        spans += [match.span() for match in _TAKEN.finditer(answer)]
    yes = claims.yes_or_no(answer)
    return spans + ([yes.span()] if yes else [])


_TAKEN = re.compile(r'"[^"]*"|\b(?:this|both|either|neither|the (?:first|second|other|latter|former|last))\b', re.I)


def copying_drills(n_tokens: int, *, batch_size: int, seed: int):
    """Batches of random tokens of which a stretch comes again; only the second time is counted.

    Nothing but copying can lower this loss, so that the heads which copy names form here first (induction heads:
    Olsson and others, 2022). Half of the batches are of few different tokens, as names like "Nakamokawa" are of few
    different syllables: one token back does not tell where to go on, two or three do.
    """
    rng, draw = random.Random(seed), torch.Generator().manual_seed(seed)
    while True:
        length, gap, alphabet = rng.choice((8, 12, 16, 22)), rng.randrange(8), rng.choice((6, 24, n_tokens, n_tokens))
        start = rng.randrange(length - 5)
        letters = torch.randint(n_tokens, (batch_size, alphabet), generator=draw)
        first = letters.gather(1, torch.randint(alphabet, (batch_size, length), generator=draw))
        between = torch.randint(n_tokens, (batch_size, gap), generator=draw)
        ids = torch.cat([first, between, first[:, start:]], 1)
        labels = ids.clone()
        labels[:, : length + gap + (1 if alphabet == n_tokens else 3)] = -100
        positions = torch.arange(ids.shape[1]).expand(ids.shape)
        yield ids, labels, torch.ones(ids.shape), positions, None


def tokenizer_texts(data: clip_data.Clips, n: int = 6_000) -> list[str]:
    rng = random.Random(0)
    texts = []
    for _ in range(n // 2):
        for exercise in (without_sound(rng, data), with_sound(rng, data)):
            texts += exercise.turns[0][:2]
    v = vocab.load()
    return texts + [f" {word}" for kind in v for value in kind.values for word in (value.name, *value.words)]
