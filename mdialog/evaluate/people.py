"""A run beside people: its talk beside human dialogues, its intents and attributes beside the human counts.

The counts (``intent_counts.json``, 888 dialogues) ship with the package. The human dialogues' words do not: give the file
``cpcd_v1.dialogs.dev.train.jsonl`` of the Conversational Playlist Creation Dataset (arXiv 2303.06791, CC BY 4.0).
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdialog import seeds
from mdialog.attributes import Attribute
from mdialog.cascade import kind_of
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.evaluate import diversity
from mdialog.evaluate.diversity import Diversity, Spread
from mdialog.intents import IntentModel, Turn, human_counts, transition_counts
from mdialog.plan import ROLES, Plan

NAMING_KINDS = ("track", "artist", "album")
FLOOR_SEEDS = 5
ENOUGH = 2_000  # dialogues from which a divergence of transitions is worth its name
TFIDF = "character n-gram TF-IDF"


@dataclass(frozen=True)
class Talk:
    """The words of one dialogue.

    Parameters
    ----------
    turns : tuple of (role, text)
        Turns without a word are left out.
    names : tuple of str
        Titles and artists that it may name.
    """

    turns: tuple[tuple[str, str], ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class People:
    """A run's talk beside people's.

    Parameters
    ----------
    n_dialogues, n_people : int
        Of the run, and of the human dialogues; 0 where none were given.
    run, people : dict of str to Diversity
        By role; `people` is empty where no dialogues were given.
    user_turns, user_turns_people : Spread
        User turns a dialogue; of people by the counts.
    wishes, wishes_people : dict of str to float
        Kind to the share of wishes (user turns that ask for something) that name it, likenesses as ``similar_...``; of
        people by the counts.
    """

    n_dialogues: int
    n_people: int
    run: dict[str, Diversity]
    people: dict[str, Diversity]
    user_turns: Spread
    user_turns_people: Spread
    wishes: dict[str, float]
    wishes_people: dict[str, float]


@dataclass(frozen=True)
class Transitions:
    """How far the order of intents is from people's.

    Parameters
    ----------
    n_dialogues : int
    divergence_bits : float in [0, 1]
    floor_bits, floor_sd_bits : float
        What sampling alone gives: mean and spread over `n_floor` redraws of as many human dialogues.
    n_floor : int
    largest : tuple of (str, str, float, float, float)
        The transitions that differ most: from, to, share in the run, share of people's, bits.
    """

    n_dialogues: int
    divergence_bits: float
    floor_bits: float
    floor_sd_bits: float
    n_floor: int
    largest: tuple[tuple[str, str, float, float, float], ...]

    @property
    def enough(self) -> bool:
        """Whether there are dialogues enough for the floor to be low."""
        return self.n_dialogues >= ENOUGH


# ---- reading


def talk_of(dialogue: Dialogue) -> Talk:
    """The words of a record, with the names of its tracks and those that its attributes name."""
    names = [name for track in dialogue.tracks.values() for name in (track.title, track.artist)]
    attributes = (Attribute.parse(text) for turn in dialogue.turns for text in (*turn.music_attribute, *turn.removed))
    names += [a.value for a in attributes if a.kind in NAMING_KINDS and a.value not in dialogue.tracks]
    return _talk(((turn.role, turn.content) for turn in dialogue.turns), names)


def read_people(path: Path) -> list[Talk]:
    """Human dialogues in CPCD's form: one JSON object a line with `turns` and `tracks`.

    The names are those of the tracks that the dialogue's searches found; an artist whom someone names and no search found
    is not among them, and so stays unmasked.

    Raises
    ------
    InputError
        If the file is missing or empty, or a line is not such a dialogue: names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give CPCD's dialogues, a .jsonl") from error
    talks = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            turns = [(role, turn[key]) for turn in record["turns"]
                     for role, key in zip(ROLES, ("user_query", "system_response"), strict=True)]
            names = [name for track in record["tracks"].values() for name in (track["track_titles"], *track["track_artists"])]
            talks.append(_talk(turns, names))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: no dialogue of CPCD ({error!r}); give its file as published") from error
    if not talks:
        raise InputError(f"{path} holds no dialogue; give CPCD's dialogues, a .jsonl")
    return talks


def _talk(turns: Iterable[tuple[str, str]], names: Iterable[str]) -> Talk:
    return Talk(tuple((role, text) for role, text in turns if text.strip()), tuple(dict.fromkeys(filter(None, names))))


# ---- words


def evaluate_people(
    dialogues: Iterable[Dialogue], *, people_file: Path | None = None, seed: int = 0, clap=None
) -> People:
    """Measure a run's talk, and people's by the same code at the same budgets.

    Parameters
    ----------
    dialogues : iterable of Dialogue
    people_file : Path, optional
        CPCD's dialogues; without them the run stands alone, beside the counts.
    seed : int
        Of the shuffled orders and samples.
    clap : Clap, optional
        Its text embeddings give a second Vendi score.

    Returns
    -------
    People

    Raises
    ------
    InputError
        If there is no dialogue, or `people_file` cannot be used.
    """
    dialogues = list(dialogues)
    if not dialogues:
        raise InputError("no dialogues to evaluate; write some with `mdialog generate`")
    human = read_people(people_file) if people_file else []
    embedders = {TFIDF: diversity.tfidf} | ({clap.model_id: clap.embed_text} if clap else {})
    run, people = _sides([talk_of(d) for d in dialogues], human, embedders, seed)
    counts = human_counts()["user_turns_per_dialogue"]
    return People(
        n_dialogues=len(dialogues),
        n_people=len(human),
        run=run,
        people=people,
        user_turns=Spread.of([sum(turn.role == "user" for turn in d.turns) for d in dialogues]),
        user_turns_people=Spread.of(np.repeat([*map(int, counts)], [*counts.values()])),
        wishes=wishes_of(dialogues),
        wishes_people=wishes_of_people(),
    )


def _sides(
    run: list[Talk], people: list[Talk], embedders: dict[str, Callable], seed: int
) -> tuple[dict[str, Diversity], dict[str, Diversity]]:
    """Figures of the run and of people, by role, on equal numbers of utterances."""
    found: tuple[dict, dict] = {}, {}
    for role in ROLES:
        texts = [_texts(talks, role) for talks in (run, people) if talks]
        n = min(diversity.REPEAT_SAMPLE, *(len(written) for written, _ in texts))
        chosen = [seeds.generator(seed, "compared", role).permutation(len(written))[:n] for written, _ in texts]
        vendi = _vendi([[masked[i] for i in own[: diversity.SAMPLE]] for (_, masked), own in zip(texts, chosen, strict=True)],
                       embedders)
        for side, (written, masked), own, scores in zip(found, texts, chosen, vendi, strict=False):
            side[role] = diversity.measure(written, masked, compared=own, vendi=scores, seed=seed)
    return found


def _texts(talks: Sequence[Talk], role: str) -> tuple[list[str], list[str]]:
    """One side's utterances, as written and with names masked."""
    said = [(text, talk.names) for talk in talks for speaker, text in talk.turns if speaker == role]
    return [text for text, _ in said], [diversity.mask(text, names) for text, names in said]


def _vendi(samples: list[list[str]], embedders: dict[str, Callable]) -> list[dict[str, float]]:
    """Vendi scores of each sample; all are embedded at once, so that weights fitted to texts are the same for all."""
    scores: list[dict[str, float]] = [{} for _ in samples]
    if not all(samples):
        return scores
    bounds = np.cumsum([len(sample) for sample in samples])[:-1]
    for name, embed in embedders.items():
        rows = embed([text for sample in samples for text in sample])
        for score, own in zip(scores, np.split(rows, bounds), strict=True):
            score[name] = diversity.vendi_score(own)
    return scores


# ---- wishes


def wishes_of(dialogues: Iterable[Dialogue]) -> dict[str, float]:
    """Share of wishes (user turns with `add_filter` or `initial_query`) that name each kind, the most common first."""
    named: Counter = Counter()
    n = 0
    for dialogue in dialogues:
        for turn in dialogue.turns:
            if turn.role == "user" and {"add_filter", "initial_query"} & set(turn.intent):
                n += 1
                named.update({kind_of(Attribute.parse(text)) for text in turn.music_attribute})
    return {kind: count / n for kind, count in named.most_common()}


def wishes_of_people() -> dict[str, float]:
    """The same of people, by the counts of their `add_filter` turns."""
    named: Counter = Counter()
    n = 0
    for sets in human_counts()["user_filter_attribute_sets"].values():
        for label, count in sets.items():
            n += count
            named.update(dict.fromkeys(label.split("+"), count))
    del named["none"]
    return {kind: count / n for kind, count in named.most_common()}


# ---- order of intents


def evaluate_transitions(
    plans: Iterable[Plan | Dialogue | Sequence[Turn]], *, model: IntentModel | None = None, n_floor: int = FLOOR_SEEDS,
    seed: int = 0, most: int = 8,
) -> Transitions:
    """How far the order of a run's intent sets is from people's.

    Compared are the shares of first-order pairs (a turn's role and intent set -> the next turn's) over all dialogues,
    both ends of a dialogue counted as a turn of their own, by Jensen-Shannon divergence in bits. People's pairs are
    ``next_given_previous`` of the counts: one table of joint counts, so a pair weighs as much as it is common. The floor is
    the same divergence of as many dialogues redrawn from people's own second-order counts, without smoothing: .018 bits
    for 888 dialogues, .009 for 2,000. Some .002 of it is no sampling but the rare contexts that the counts leave out.

    Parameters
    ----------
    plans : iterable of Plan, Dialogue or sequence of (role, intents)
        At least `ENOUGH` for a figure that means something.
    model : IntentModel, optional
        The counts; those that ship by default.
    n_floor : int >= 1
        Redraws that the floor is the mean of.
    seed : int
    most : int
        How many of the transitions that differ most to list.

    Raises
    ------
    InputError
        If there is no dialogue.
    """
    sequences = [intents_of(plan) for plan in plans]
    if not sequences:
        raise InputError("no plans to evaluate; make some with `mdialog plan`")
    model = model or IntentModel.load()
    floors = [model.floor(seeds.stdlib(seed, "floor", k), n_dialogues=len(sequences)) for k in range(n_floor)]
    return Transitions(
        n_dialogues=len(sequences),
        divergence_bits=model.divergence(sequences),
        floor_bits=float(np.mean(floors)),
        floor_sd_bits=float(np.std(floors)),
        n_floor=n_floor,
        largest=_largest(transition_counts(sequences), model.transitions, most),
    )


def intents_of(dialogue: Plan | Dialogue | Sequence[Turn]) -> list[Turn]:
    """Roles and sorted intent sets of a dialogue's turns."""
    if isinstance(dialogue, Plan):
        return [(turn.role, tuple(sorted(turn.intents))) for turn in dialogue.turns]
    if isinstance(dialogue, Dialogue):
        return [(turn.role, tuple(sorted(turn.intent))) for turn in dialogue.turns]
    return [(role, tuple(sorted(intents))) for role, intents in dialogue]


def _largest(run: Counter, people: Counter, most: int) -> tuple[tuple[str, str, float, float, float], ...]:
    rows = []
    for pair in run.keys() | people.keys():
        p, q = run[pair] / run.total(), people[pair] / people.total()
        bits = sum(x / 2 * math.log2(2 * x / (p + q)) for x in (p, q) if x)
        rows.append((*map(_label, pair), p, q, bits))
    return tuple(sorted(rows, key=lambda row: (-row[4], row))[:most])


def _label(turn: Turn | None) -> str:
    return f"{turn[0]}: {', '.join(turn[1])}" if turn else "end of a dialogue"


# ---- text


def table(result: People, transitions: Transitions | None = None) -> str:
    """The figures as Markdown, people beside the run; a dash where there is none."""
    sides = [side.get(role) for role in ("user", "assistant") for side in (result.run, result.people)]
    blocks = [_rows(("words", "user, run", "user, people", "assistant, run", "assistant, people"), _word_rows(sides))]
    wishes = [(f"wishes that name: {kind}", _number(result.wishes.get(kind, 0.0)), _number(result.wishes_people.get(kind, 0.0)))
              for kind in dict.fromkeys((*result.wishes_people, *result.wishes))]
    lengths = ("user turns a dialogue: mean (quartiles)", _spread(result.user_turns), _spread(result.user_turns_people))
    blocks.append(_rows(("dialogues", "run", "people"), [lengths, *wishes]))
    if transitions:
        t = transitions
        name = f"divergence of intent-set transitions, {t.n_dialogues} dialogues, bits"
        rows = [(name, f"{t.divergence_bits:.4f}", f"{t.floor_bits:.4f} ± {t.floor_sd_bits:.4f}")]
        blocks.append(_rows(("order of intents", "run", "people redrawn"), rows))
        if not t.enough:
            blocks.append(f"{t.n_dialogues} dialogues are few: take {ENOUGH} plans or more.\n")
    return "\n".join(blocks)


def _word_rows(sides: list[Diversity | None]) -> list[tuple[str, ...]]:
    def row(name: str, figure: Callable[[Diversity], str | float | None]) -> tuple[str, ...]:
        return name, *(_number(figure(side)) if side else "–" for side in sides)

    def share(table: dict, budget: int, order: int) -> float | None:
        return (table[str(budget)] or {}).get(str(order))

    rows = [
        row("utterances", lambda d: f"{d.n_utterances:,}"),
        row("tokens", lambda d: f"{d.n_tokens:,}"),
        row("words a turn: mean (quartiles)", lambda d: _spread(d.words)),
    ]
    for budget in diversity.BUDGETS:
        for order in (1, 2, 3):
            rows.append(row(f"Distinct-{order} at {budget:,} tokens", lambda d, b=budget, o=order: share(d.distinct, b, o)))
        rows.append(row(f"Distinct-2 at {budget:,} tokens, names as written",
                        lambda d, b=budget: share(d.distinct_as_written, b, 2)))
    some = [side for side in sides if side]
    n_compared, n_sampled = (" and ".join(map(str, sorted({getattr(side, field) for side in some})))
                             for field in ("n_compared", "n_sampled"))
    rows.append(row(f"self-BLEU of {n_sampled} (lower is more varied)", lambda d: d.self_bleu))
    for name in dict.fromkeys(name for side in some for name in side.vendi):
        rows.append(row(f"Vendi score of {n_sampled}, {name}", lambda d, e=name: f"{d.vendi[e]:.1f}" if e in d.vendi else None))
    return rows + [
        row(f"exact repeats among {n_compared}, names as written", lambda d: d.exact_repeats),
        row(f"near repeats among {n_compared}", lambda d: d.near_repeats),
        row(f"ten commonest openings, share of {n_compared}", lambda d: d.opening_share),
    ]


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _number(figure: str | float | None) -> str:
    return "–" if figure is None else figure if isinstance(figure, str) else f"{figure:.3f}"


def _spread(spread: Spread | None) -> str:
    return f"{spread.mean:.1f} ({spread.q25:.0f}, {spread.median:.0f}, {spread.q75:.0f})" if spread else "–"
