"""Sound events of a clip: what can be asked about them, and what their times answer."""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations

from mdialog import claims, vocab
from mdialog import eventwords as forms
from mdialog.claims import Claim
from mdialog.eventwords import FIRST_CHAR, Mention, mentions, number, pieces, plain, skeleton, stated
from mdialog.metadata import EventSpan

AT_ONCE_S = 0.7  # what begins sooner is there from the start; what ends later than this before the end lasts to the end
APART_S = 0.5  # less between two begins, and nobody could say which comes first
OVERLAP_S = 0.7  # that two sounds share, to be heard together
ASKS = ("event", "onset", "duration", "times", "order", "together")  # kinds of question; all but the first have a value


def about_events(ask: str) -> bool:
    """Whether a question is one of this module's: ``event``, ``event:siren``, ``onset:siren``, ``order:bell+siren``."""
    return ask.partition(":")[0] in ASKS


def draw_ask(rng: random.Random, events: Sequence[EventSpan]) -> str:
    """A question about a clip, one that its events answer clearly.

    Parameters
    ----------
    rng : random.Random
    events : sequence of EventSpan
        In the clip's own time.

    Returns
    -------
    str
        ``event``, ``event:NAME`` (half of them heard), ``onset:NAME``, ``duration:NAME``, ``times:NAME``,
        ``order:NAME+NAME`` or ``together:NAME+NAME``.
    """
    can = {**askable(events), "whether": [f"event:{_whether(rng, sorted({event.label for event in events}))}"]}
    weights = {"event": 3, "onset": 3, "times": 1, "duration": 2, "order": 3, "together": 2, "whether": 4}
    kinds = [kind for kind, asks in can.items() if asks]
    return rng.choice(can[rng.choices(kinds, weights=[weights[kind] for kind in kinds])[0]])


def askable(events: Sequence[EventSpan]) -> dict[str, list[str]]:
    """Questions that the events of a clip answer clearly, by kind; none after whether a sound is there."""
    sounds = sorted({event.label for event in events} - {"music"})
    return {
        "event": ["event"], "onset": [f"onset:{name}" for name in sounds], "times": [f"times:{name}" for name in sounds],
        "duration": [f"duration:{name}" for name in sounds if times_of(events, name) == 1],
        "order": [f"order:{a}+{b}" for a, b in permutations(sounds, 2) if first_of(events, a, b)],
        "together": [f"together:{a}+{b}" for a, b in combinations(sounds, 2) if overlapping(events, a, b) is not None],
    }  # fmt: skip


def _whether(rng: random.Random, there: Sequence[str]) -> str:
    """A sound to ask after: as often one that is there."""
    others = [name for name in vocab.events().names if name not in there]
    return rng.choice(list(there)) if there and rng.random() < 0.5 else rng.choice(others)


def times_of(events: Sequence[EventSpan], name: str) -> int:
    """How often a sound comes in."""
    return sum(event.label == name for event in events)


def first_of(events: Sequence[EventSpan], one: str, two: str) -> str | None:
    """Which of two sounds comes in first; None where it is not clear."""
    starts = {name: min(event.start_s for event in events if event.label == name) for name in (one, two)}
    return None if abs(starts[one] - starts[two]) < APART_S else min(starts, key=starts.get)


def overlapping(events: Sequence[EventSpan], one: str, two: str) -> bool | None:
    """Whether two sounds are heard at the same time; None where they hardly are."""
    a, b = ([event for event in events if event.label == name] for name in (one, two))
    shared_s = max(min(x.end_s, y.end_s) - max(x.start_s, y.start_s) for x in a for y in b)
    return True if shared_s >= OVERLAP_S else False if shared_s <= 0 else None


# ---- what an answer says of them


def find(
    text: str, asks: str | Sequence[str] = (), *, names: Iterable[str] = (), labels: Iterable[str] = ()
) -> list[Claim]:
    """What an utterance states of sound events, where it was asked about them; nothing in any other turn.

    "About 4 seconds in" and "yes" take their sound from the question. A mild hedge ("I think", "maybe") still claims; who
    cannot tell claims nothing.

    Parameters
    ----------
    text : str
    asks : str or sequence of str
        What was asked; only those :func:`about_events` count.
    names : iterable of str, optional
        Titles and artists: words inside them claim nothing. Quoted text never does.
    labels : iterable of str, optional
        A source's own words for sounds, beside the vocabulary's.

    Returns
    -------
    list of Claim
        Left to right. By kind, with their values: ``event`` (NAME), ``onset`` (NAME and seconds after the clip's begin),
        ``duration`` (NAME and seconds, or ``all``), ``times`` (NAME and a number, or ``2+``: at least twice), ``order`` (the
        sound that begins first, then the other), ``together`` (``A+B``, by the alphabet).

    Examples
    --------
    >>> [(c.kind, c.value) for c in find("About 4 seconds in.", "onset:siren")]
    [('onset', 'siren 4')]
    """
    asks = [ask for ask in ([asks] if isinstance(asks, str) else asks) if about_events(ask)]
    return _Reading(text, asks, tuple(names), tuple(labels)).claims() if asks else []


def names_of(ask: str) -> list[str]:
    """The sounds that a question names."""
    value = ask.partition(":")[2]
    return value.split("+") if value and about_events(ask) else []


def goes_on(ask: str) -> str:
    """The sound of a question that can follow another one about the same sound: "when does it come in?"; else nothing."""
    kind, _, name = ask.partition(":")
    return name if kind in ("onset", "duration", "times") else ""


def sounds_of(claim: Claim, labels: Iterable[str] = ()) -> list[str]:
    """The sounds that a claim of :func:`find` speaks of.

    Parameters
    ----------
    claim : Claim
    labels : iterable of str, optional
        A source's own words for sounds, which may hold spaces.
    """
    if claim.kind == "together":
        return claim.value.split("+")
    if claim.kind == "order":
        words, known = claim.value.split(" "), {*labels, *vocab.events().names}
        cuts = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
        return list(next((cut for cut in cuts if known.issuperset(cut)), cuts[0]))
    return [claim.value if claim.kind == "event" else claim.value.rpartition(" ")[0]]


def answers(found: Sequence[Claim], ask: str) -> bool:
    """Whether something of what is asked is claimed, or that a sound which is asked about is not there.

    When two sounds come in tells which comes first.
    """
    kind, names = ask.partition(":")[0], names_of(ask)
    for claim in found:
        if claim.kind == kind and (not names or {*sounds_of(claim, names)} == {*names}):
            return True
        if claim.kind == "event" and not claim.present and claim.value in names:
            return True
    return kind == "order" and {*names} <= {name for c in found if c.kind == "onset" for name in sounds_of(c)}


def at_odds(text: str, found: Sequence[Claim], ask: str) -> Claim | None:
    """The claim that a "yes" or "no" is followed by, where it says the opposite."""
    answer, kind, names = claims.yes_or_no(text), ask.partition(":")[0], names_of(ask)
    if not answer or kind not in ("event", "together") or not names:
        return None
    about = [c for c in found if c.kind == kind and {*sounds_of(c, names)} == {*names}]
    return next((c for c in about if c.present == claims.is_no(answer)), None)


def spoken(text: str, asks: Sequence[str]) -> list[Mention]:
    """Where an utterance that was asked about events speaks of them, stated or not."""
    labels = [name for ask in asks for name in names_of(ask)]
    return list(mentions(plain(text), labels)) if any(map(about_events, asks)) else []


def clauses(text: str) -> list[tuple[int, int]]:
    """Begin and end of each clause of an utterance."""
    return pieces(plain(text))


class _Reading:
    """One answer, read with what it was asked."""

    def __init__(self, text: str, asks: Sequence[str], names: tuple[str, ...], labels: tuple[str, ...]):
        self.text, self.asks = text, asks
        self.asked = {ask.partition(":")[0]: names_of(ask) for ask in reversed(asks)}
        self.sounds = list(dict.fromkeys(name for ask in asks for name in names_of(ask)))
        self.stated = stated(text, names)
        self.pieces = pieces(self.stated)
        self.mentions = [replace(one, present=self._is_there(one)) for one in mentions(self.stated, (*labels, *self.sounds))]
        for i, (one, next_) in enumerate(zip(self.mentions, self.mentions[1:], strict=False), 1):  # "no rain, thunder or wind"
            if not one.present and re.fullmatch(r",? (?:or|nor) (?:an? |any |the )?|, ", self.stated[one.end : next_.start]):
                self.mentions[i] = replace(next_, present=False)

    def claims(self) -> list[Claim]:
        """All claims, each once."""
        particular = [*self._times_in_seconds(), *self._spans(), *self._times(), *self._of_two()]
        covered = {name for c in particular for name in self.sounds if f" {name} " in f" {c.value.replace('+', ' ')} "}
        found = particular + [
            self._claim("event", m.name, m.present, m.start, m.end)
            for m in self.mentions if not (m.present and m.name in covered and m.name not in self.asked.get("event", ()))
        ]  # fmt: skip
        found += self._by_yes_or_no(found)
        first = {(c.kind, c.value, c.present): c for c in sorted(found, key=lambda c: -c.start)}
        return sorted(first.values(), key=lambda c: (c.start, c.end))

    def _claim(self, kind: str, value: str, present: bool, start: int, end: int) -> Claim:
        return Claim(self.text[start:end], kind, value, present, start, end)

    def _is_there(self, one: Mention) -> bool:
        begin, end = self._piece(one.start)
        before, after = self.stated[begin : one.start], self.stated[one.end : end]
        return not (forms.DENIED.search(before) and not forms.NOT_DENIED.search(before) or forms.ABSENT.match(after))

    def _piece(self, at: int) -> tuple[int, int]:
        return next(((a, b) for a, b in self.pieces if a <= at <= b), (at, at))

    def _subject(self, start: int, end: int) -> tuple[str, int] | None:
        """The sound that words speak of, and where it is named; the one asked about where it is not."""
        a, b = self._piece(start)
        inside = [m for m in self.mentions if a <= m.start <= b]
        if before := [m for m in inside if m.end <= start]:
            return before[-1].name, before[-1].start
        if inside:
            return inside[0].name, start
        if self.stated[b : b + 1] == "," and not forms.PREPOSITION.match(self.stated, b + 1):  # "after 4 seconds, a siren"
            following = [m for m in self.mentions if b < m.start <= self._piece(b + 1)[1]]
            if following:
                return following[0].name, start
        earlier = [m for m in self.mentions if m.end <= start and m.present]
        name = earlier[-1].name if earlier else self.sounds[0] if self.sounds else None
        return (name, start) if name else None

    def _about(self, kind: str, value: str, match: re.Match, *, present: bool = True) -> Iterator[Claim]:
        if subject := self._subject(*match.span()):
            yield self._claim(kind, f"{subject[0]} {value}", present, min(subject[1], match.start()), match.end())

    def _denied_before(self, at: int) -> bool:
        before = self.stated[self._piece(at)[0] : at]
        only = re.search(r"\b(?:until|till) (?:\w+ )*$|\b(?:only|just) (?:\w+ )?$", before, re.I)
        return bool(forms.NOT.search(before)) and not only

    # ---- of one sound

    def _times_in_seconds(self) -> Iterator[Claim]:
        ranges = list(forms.FROM_TO.finditer(self.stated))
        for match in ranges:
            a, b = number(match["a"]), number(match["b"])
            lasts = re.search(r"\b(?:lasts?|for|long|about)(?: \w+)? $", self.stated[: match.start()], re.I)
            if lasts or match[0].lower().startswith("between") and "onset" in self.asked:
                yield from self._about("duration" if lasts else "onset", _amount((a + b) / 2), match)
            elif b > a:
                yield from self._about("onset", _amount(a), match)
                yield from self._about("duration", _amount(b - a), match)
        for match in forms.TIME.finditer(self.stated):
            if any(r.start() < match.end() and match.start() < r.end() for r in ranges):
                continue
            before, after = self.stated[self._piece(match.start())[0] : match.start()], self.stated[match.end() :]
            if (match["n"] or "").lower() in ("a", "an") and not re.match(
                r"\W*$|[,.;!]| (?:in|into|long|or|later|mark)\b", after) or re.match(r" time\b", after):  # fmt: skip
                continue  # "a second siren"
            if kind := self._kind_of_time(before, after, match):
                yield from self._about(kind, _amount(_seconds(match)), match, present=not self._denied_before(match.start()))

    def _kind_of_time(self, before: str, after: str, match: re.Match) -> str | None:
        if re.search(r"(?:\bnot|n't)[^,;]* (?:until|till|before)\b[^,;]*$", before, re.I):
            return "onset"
        if forms.AFTER["none"].match(after) or forms.BEFORE["none"].search(before):
            return None
        for kind in ("duration", "onset"):
            if forms.AFTER[kind].match(after):
                return kind
        if match["at"] or match["clock"]:
            return "onset"
        if forms.BEFORE["duration"].search(before) or _of_noun(after, self.mentions, match.end()):
            return "duration"
        if re.search(r"\b(?:after|at)\b(?: \w+){0,2} $|^$", before, re.I) and forms.BEFORE["onset"].search(before):
            return "onset"
        asked = [kind for kind in ("onset", "duration") if kind in self.asked]
        return asked[0] if asked else "onset" if forms.BEFORE["onset"].search(before) else None

    def _spans(self) -> Iterator[Claim]:
        """From the begin, all the way through."""
        taken = []
        for match in forms.WHOLE.finditer(self.stated):
            taken.append(match.span())
            yield from self._about("duration", "all", match, present=not self._denied_before(match.start()))
        starts = [forms.START, *([forms.START_ASKED] if "onset" in self.asked else [])]
        for match in (match for pattern in starts for match in pattern.finditer(self.stated)):
            if not any(a < match.end() and match.start() < b for a, b in taken):
                yield from self._about("onset", "0", match, present=not self._denied_before(match.start()))

    def _times(self) -> Iterator[Claim]:
        for match in forms.TIMES.finditer(self.stated):
            n = 1 if match["once"] else 2 if match["twice"] else 3 if match["thrice"] else number(match["n"])
            a, _ = self._piece(match.start())
            stroke = [m for m in forms.STROKES.finditer(self.stated, a, match.start())]
            for claim in self._about("times", _amount(n), match, present=not self._denied_before(match.start())):
                start = min(stroke[-1].start(), match.start()) if stroke else match.start()
                yield replace(claim, text=self.text[start : match.end()], start=start)
        for match in forms.AGAIN.finditer(self.stated):
            a, b = self._piece(match.start())
            if "times" in self.asked or any(a <= m.start <= b for m in self.mentions):
                yield from self._about("times", "1" if forms.NOT.search(self.stated[a : match.start()]) else "2+", match)

    # ---- of two

    def _of_two(self) -> list[Claim]:
        there = [m for m in self.mentions if m.present]
        text, at = skeleton(self.stated, there)
        found = [*self._orders(text, at, there), *self._together(text, at, there)]
        pair = self.asked.get("order") or []
        said = {m.name for m in there} & {*pair}
        if pair and len(said) == 1 and not found and "?" not in self.text:  # "which comes first?" "The bell."
            one = next(m for m in there if m.name in said)
            found = [self._claim("order", f"{one.name} {self._partner(one.name, there)}", True, one.start, one.end)]
        return found

    def _partner(self, name: str, there: Sequence[Mention]) -> str | None:
        """The other one of two sounds: those asked about, or the only two that are named."""
        for names in (*(self.asked.get(kind, ()) for kind in ("order", "together")), {m.name for m in there}):
            if len(names) == 2 and name in names:
                return next(other for other in names if other != name)
        return None

    def _orders(self, text: str, at: list[tuple[int, int]], there: Sequence[Mention]) -> Iterator[Claim]:
        pairs: set[tuple[str, str]] = set()

        def claim(one: str, two: str | None, match: re.Match, end: int, words: str) -> Iterator[Claim]:
            if two and one != two and (two, one) not in pairs:
                pairs.add((one, two))
                turned = re.search(r"n't\b|\bnot\b|\bnever\b", words) and not re.search(r"\buntil\b|\btill\b|\bonly\b", words)
                yield self._claim("order", f"{one} {two}", not turned, at[match.start()][0], at[end - 1][1])

        for pattern, turned in forms.ORDERS:
            for match in pattern.finditer(text):
                one, two = (there[ord(match[i]) - FIRST_CHAR].name for i in ((2, 1) if turned else (1, 2)))
                yield from claim(one, two, match, match.end(2), text[match.end(1) : match.start(2)])
        for pattern, turned in forms.FIRSTS:
            for match in pattern.finditer(text):
                name = there[ord(match[1]) - FIRST_CHAR].name
                other = self._partner(name, there)
                if other and not any({name, other} == {*pair} for pair in pairs):
                    yield from claim(*((other, name) if turned else (name, other)), match, match.end(), match[0])

    def _together(self, text: str, at: list[tuple[int, int]], there: Sequence[Mention]) -> Iterator[Claim]:
        pair = self.asked.get("together") or self.asked.get("order") or []
        for pattern, overlap in ((forms.TOGETHER, True), (forms.APART, False)):
            for match in pattern.finditer(text):
                start = max((text.rfind(c, 0, match.start()) for c in ";.!?"), default=-1) + 1
                around = [c for c in re.split(r"[;.!?]", text[start:])[0] if ord(c) >= FIRST_CHAR]
                names = list(dict.fromkeys(there[ord(c) - FIRST_CHAR].name for c in around))[-2:]
                names = names if len(names) == 2 else pair
                if len(names) == 2 and (overlap or {*names} == {*pair}):
                    denied = forms.NOT.search(text[start : match.start()]) is not None
                    yield self._both(names, overlap != denied, at, *match.span())
        for match in forms.OVER.finditer(text):
            names = [there[ord(c) - FIRST_CHAR].name for c in (match[1], match[3])]
            if names[0] != names[1]:
                denied = re.search(r"n't\b|\bnot\b|\bnever\b", match["gap"]) is not None
                yield self._both(names, not denied, at, match.start(1), match.end(3))

    def _both(self, names: Sequence[str], present: bool, at: list[tuple[int, int]], start: int, end: int) -> Claim:
        return self._claim("together", "+".join(sorted(names)), present, at[start][0], at[end - 1][1])

    # ---- by yes and no

    def _by_yes_or_no(self, found: Sequence[Claim]) -> list[Claim]:
        """What "yes" and "no" claim where the answer does not say it in words."""
        answer = claims.yes_or_no(self.text)
        if len(self.asks) != 1 or not answer or "?" in self.text or not self.sounds:
            return []
        kind, names, yes = self.asks[0].partition(":")[0], self.sounds, not claims.is_no(answer)
        values = {"event": names[0], "together": "+".join(sorted(names)), "times": f"{names[0]} {'2+' if yes else '1'}"}
        said = any(c.kind == kind and c.value.split(" ")[0] == values[kind].split(" ")[0] for c in found if kind in values)
        gone = any(c.kind == "event" and not c.present and c.value in names for c in found)
        if kind not in values or said or gone:
            return []
        return [self._claim(kind, values[kind], yes or kind == "times", *answer.span())]


def by_strokes(words: str) -> bool:
    """Whether a number of times is one of strokes: "barks three times"."""
    return forms.STROKES.search(words) is not None


def _of_noun(after: str, mentions: Sequence[Mention], end: int) -> bool:
    """Whether a sound follows at once: "a four second siren"."""
    return bool(re.match(r" \w", after)) and any(m.start == end + 1 for m in mentions)


def _seconds(match: re.Match) -> float:
    if match["at"] or match["clock"]:
        return number(match["at"] or match["clock"])
    n = number(match["n"]) + (0.5 if match["half"] else 0.0)
    return (n + number(match["low"])) / 2 if match["low"] and number(match["low"]) < n else n


def _amount(x: float) -> str:
    return f"{x:g}"
