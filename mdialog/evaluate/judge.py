"""A model as judge: one rubric at a time, a score from 1 to 5 with a reason, refused where the answer is malformed.

The rubric families are those of TalkPlayData 2 (arXiv 2509.09685) and of the Music-CRS challenge. Any listener serves; one
that hears gets the clips. Most small models, the bundled listener among them, cannot judge: their scores mean nothing. No
figure of a judge that cannot judge is published: :mod:`mdialog.evaluate.calibrate` finds out, and withholds it.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mdialog import seeds
from mdialog.dialogue import Dialogue, Heard
from mdialog.errors import InputError
from mdialog.listener.base import Listener, Request, Sampling
from mdialog.plan import Clip, Plan

SCORES = (1, 2, 3, 4, 5)
MAX_CLIPS = 8  # played to a judge, the last ones of the dialogue
OFFERED = 3  # names of a recommendation that a judge sees
SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=256)

Play = Callable[[Dialogue, Heard], np.ndarray]  # mono float32 samples at the judge's rate, shape (n_samples,)


@dataclass(frozen=True)
class Rubric:
    """One thing that is judged, alone.

    Parameters
    ----------
    name, title, question : str
    one, three, five : str
        What these scores mean.
    shows : tuple of {'goal', 'persona', 'offers'}
        What the judge sees beside what was said.
    sound : {'needed', 'useful', 'no'}
    known : tuple of str
        Faults of ``calibrate.known_cases`` that a judge of this rubric must see.
    """

    name: str
    title: str
    question: str
    one: str
    three: str
    five: str
    shows: tuple[str, ...]
    sound: str
    known: tuple[str, ...]


@cache
def load_rubrics() -> dict[str, Rubric]:
    """All rubrics by name, as ``rubrics.toml`` has them."""
    table = tomllib.loads(files(__package__).joinpath("rubrics.toml").read_text(encoding="utf-8"))
    lists = ("shows", "known")
    return {
        name: Rubric(name=name, **{key: tuple(value) if key in lists else value for key, value in row.items()})
        for name, row in table.items()
    }


def choose(names: Iterable[str] | None, *, sound: bool) -> tuple[Rubric, ...]:
    """Rubrics by name; all that can be asked by default.

    Parameters
    ----------
    names : iterable of str or None
    sound : bool
        Whether clips can be played.

    Raises
    ------
    InputError
        If there is no such rubric, or one needs the sound and there is none.
    """
    known = load_rubrics()
    if names is None:
        return tuple(rubric for rubric in known.values() if sound or rubric.sound != "needed")
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in known:
            raise InputError(f"no rubric {name!r}; choose from {', '.join(known)}")
        if known[name].sound == "needed" and not sound:
            raise InputError(f"rubric {name!r} cannot be judged without the clips; give the catalogue's sound or leave it out")
    return tuple(known[name] for name in names)


# ------------------------------------------------------------------ what a judge is asked

class Answer(BaseModel):
    """What a judge must answer."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    reason: str = Field(min_length=1, description="why, in one or two sentences")
    score: int = Field(ge=SCORES[0], le=SCORES[-1])


def clips_of(dialogue: Dialogue) -> tuple[Heard, ...]:
    """The spans that a judge hears: each once, in the order in which they were first heard, the last `MAX_CLIPS`."""
    return tuple(dict.fromkeys(span for turn in dialogue.turns for span in turn.heard))[-MAX_CLIPS:]


def messages(dialogue: Dialogue, rubric: Rubric, *, play: Play | None = None) -> list[dict]:
    """The request to score one dialogue by one rubric, as chat messages: the clips, then what was said.

    Parameters
    ----------
    dialogue : Dialogue
    rubric : Rubric
    play : callable, optional
        Without it the judge is told that it hears nothing.
    """
    clips = clips_of(dialogue) if play and rubric.sound != "no" else ()
    audio = [{"type": "audio", "audio": play(dialogue, span)} for span in clips]
    return [
        {"role": "system", "content": [{"type": "text", "text": _instructions(rubric)}]},
        {"role": "user", "content": [*audio, {"type": "text", "text": _transcript(dialogue, rubric, clips)}]},
    ]


def _instructions(rubric: Rubric) -> str:
    schema = json.dumps(Answer.model_json_schema(), separators=(",", ":"))
    return "\n".join(
        [
            "You judge a dialogue between someone who looks for music (the seeker) and a recommender, by one question alone.",
            "",
            f"{rubric.title}: {rubric.question}",
            f"1: {rubric.one}",
            f"3: {rubric.three}",
            f"5: {rubric.five}",
            "2 and 4 lie between these. Judge nothing else: not length, not style, not what another question would ask.",
            "",
            f"Give the reason first, then the score. Answer with one JSON object and nothing else, by this schema: {schema}",
        ]
    )


_SIDE = {"user": "Seeker", "assistant": "Recommender"}


def _transcript(dialogue: Dialogue, rubric: Rubric, clips: Sequence[Heard]) -> str:
    lines = []
    if "goal" in rubric.shows:
        wants = ", ".join(map(str, dialogue.goal.get("attributes", ()))) or "nothing in particular"
        lines += [f"The seeker's goal, which the recommender does not know: {wants}", ""]
    if "persona" in rubric.shows:
        lines += ["The persona:", *(f"- {key.replace('_', ' ')}: {value}" for key, value in dialogue.persona.items()), ""]
    if rubric.sound != "no" and not clips:
        lines += ["You do not hear the tracks.", ""]
    lines.append("The dialogue:")
    for turn in dialogue.turns:
        lines.append(f"{_SIDE[turn.role]}: {turn.content}")
        playing = [f"audio {clips.index(span) + 1}" for span in turn.heard if span in clips]
        if playing:
            lines.append(f"  (playing: {', then '.join(playing)})")
        if "offers" in rubric.shows and turn.track_seq:
            names = [f'"{dialogue.tracks[t].title}" by {dialogue.tracks[t].artist}' for t in turn.track_seq[:OFFERED]]
            lines.append(f"  (tracks recommended: {'; '.join(names)})")
    return "\n".join(lines)


# ------------------------------------------------------------------ what comes back

class MalformedAnswer(ValueError):
    """An answer that holds no score by the rules; says why."""


def parse(text: str) -> Answer:
    """The score and the reason of an answer: its first JSON object.

    Raises
    ------
    MalformedAnswer
        If there is none, it is not by the schema, or a later one has another score. Nothing is guessed.
    """
    start = text.find("{")
    if start < 0:
        raise MalformedAnswer("no JSON object, only text")
    decoder = json.JSONDecoder(object_pairs_hook=_each_key_once)
    try:
        first, end = decoder.raw_decode(text, start)
        answer = Answer.model_validate(first)
    except ValidationError as error:
        problem = error.errors()[0]
        raise MalformedAnswer(f"{'.'.join(map(str, problem['loc'])) or 'the object'}: {problem['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"not JSON: {error}") from error
    while (start := text.find("{", end)) >= 0:
        try:
            other, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
            continue
        if other.get("score", answer.score) != answer.score:
            raise MalformedAnswer(f"two objects that disagree: {answer.score} and {other['score']}")
    return answer


def _each_key_once(pairs: list[tuple[str, object]]) -> dict:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key twice in one object")
    return dict(pairs)


@dataclass(frozen=True)
class Judgement:
    """One answer of a judge.

    Parameters
    ----------
    dialogue, rubric, judge : str
        Ids.
    score : int in [1, 5] or None
        None where the answer was refused.
    reason : str
        The judge's.
    refused : str or None
        Why the answer was not taken.
    answer : str or None
        A refused answer as it came.
    n_clips : int
        Clips that were played to the judge.
    """

    dialogue: str
    rubric: str
    judge: str
    score: int | None
    reason: str = ""
    refused: str | None = None
    answer: str | None = None
    n_clips: int = 0


@dataclass(frozen=True)
class Judgements:
    """All answers of a judge."""

    all: tuple[Judgement, ...]

    @property
    def refused(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.all if judgement.score is None)

    def scores(self, rubric: str) -> dict[str, int]:
        """Dialogue to score, without what was refused."""
        return {j.dialogue: j.score for j in self.all if j.rubric == rubric and j.score is not None}


@dataclass(frozen=True)
class Question:
    """A dialogue to be scored by a rubric; `label` tells questions about twins of one id apart, unseen by the judge."""

    dialogue: Dialogue
    rubric: Rubric
    label: str = ""


def judge(
    dialogues: Iterable[Dialogue],
    listener: Listener,
    *,
    rubrics: Iterable[str] | None = None,
    play: Play | None = None,
    n: int | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> Judgements:
    """Have dialogues scored, each by each rubric in a request of its own.

    Parameters
    ----------
    dialogues : iterable of Dialogue
    listener : Listener
        The judge.
    rubrics : iterable of str, optional
        Names in ``rubrics.toml``; by default all that can be asked with or without sound.
    play : callable, optional
        Plays a span of a dialogue at the judge's rate (:func:`plays`); for judges that hear.
    n : int > 0, optional
        Dialogues that are drawn; all by default.
    seed : int
        Of the draw and of the order of the questions.
    out : Path, optional
        A .jsonl that the judgements are appended to as they come.

    Returns
    -------
    Judgements
        In the order in which they were asked for.

    Raises
    ------
    InputError
        If there is no dialogue, or a rubric cannot be asked.
    """
    chosen = choose(rubrics, sound=play is not None)
    drawn = list(dialogues)
    if not drawn:
        raise InputError("no dialogue to judge; give one at least")
    seeds.stdlib(seed, "judge", "dialogues").shuffle(drawn)
    questions = [Question(dialogue, rubric) for dialogue in drawn[:n] for rubric in chosen if askable(dialogue, rubric)]
    seeds.stdlib(seed, "judge", "order").shuffle(questions)
    return Judgements(tuple(ask(questions, listener, play=play, seed=seed, out=out)))


def askable(dialogue: Dialogue, rubric: Rubric) -> bool:
    """Whether a dialogue has what the rubric is about: clips, if it needs them."""
    return rubric.sound != "needed" or bool(clips_of(dialogue))


def ask(
    questions: Sequence[Question], listener: Listener, *, play: Play | None, seed: int, out: Path | None = None, batch: int = 8
) -> list[Judgement]:
    """Put questions to a judge in the order given, `batch` at a time; answers in the same order."""
    found = []
    for start in range(0, len(questions), batch):
        part = questions[start : start + batch]
        asked = [
            Request(id=f"judge/{q.dialogue.id}/{q.rubric.name}/{q.label}", messages=messages(q.dialogue, q.rubric, play=play))
            for q in part
        ]
        answers = listener.write(asked, n=1, seed=seed, sampling=SAMPLING)
        judged = [_judgement(q, text, listener, play) for q, (text,) in zip(part, answers, strict=True)]
        if out is not None:
            _append(out, judged)
        found += judged
    return found


def _judgement(question: Question, text: str, listener: Listener, play: Play | None) -> Judgement:
    heard = play is not None and question.rubric.sound != "no"
    about = {"dialogue": question.dialogue.id, "rubric": question.rubric.name, "judge": listener.model_id,
             "n_clips": len(clips_of(question.dialogue)) if heard else 0}  # fmt: skip
    try:
        answer = parse(text)
    except MalformedAnswer as error:
        return Judgement(score=None, refused=str(error), answer=text, **about)
    return Judgement(score=answer.score, reason=answer.reason, **about)


def _append(path: Path, judgements: Iterable[Judgement]) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(asdict(judgement), ensure_ascii=False) + "\n" for judgement in judgements)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another file") from error


def plays(plans: Mapping[str, Plan], play: Callable[[Plan, Clip], np.ndarray]) -> Play:
    """A run's player (``run.player``) for its dialogues: plans, by id, know where the sound is."""

    def play_span(dialogue: Dialogue, span: Heard) -> np.ndarray:
        if dialogue.id not in plans:
            raise InputError(f"dialogue {dialogue.id} has no plan, so its sound cannot be found; judge it with its own run")
        return play(plans[dialogue.id], Clip(span.track_id, span.start_s, span.end_s))

    return play_span
