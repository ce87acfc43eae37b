"""Audit for `mdialog check`: faults of finished dialogues, ours or in LP-MusicDialog's format, within and across turns.

:mod:`mdialog.checks` looks at one utterance with its brief; here the same checks go over a dialogue that is done, with those
that need all of it: whether tracks stay new, names are spelt as given, and a side has more than one manner.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from mdialog import brief as briefs
from mdialog import checks, lexicon, seeds, vocab
from mdialog.attributes import Attribute
from mdialog.errors import InputError
from mdialog.intents import ROLE_INTENTS
from mdialog.plan import Plan
from mdialog.repetition import repetition
from mdialog.utterance import MASK, Fault, Utterance

# Two utterances are alike if they open with the same two words or share four words running. Of pairs of one dialogue's
# utterances people (CPCD, 400 dialogues) make 6 % (user) and 10 % (assistant) alike, of pairs across dialogues 2 %.
OPENING_WORDS, SHARED_WORDS = 2, 4
ALIKE_WITHIN, MIN_WITHIN = 2 / 3, 4  # share of a side's pairs in a dialogue, from so many utterances on: 1 % of people's
ALIKE_ACROSS, MIN_ACROSS = 0.1, 20  # share of a side's pairs across a file's dialogues: five times people's
PAIRS = 20_000  # drawn across dialogues, to estimate that share
KEPT = 20_000  # utterances a side that they are drawn from, the first ones
SHORTEST_NAME = 4  # letters; nearly every word is nearly a shorter one

_RECOMMENDS = ("passive_recommend", "active_recommend")
_ELSE = re.compile(
    r"\b(?:(?:some|any)(?:one|body) else|(?:different|another|other) (?:artist|band|singer|musician|performer|act)s?)\b", re.I
)
# A seeker who tells the other what it wants has changed sides; `lexicon` holds what a listener says of its own accord.
_TOLD_THE_SEEKER = re.compile(r"\b(?:you(?:'d like| want| would like) (?:to|more|some)|you(?:'re| are) looking for)\b", re.I)
_CAPITAL = re.compile(r"(?<=[\w,;:] )[A-Z][a-z]+")


@dataclass(frozen=True)
class Transcript:
    """A finished dialogue as it is checked, whoever wrote it.

    Parameters
    ----------
    plan : Plan
        What was decided; of a foreign dialogue, as much as its file says.
    texts : tuple of str
        The utterance of every turn.
    ours : bool
        Whether the record says what each turn was to do and what it heard, so that nothing has to be guessed.
    unchecked : tuple of str
        What cannot be checked for lack of fields.
    contradicted : tuple of (int, str)
        Turn and text of claims that the record itself calls contradicted.
    """

    plan: Plan
    texts: tuple[str, ...]
    ours: bool = True
    unchecked: tuple[str, ...] = ()
    contradicted: tuple[tuple[int, str], ...] = ()

    def said(self, turn: int) -> Utterance:
        """An utterance with the brief that the plan gives it."""
        brief = briefs.build(self.plan, turn, self.texts[:turn])
        return Utterance(text=self.texts[turn], brief=brief, plan=self.plan, turn_index=turn)

    @property
    def names(self) -> frozenset[str]:
        """Titles and artists of the dialogue: of its tracks, and of what was asked for."""
        named = {n for t in self.plan.tracks.values() for n in (t.title, t.artist)}
        for turn in self.plan.turns:
            for attribute in map(Attribute.parse, turn.attributes):
                if attribute.kind in ("track", "album", "artist") and attribute.value not in self.plan.tracks:
                    told = briefs.told(attribute)
                    named |= {told.title, told.artist}
        return frozenset(filter(None, named))


@dataclass(frozen=True)
class Finding:
    """A fault, and where it is.

    Parameters
    ----------
    dialogue : str
        Its id; ``*`` for the whole file.
    turn : int or None
        Counted from 0; None if it is no single turn's.
    check : str
    text : str
        The words at fault.
    message : str
    """

    dialogue: str
    turn: int | None
    check: str
    text: str
    message: str

    def __str__(self) -> str:
        place = self.dialogue if self.turn is None else f"{self.dialogue} turn {self.turn}"
        return f"{place}: {self.check}: {self.text!r}: {self.message}"


@dataclass(frozen=True)
class Audit:
    """What came of checking a file.

    Parameters
    ----------
    n_dialogues, n_turns : int
    findings : tuple of Finding
        In the order of the file; those of the whole file last.
    unchecked : dict of str to int
        What could not be checked, and in how many dialogues.
    """

    n_dialogues: int = 0
    n_turns: int = 0
    findings: tuple[Finding, ...] = ()
    unchecked: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Faults by check, most frequent first."""
        return dict(Counter(finding.check for finding in self.findings).most_common())

    @property
    def exit_code(self) -> int:
        return 1 if self.findings else 0

    def write(self, path: Path) -> None:
        """All of it as JSON.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        text = json.dumps({**asdict(self), "counts": self.counts}, ensure_ascii=False, indent=1) + "\n"
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another file") from error

    def __str__(self) -> str:
        lines = [f"not checked in {n} of {self.n_dialogues} dialogues: {what}" for what, n in self.unchecked.items()]
        found = ", ".join(f"{n} {check}" for check, n in self.counts.items()) or "no faults"
        return "\n".join([*lines, f"{self.n_dialogues} dialogues, {self.n_turns} turns: {found}"])


def audit(transcripts: Iterable[Transcript]) -> Audit:
    """Check finished dialogues, each by itself and then all together."""
    findings, unchecked, n_dialogues, n_turns = [], Counter(), 0, 0
    words: dict[str, list] = {role: [] for role in ROLE_INTENTS}
    for transcript in transcripts:
        findings += check(transcript)
        unchecked.update(transcript.unchecked)
        for turn, text in zip(transcript.plan.turns, transcript.texts, strict=True):
            if len(words[turn.role]) < KEPT:
                words[turn.role].append((n_dialogues, _words(text)))
        n_dialogues += 1
        n_turns += len(transcript.texts)
    findings += [found for role, said in words.items() for found in _one_manner_across(role, said)]
    return Audit(n_dialogues, n_turns, tuple(findings), dict(unchecked))


def check(transcript: Transcript) -> list[Finding]:
    """Everything wrong with one dialogue, turn by turn."""
    found = [finding for one in CHECKS for finding in one(transcript)]
    return sorted(found, key=lambda finding: len(transcript.texts) if finding.turn is None else finding.turn)


# ------------------------------------------------------------------ turn by turn

def _utterances(talk: Transcript) -> Iterator[Finding]:
    """The checks of an utterance that need no more than the record, and the spelling of names."""
    for i in range(len(talk.texts)):
        said = talk.said(i)
        nearly = dict(_near_misses(said.masked, talk.names))
        found = [*checks.voice(said), *_voice(said), *checks.phrases(said), *repetition(said)]
        if talk.ours:
            found += checks.attributes(said)
            found += [f for f in checks.names(said) if not any(f.text.strip('"') in chunk for chunk in nearly)]
        else:
            found += _names_nothing(said)
        misspelt = "nearly {!r}; a name is written as it is given"
        found += [Fault("spelling", chunk, misspelt.format(name)) for chunk, name in nearly.items()]
        if not said.text.strip():
            found.append(Fault("form", "", "says nothing"))
        yield from (Finding(talk.plan.id, i, f.check, f.text, f.message) for f in found)
    for i, text in talk.contradicted:
        yield Finding(talk.plan.id, i, "claims", text, "contradicted by what was heard, says the record")


def _voice(said: Utterance) -> Iterator[Fault]:
    other = "assistant" if said.brief.role == "user" else "user"
    for intent in set(said.brief.intents) & (set(ROLE_INTENTS[other]) - set(ROLE_INTENTS[said.brief.role])):
        yield Fault("voice", intent, f"an intent of the {other} in a turn of the {said.brief.role}")
    if said.brief.role == "user" and (found := _TOLD_THE_SEEKER.search(said.masked)):
        yield Fault("voice", found[0], "the other side's words in a turn of the user")


def _names_nothing(said: Utterance) -> Iterator[Fault]:
    """A recommendation without a title in quotes, a given name or any word that could be a name."""
    recommends = said.brief.offered and (not said.brief.intents or set(said.brief.intents) & set(_RECOMMENDS))
    if recommends and not (set('"“' + MASK) & set(said.masked) or _CAPITAL.search(said.masked)):
        yield Fault("names", said.text[:60], "recommends tracks and names none")


def _near_misses(text: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Chunks of a text that are a name but for a few letters: quoted ones, and runs of words with the name's capitals."""
    quoted = [chunk.strip(".,!? ") for chunk in re.findall(r'["“]([^"”]*)["”]', text)]
    words = [m[0].strip(".,!?;:()\"“”") for m in re.finditer(r"\S+", text)]
    for name in sorted(names):
        if len(name) < SHORTEST_NAME:
            continue
        n, capitals = len(name.split()), [word[:1].isupper() for word in name.split()]
        runs = [words[i : i + n] for i in range(len(words) - n + 1)] if n > 1 and any(capitals) else []
        chunks = [" ".join(run) for run in runs if [word[:1].isupper() for word in run] == capitals]
        for chunk in dict.fromkeys([*quoted, *chunks]):
            near = abs(len(chunk) - len(name)) <= 2 and _distance(chunk.casefold(), name.casefold()) <= 1 + (len(name) >= 8)
            if chunk not in names and near and chunk.strip(MASK):
                yield chunk, name


def _distance(a: str, b: str) -> int:
    """Letters to insert, delete or replace (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        row, above = [i], row
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


# ------------------------------------------------------------------ across turns

def _ahead(talk: Transcript) -> Iterator[Finding]:
    """No attribute is spoken before the turn that introduces it; if the user ever asks for it, that turn is the user's."""
    if talk.ours:
        return  # `checks.attributes` has seen it, and knows what was heard
    masked = [talk.said(i).masked for i in range(len(talk.texts))]
    given: dict[tuple[str, str], tuple[int, str]] = {}
    order = sorted(enumerate(talk.plan.turns), key=lambda entry: (entry[1].role != "user", entry[0]))
    for i, turn in order:
        for attribute in map(Attribute.parse, turn.attributes):
            if attribute.kind not in vocab.OPEN_KINDS:
                given.setdefault((attribute.kind, attribute.value), (i, turn.role))
    for (kind, value), (i, role) in given.items():
        for j in range(i):
            if talk.plan.turns[j].clips and kind in vocab.load() and vocab.load()[kind].audible:
                continue  # it was heard
            text = masked[j]
            for (k, v), (first, _) in given.items():
                if first <= j:  # its words may also be words for something that comes later
                    text = _pattern(k, v).sub("_", text)
            if found := _pattern(kind, value).search(text):
                here = talk.plan.turns[j].role
                message = f"{kind}:{value}, said by the {here}, is first brought up by the {role} in turn {i}"
                yield Finding(talk.plan.id, j, "attributes", found[0], message)


@lru_cache(maxsize=10_000)
def _pattern(kind: str, value: str) -> re.Pattern:
    """Every way to say a value, but for everyday words that other people's free values may be ("mood:good")."""
    known = vocab.load()
    words = {value, *(known[kind][value].words if kind in known and value in known[kind] else ())}
    everyday = lexicon.common_words() - lexicon.vocabulary_words()
    forms = sorted((word for word in words if word.casefold() not in everyday), key=len, reverse=True)
    flexible = "|".join(re.sub(r"(?:\\ |\\-)", r"[\\s-]", re.escape(form)) for form in forms)
    return re.compile(rf"(?<![\w#/])(?:{flexible})s?(?![\w#/])" if forms else r"(?!)", re.I)


def _tracks(talk: Transcript) -> Iterator[Finding]:
    """A track is recommended once, unless it is asked for again; never after it or its artist was refused."""
    offered: dict[str, int] = {}
    refused: dict[str, int] = {}
    barred: dict[str, int] = {}
    last: tuple[str, ...] = ()
    for i, turn in enumerate(talk.plan.turns):
        if turn.role == "user":
            _user_says(talk, i, last, offered=offered, barred=barred)
            refused |= dict.fromkeys(turn.refused, i)
            continue
        last = turn.track_seq or last
        for track_id in turn.track_seq:
            track = talk.plan.tracks[track_id]
            name = f'"{track.title}" by {track.artist}' if track.title else track_id
            if track_id in refused:
                yield Finding(talk.plan.id, i, "tracks", name, f"refused in turn {refused[track_id]}")
            elif track_id in offered:
                yield Finding(talk.plan.id, i, "tracks", name, f"recommended before, in turn {offered[track_id]}")
            if track.artist in barred:
                yield Finding(talk.plan.id, i, "artists", name, f"turn {barred[track.artist]} asks for someone else")
            offered.setdefault(track_id, i)


def _user_says(talk: Transcript, i: int, last: tuple[str, ...], *, offered: dict[str, int], barred: dict[str, int]) -> None:
    """Take in what a user turn wants again and wants no more."""
    turn, tracks = talk.plan.turns[i], talk.plan.tracks
    for attribute in map(Attribute.parse, turn.removed):
        if attribute.polarity == "avoid":
            barred.pop(attribute.value, None)
    asked = [*map(Attribute.parse, turn.attributes)]
    for attribute in asked:
        told = briefs.told(attribute).title if attribute.kind == "track" else None
        if attribute.kind == "artist" and attribute.polarity == "avoid":
            barred[attribute.value] = i
        elif attribute.kind == "artist":
            barred.pop(attribute.value, None)
        elif attribute.kind == "track" and attribute.polarity == "want":
            for track_id in [t for t in offered if t == attribute.value or tracks[t].title == told]:
                del offered[track_id]
    if _ELSE.search(talk.texts[i]) and not any(a.kind == "artist" for a in asked):
        # Nobody is named: those refused now, else those that the recommendation spoke of, else its first.
        spoken = [t for t in last if any(tracks[t].artist and tracks[t].artist in text for text in talk.texts[:i])]
        for track_id in turn.refused or spoken or last[:1]:
            if tracks[track_id].artist:
                barred[tracks[track_id].artist] = i


# ------------------------------------------------------------------ manner

def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(rf"[^\W_]+(?:['’][^\W_]+)*|{MASK}", re.sub(r'"[^"]*"', MASK, text.casefold())))


def alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether two utterances, as words, open with the same two or share four running."""
    return a[:OPENING_WORDS] == b[:OPENING_WORDS] or not _phrases(a).isdisjoint(_phrases(b))


@lru_cache(maxsize=10_000)
def _phrases(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(words[i : i + SHARED_WORDS] for i in range(len(words) - SHARED_WORDS + 1))


def _one_manner(talk: Transcript) -> Iterator[Finding]:
    """A side of which two thirds of the pairs of utterances are alike."""
    by_role = defaultdict(list)
    for i, turn in enumerate(talk.plan.turns):
        if len(words := _words(talk.texts[i])) >= OPENING_WORDS:
            by_role[turn.role].append((i, words))
    for role, said in by_role.items():
        pairs = [(i, j) for (i, a), (j, b) in combinations(said, 2) if alike(a, b)]
        n = len(said) * (len(said) - 1) // 2
        if len(said) >= MIN_WITHIN and len(pairs) >= ALIKE_WITHIN * n:
            message = f"{len(pairs)} of {n} pairs of the {role}'s turns open alike or share a phrase of {SHARED_WORDS} words"
            yield Finding(talk.plan.id, pairs[-1][1], "manner", talk.texts[pairs[-1][1]][:60], message)


def _one_manner_across(role: str, said: list[tuple[int, tuple[str, ...]]]) -> Iterator[Finding]:
    """A side of which a tenth of the pairs of utterances, drawn across the dialogues, are alike."""
    said = [(dialogue, words) for dialogue, words in said if len(words) >= OPENING_WORDS]
    if len(said) < MIN_ACROSS or len({dialogue for dialogue, _ in said}) < 2:
        return
    rng, same, n = seeds.stdlib(0, "manner", role), [], 0
    for _ in range(PAIRS):
        (i, a), (j, b) = rng.sample(said, 2)
        n += i != j
        if i != j and alike(a, b):
            same.append(a[:OPENING_WORDS])
    if len(same) >= ALIKE_ACROSS * n:
        opening = " ".join(Counter(same).most_common(1)[0][0])
        message = f"{len(same) / n:.0%} of pairs of the {role}'s turns from two dialogues are alike; people's 2 %"
        yield Finding("*", None, "manner", opening, message)


CHECKS = (_utterances, _ahead, _tracks, _one_manner)
