"""Drills of listening: dozens of questions about the same sound, each asked in a line and answered in a word or two.

Talk says a fact or two in sixty tokens; a drill asks for one in eight, so that a second of training on a CPU brings hundreds
of questions. From talk and lists alone the language model never learned when a sound comes in, or what suits a purpose: its
answers stayed at chance through 160 minutes of it, and left it within the first minute of drills. In talk they did not follow
by themselves: a few of the questions are therefore asked in a whole brief as well, and answered in a sentence.
"""

import random
from collections.abc import Callable, Sequence

from exercises import Batches, Exercise, Turn, dense, question_talk

from mdialog import brief as briefs
from mdialog import happenings, vocab
from mdialog.synth import happenings as synth_happenings
from mdialog.synth import questions
from mdialog.synth.labels import ClipEvents, ClipLabels

QUESTIONS = 24  # at most, about the same sound
SPOKEN = 2  # of them that are answered in a sentence too
KINDS = ("tempo", "lead", "vocal", "energy", "mode", "genre", "metre", "key", "mood", "instrument")
SCENES, PAIRS = 0.45, 0.3  # shares of drills about sound events, and about two clips of music


def asks_of_music(rng: random.Random, labels: Sequence[ClipLabels]) -> list[str]:
    """What there is to ask of a clip or of two."""
    two = len(labels) > 1
    purposes = [f"suits:{theme}" for theme in vocab.load()["theme"].names]
    asks = [*purposes, *rng.sample(KINDS, 3)] if two else [*KINDS, *rng.sample(purposes, 3)]
    return asks + [questions.draw_ask(rng, labels[-1], compares=two) for _ in range(QUESTIONS - len(asks))]


def in_short(rng: random.Random, asks: Sequence[str], answer: Callable[[str], str]) -> list[Turn]:
    """Each question once, with its answer."""
    return [dense(briefs.line_of(ask, rng.randrange(briefs.TEMPLATES)), answer(ask)) for ask in dict.fromkeys(asks)]


def about_music(rng: random.Random, labels: Sequence[ClipLabels], *, spoken: int = 0) -> tuple[Turn, ...]:
    asks = asks_of_music(rng, labels)
    # Of one clip alone nobody asks in talk whether it suits.
    particular = [ask for ask in asks if ask not in KINDS and (len(labels) > 1 or not ask.startswith("suits"))]
    short = in_short(rng, asks, lambda ask: questions.value_of(ask, labels))
    return (*short, *(question_talk(rng, ask, labels) for ask in rng.sample(particular, spoken)))


def about_events(rng: random.Random, clip: ClipEvents, *, spoken: int = 0) -> tuple[Turn, ...]:
    asks = [happenings.draw_ask(rng, clip.events) for _ in range(QUESTIONS)]
    short = in_short(rng, asks, lambda ask: synth_happenings.value_of(ask, clip))
    return (*short, *(question_talk(rng, ask, [clip]) for ask in rng.sample(asks, spoken)))


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

    def scene(self, row: int, *, spoken: int = SPOKEN) -> Exercise:
        return Exercise((len(self.data) + row,), about_events(self.rng, self.scenes.labels[row], spoken=spoken))

    def music(self, rows: tuple[int, ...], *, spoken: int = SPOKEN) -> Exercise:
        return Exercise(rows, about_music(self.rng, [self.data.labels[row] for row in rows], spoken=spoken))
