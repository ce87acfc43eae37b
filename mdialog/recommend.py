"""`mdialog recommend`: a wish and a profile to a list of tracks, each with a sentence that a listener wrote of its sound.

The sentence is the utterance of a recommender who hears the track's best clip after the wish was said: the same brief,
candidates, checks and verdicts as in a dialogue. A sentence that tells of something wanted is taken before one that is only
true; which it is, and which part of the score counted most, stands beside it. Where no candidate passes, the track stands
without one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mdialog import brief as briefs
from mdialog import claims, ear
from mdialog import profile as profiles
from mdialog.attributes import Attribute
from mdialog.checks import faults
from mdialog.dialogue import Claim
from mdialog.errors import InputError
from mdialog.listener.base import Listener, Request
from mdialog.match import barred, recommend, resolve, understand
from mdialog.plan import Clip, Plan, PlannedTurn, TrackRef
from mdialog.referee import Referee, contradicted, unlikely
from mdialog.search import Hit
from mdialog.shelf import Exposure, Shelf
from mdialog.wants import Wish
from mdialog.write import Options, Play

NOT_WRITTEN = "no candidate passed the checks"
NO_SOUND = "it has no sound to hear"


@dataclass(frozen=True)
class Sentence:
    """Why a track was picked.

    Parameters
    ----------
    text : str or None
        None where there is none, and why stands in `lacking`.
    claims : tuple of Claim
        What it says of the sound, with verdicts.
    clip : Clip or None
        What was heard.
    lacking : str or None
    meets : tuple of str
        What was wanted of which it truly tells: ``genre:pop``. Where it is empty, the sentence is true but not the reason.
    won : str or None
        The part of the score that added most (:mod:`mdialog.match`).
    """

    text: str | None
    claims: tuple[Claim, ...] = ()
    clip: Clip | None = None
    lacking: str | None = None
    meets: tuple[str, ...] = ()
    won: str | None = None

    def __str__(self) -> str:
        said = self.text or f"(no sentence: {self.lacking})"
        reason = ", ".join(self.meets) or self.won
        return f"{said} [picked for: {reason}]" if reason else said


@dataclass(frozen=True)
class Recommendation:
    """What came of a wish.

    Parameters
    ----------
    wish : Wish
    hits : list of Hit
        Best first.
    shown, catalog : Exposure
        Whom the list shows, and whom the catalogue does.
    n_barred : int
        Tracks that were left out: disliked, unwanted by name, or known already.
    """

    wish: Wish
    hits: list[Hit]
    shown: Exposure
    catalog: Exposure
    n_barred: int


def answer(
    shelf: Shelf,
    text: str,
    *,
    like: Sequence[str] = (),
    dislike: Sequence[str] = (),
    profile: Path | None = None,
    popularity_weight: float = 0.0,
    limit: int = 10,
) -> Recommendation:
    """Tracks for a wish; new opinions count at once, and are kept where there is a profile.

    Parameters
    ----------
    shelf : Shelf
    text : str
        The wish; may be empty where something is liked.
    like, dislike : sequence of str
        Titles, artists or ids.
    profile : Path, optional
    popularity_weight : float
    limit : int > 0

    Raises
    ------
    InputError
        If there is nothing to go by, a name is not in the catalogue, or the profile cannot be read or written.
    """
    before = profiles.load(profile) if profile else profiles.Profile()
    said = [[resolve(shelf, name) for name in names] for names in (like, dislike)]
    after = before.with_round(liked=said[0], disliked=said[1])
    opinions = after.as_opinions()
    wish = understand(shelf, text)
    if not (wish.wants or wish.unread or opinions.liked):
        raise InputError(f"the wish {text!r} asks for nothing; say what you would like to hear, or give --like")
    hits = recommend(shelf, wish, opinions=opinions, popularity_weight=popularity_weight, limit=limit)
    if profile and after != before:
        after.save(profile)
    shown = shelf.exposure([hit.track_id for hit in hits])
    return Recommendation(wish, hits, shown, shelf.exposure(), int(barred(shelf, wish, opinions).sum()))


# ---- sentences


def plans_of(found: Recommendation, snapshot) -> dict[str, Plan]:
    """One plan a pick that can be heard: the wish, then the turn that recommends it and hears its best clip.

    Parameters
    ----------
    found : Recommendation
    snapshot : Snapshot
    """
    from mdialog.clips import best_clip

    wanted = [a for w in found.wish.wants if (a := w.attribute)]
    spoken = tuple(dict.fromkeys(str(a) for a in wanted if not a.value.startswith(("<", ">", "="))))
    plans = {}
    for hit in found.hits:
        track = snapshot.index[hit.track_id]
        if not snapshot.audible[track]:
            continue
        ref: TrackRef = snapshot.ref(track)
        asks = PlannedTurn("user", ("add_filter", "initial_query"), attributes=spoken)
        offers = PlannedTurn("assistant", ("passive_recommend",), track_seq=(ref.track_id,),
                             clips=(best_clip(snapshot, track, wanted=wanted),))  # fmt: skip
        persona = {"user_manner": "plain", "assistant_manner": "plain"}
        plans[hit.track_id] = Plan(f"pick-{ref.track_id}", "recommend", 0, persona, {}, (asks, offers), {ref.track_id: ref})
    return plans


def sentences(
    found: Recommendation, snapshot, listener: Listener, *, play: Play, options: Options, referee: Referee
) -> dict[str, Sentence]:
    """A checked sentence for each pick, by track id.

    Candidates are drawn in the rounds of `options`, for all picks that lack a sentence together. One may be taken if it passes
    the checks of a dialogue's turns, nothing that it says of the sound is contradicted, and something is supported: a name
    alone explains nothing. The first that tells of something wanted is; after the last round, the first of the others.

    Parameters
    ----------
    found : Recommendation
    snapshot : Snapshot
    listener : Listener
    play : callable
        ``play(plan, clip)``: samples at the listener's rate.
    options : Options
    referee : Referee
        Of the clips of :func:`plans_of`.
    """
    plans = plans_of(found, snapshot)
    history = " ".join(found.wish.text.split())
    made = {t: briefs.build(plan, 1, [history]) for t, plan in plans.items()}
    requests = {
        t: Request.of(plans[t].id, brief, play=lambda clip, plan=plans[t]: play(plan, clip))
        for t, brief in made.items()
    }
    won = {hit.track_id: max(hit.why, key=hit.why.get) for hit in found.hits if max(hit.why.values(), default=0) > 0}
    out: dict[str, Sentence] = {}
    waiting = list(plans)
    for first, n, sampling in options.rounds():
        if not waiting:
            break
        drawn = listener.write([requests[t] for t in waiting], n=n, first=first, seed=options.seed, sampling=sampling)
        for t, candidates in zip(waiting, drawn, strict=True):
            for text in candidates:
                judged = _explains(text, made[t], plans[t], referee, by_the_book=listener.by_the_book)
                meets = told_of(found.wish, judged)
                if judged and (meets or t not in out):
                    out[t] = Sentence(text, judged, made[t].clips[-1], meets=meets, won=won.get(t))
                if meets:
                    break
        waiting = [t for t in waiting if t not in out or not out[t].meets]
    for t in (hit.track_id for hit in found.hits):
        out.setdefault(t, Sentence(None, lacking=NOT_WRITTEN if t in plans else NO_SOUND, won=won.get(t)))
    return out


def told_of(wish: Wish, judged: Sequence[Claim]) -> tuple[str, ...]:
    """What of a wish supported claims satisfy; an unwanted thing is satisfied by its absence."""
    true = [claims.Claim(c.text, c.kind, c.value, c.present, 0, 0, c.comparison) for c in judged if c.verdict == "supported"]
    found = []
    for want in (w for w in wish.wants if w.polarity in ("want", "avoid") and not w.compares):
        asked = [a for value in want.values if ear.can_tell(a := Attribute(want.kind, value, want.polarity))]
        found += [str(want)] if any(ear.verdict(a, true) for a in asked) else []
    return tuple(dict.fromkeys(found))


def _explains(text: str, brief: briefs.Brief, plan: Plan, referee: Referee, *, by_the_book: bool) -> tuple[Claim, ...]:
    """The claims of a candidate that may stand and says something true of the sound; else none."""
    if faults(text, brief, plan=plan, turn_index=1, by_the_book=by_the_book):
        return ()
    judged = referee.claims(text, brief, plan=plan, turn_index=1)
    if contradicted(judged, brief) or unlikely(judged) or not any(claim.verdict == "supported" for claim in judged):
        return ()
    return judged


def explain(found: Recommendation, shelf: Shelf, *, listener: str | None, device: str, seed: int, allow_deaf: bool
            ) -> dict[str, Sentence]:  # fmt: skip
    """Load the listener and have the picks explained, by track id.

    Raises
    ------
    InputError
        If the listener does not hear, unless `allow_deaf`.
    ModelError
        If it cannot be loaded.
    """
    from mdialog.audio import AudioCache
    from mdialog.listener import load
    from mdialog.run import player, referee_of, refuse_deaf
    from mdialog.snapshot import Snapshot

    cache, model = AudioCache(), load(listener, device=device)
    if not allow_deaf:
        refuse_deaf(model, cache.folder)
    snapshot = Snapshot.of(shelf.catalog)
    referee = referee_of(shelf.catalog, list(plans_of(found, snapshot).values()))
    options = Options(sampling=model.sampling, seed=seed)
    play = player(cache, sample_rate=model.sample_rate)
    return sentences(found, snapshot, model, play=play, options=options, referee=referee)


def as_json(found: Recommendation, rows: Sequence[dict], reasons: dict[str, Sentence] | None) -> dict:
    """The whole answer for programs: what was understood, the picks, whom the list shows."""
    picks = []
    for row in rows:
        pick = dict(row)
        if reasons is not None:
            reason = reasons[row["track_id"]]
            pick |= {"sentence": reason.text, "claims": [c.model_dump() for c in reason.claims], "lacking": reason.lacking,
                     "meets": list(reason.meets), "won": reason.won,
                     "heard": [reason.clip.start_s, reason.clip.end_s] if reason.clip else None}  # fmt: skip
        picks.append(pick)
    wants = [{"term": str(w), "words": w.words, "polarity": w.polarity, "basis": w.basis} for w in found.wish.wants]
    return {
        "wish": {"text": found.wish.text, "wants": wants, "unread": found.wish.unread, "unknown": found.wish.unknown},
        "picks": picks,
        "left_out": found.n_barred,
        "exposure": {"list": vars(found.shown), "catalog": vars(found.catalog)},
    }
