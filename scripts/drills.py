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
from mdialog import happenings, question, vocab
from mdialog.synth import happenings as synth_happenings
from mdialog.synth import questions
from mdialog.synth.labels import ClipEvents, ClipLabels

QUESTIONS = 24  # at most, about the same sound
SPOKEN = 2  # of them that are answered in a sentence too
OF_A_PAIR = 4  # questions about two clips, all answered in a sentence: what is noted for them, each clip is asked alone
KINDS = ("tempo", "bpm", "lead", "vocal", "energy", "level", "mode", "genre", "metre", "key", "mood", "instrument", "electric")
PURPOSES = 5  # of the themes, after which a clip is asked
ASKED = 0.35  # share of these sentences that are the question, not its answer
SCENES, PAIRS = 0.4, 0.3  # shares of drills about sound events, and about two clips of music


def asks_of_music(rng: random.Random, labels: ClipLabels) -> list[str]:
    """What there is to ask of a clip."""
    asks = [*KINDS, *(f"suits:{theme}" for theme in rng.sample(vocab.load()["theme"].names, PURPOSES))]
    return asks + [questions.draw_ask(rng, labels, compares=False) for _ in range(QUESTIONS - len(asks))]


def in_short(rng: random.Random, asks: Sequence[str], answer: Callable[[str], str]) -> list[Turn]:
    """Each question once, with its answer."""
    return [dense(question.line_of(ask, rng.randrange(briefs.TEMPLATES)), answer(ask)) for ask in dict.fromkeys(asks)]


def about_music(rng: random.Random, labels: ClipLabels, *, spoken: int = 0) -> tuple[Turn, ...]:
    asks = asks_of_music(rng, labels)
    # Whether a clip suits is asked of two in talk, and how many beats it has, or how much energy, is for notes.
    particular = [ask for ask in asks if (ask not in KINDS or ask == "electric") and not ask.startswith("suits")]
    short = in_short(rng, asks, lambda ask: questions.value_of(ask, labels))
    return (*short, *(in_talk(rng, ask, [labels]) for ask in rng.sample(particular, spoken)))


def about_two(rng: random.Random, labels: Sequence[ClipLabels]) -> tuple[Turn, ...]:
    asks = dict.fromkeys(questions.draw_of_two(rng, labels[-1]) for _ in range(OF_A_PAIR))
    return tuple(in_talk(rng, ask, labels) for ask in asks)


def in_talk(rng: random.Random, ask: str, clips: Sequence[ClipLabels | ClipEvents]) -> Turn:
    return question_talk(rng, ask, clips, role="user" if rng.random() < ASKED else "assistant")


def about_events(rng: random.Random, clip: ClipEvents, *, spoken: int = 0) -> tuple[Turn, ...]:
    asks = [happenings.draw_ask(rng, clip.events) for _ in range(QUESTIONS)]
    short = in_short(rng, asks, lambda ask: synth_happenings.value_of(ask, clip))
    return (*short, *(in_talk(rng, ask, [clip]) for ask in rng.sample(asks, spoken)))


class Drills(Batches):
    """Batches of drills about scenes, clips of music and pairs of them, without end."""

    def __iter__(self):
        while True:
            yield self.batch([self.draw() for _ in range(self.batch_size)])

    def draw(self) -> Exercise:
        """A clip or two and what is asked of them; rows of scenes are counted after those of the music."""
        if self.rng.random() < SCENES:
            return self.scene(self.rng.randrange(len(self.scenes)))
        if self.rng.random() < PAIRS / (1 - SCENES):
            rows = tuple(self.rng.randrange(len(self.data)) for _ in range(2))
            return Exercise(rows, about_two(self.rng, [self.data.labels[row] for row in rows]))
        return self.music(self.rng.randrange(len(self.data)))

    def scene(self, row: int, *, spoken: int = SPOKEN) -> Exercise:
        return Exercise((len(self.data) + row,), about_events(self.rng, self.scenes.labels[row], spoken=spoken))

    def music(self, row: int, *, spoken: int = SPOKEN) -> Exercise:
        return Exercise((row,), about_music(self.rng, self.data.labels[row], spoken=spoken))
