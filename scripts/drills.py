"""Drills of listening: dozens of questions about the same sound, each asked in a line and answered in a word or two.

Talk says a fact or two in sixty tokens; a drill asks for one in eight, so that a second of training on a CPU brings hundreds
of questions. From talk and lists alone the language model never learned when a sound comes in, or what suits a purpose: its
answers stayed at chance through 160 minutes of it, and left it within the first minute of drills.
"""

import random
from collections.abc import Callable, Sequence

from exercises import Batches, Exercise, Turn, dense

from mdialog import brief as briefs
from mdialog import happenings, vocab
from mdialog.synth import happenings as synth_happenings
from mdialog.synth import questions
from mdialog.synth.labels import ClipEvents, ClipLabels

QUESTIONS = 24  # at most, about the same sound
KINDS = ("tempo", "lead", "vocal", "energy", "mode", "genre", "metre", "key", "mood", "instrument")
SCENES, PAIRS = 0.45, 0.3  # shares of drills about sound events, and about two clips of music


def line(ask: str, rng: random.Random) -> str:
    """A question as it stands in a brief, without the rest of it."""
    asked, template = ("item_attribute_answer",), rng.randrange(briefs.TEMPLATES)
    without, whole = (briefs.state(briefs.Brief(role="assistant", intents=asked, template=template, asks=asks)).splitlines()
                      for asks in ((), (ask,)))  # fmt: skip
    (found,) = [one for one in whole if one not in without]
    return found


def value(ask: str, labels: Sequence[ClipLabels]) -> str:
    """What answers a question about music in a word or two, purposes of a single clip among them."""
    kind, _, of = ask.partition(":")
    if ask in ("mood", "instrument"):
        return ", ".join(labels[-1].moods if kind == "mood" else labels[-1].instruments) or "none"
    if ask in KINDS:
        return getattr(labels[-1], kind) or "none"
    if kind == "suits" and len(labels) == 1:
        return "yes" if of in labels[-1].themes else "no"
    return questions.value_of(ask, labels)


def asks_of_music(rng: random.Random, labels: Sequence[ClipLabels]) -> list[str]:
    """What there is to ask of a clip or of two."""
    two = len(labels) > 1
    purposes = [f"suits:{theme}" for theme in vocab.load()["theme"].names]
    asks = [*(purposes if two else KINDS), *(rng.sample(purposes, 3) if not two else ())]
    return asks + [questions.draw_ask(rng, labels[-1], compares=two) for _ in range(QUESTIONS - len(asks))]


def _turns(asks: Sequence[str], answer: Callable[[str], str], rng: random.Random) -> tuple[Turn, ...]:
    """Each question once, with its answer."""
    return tuple(dense(line(ask, rng), answer(ask)) for ask in dict.fromkeys(asks))


def about_music(rng: random.Random, labels: Sequence[ClipLabels]) -> tuple[Turn, ...]:
    return _turns(asks_of_music(rng, labels), lambda ask: value(ask, labels), rng)


def about_events(rng: random.Random, clip: ClipEvents) -> tuple[Turn, ...]:
    asks = [happenings.draw_ask(rng, clip.events) for _ in range(QUESTIONS)]
    return _turns(asks, lambda ask: synth_happenings.value_of(ask, clip), rng)


class Drills(Batches):
    """Batches of drills about scenes, clips of music and pairs of them, without end."""

    def __iter__(self):
        while True:
            yield self.batch([self.draw() for _ in range(self.batch_size)])

    def draw(self) -> Exercise:
        """A clip or two and what is asked of them; rows of scenes are counted after those of the music."""
        if self.rng.random() < SCENES:
            return self.scene(self.rng.randrange(len(self.scenes)))
        pair = self.rng.random() < PAIRS / (1 - SCENES)
        return self.music(tuple(self.rng.randrange(len(self.data)) for _ in range(1 + pair)))

    def scene(self, row: int) -> Exercise:
        return Exercise((len(self.data) + row,), about_events(self.rng, self.scenes.labels[row]))

    def music(self, rows: tuple[int, ...]) -> Exercise:
        return Exercise(rows, about_music(self.rng, [self.data.labels[row] for row in rows]))
