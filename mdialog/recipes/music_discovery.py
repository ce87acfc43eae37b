"""Music discovery: people's intents, a cascade of filters toward a hidden goal, tracks recommended on the way.

The kind of dialogue of LP-MusicDialog (arXiv 2411.07439), planned with what was heard. A set of intents that the state
of the dialogue does not allow is drawn again from the same context, a few times; then what is impossible is taken out
of it. What is possible is said in `_possible_user` and `_possible_assistant`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from mdialog import personas, seeds
from mdialog.attributes import Attribute
from mdialog.cascade import TRACKS_KEPT, Cascade, draw_goal, is_focus, kind_of, weighted
from mdialog.clips import best_clip
from mdialog.errors import InputError
from mdialog.intents import SONIC_KIND_WEIGHTS, IntentModel, Turn, kind_weights, set_sizes
from mdialog.plan import Clip, Plan
from mdialog.recipes.audio_dialogue import numbered
from mdialog.recipes.talk import Talk, persona_of
from mdialog.snapshot import Snapshot

NAME = "music-discovery"
MAX_TURNS = 28  # of both sides: the longest of the human dialogues
DRAWS = 12  # sets of intents drawn before the impossible is taken out of one
EARLY_TRACKS = 30  # tracks not offered yet that the first filter leaves; three fewer a turn, to TRACKS_KEPT
EARLY_SHARE = 30  # or one in so many of the catalogue: no genre of a small one has thirty
AVOID_SHARE = 0.1  # of wishes after the first
SOMEONE_ELSE_SHARE = 0.4  # of rejections: the artist is refused too
ANSWER_SHARE = 0.8  # of wishes after a question for details: they name what was asked for
FAVOUR = 3.0  # how much more often a goal's own family of kinds is named
COMPARE_SHARE = 0.3  # of recommendations: heard beside the track before
ASKABLE_KINDS = ("genre", "theme", "mood", "artist", "year", "tempo", "instrument", "vocal", "energy", "mode",
                 "culture", "popularity")  # fmt: skip
RECOMMENDS = {"passive_recommend", "active_recommend"}


@dataclass(kw_only=True)
class _Talk(Talk):
    """What has been said and heard so far."""

    sonic: float
    max_track_seq: int
    second: float
    persona: Mapping[str, str]
    pending: list[int] = field(default_factory=list)  # offered by name in the last recommendation and not yet judged
    past: list[int] = field(default_factory=list)  # offered by name before it
    offered: bool = False
    heard: list[Clip] = field(default_factory=list)  # clips played as the track under discussion
    asked: tuple[str, ...] = ()  # kinds that the assistant asked for in its last turn
    given: set[str] = field(default_factory=set)  # kinds the user has named
    question: tuple[str, ...] = ()  # kinds the user asked about in the last turn

    @property
    def history(self) -> list[Turn]:
        return [(turn.role, turn.intents) for turn in self.turns]


class Options(BaseModel):
    """What may be asked of this recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sonic: float = Field(default=0.5, ge=0, le=1, description="how often wishes name what the sound shows; 0 as people do")
    questions: float = Field(default=0.0, ge=0, le=1, description="chance of a question about the sound, beyond people's few")
    max_track_seq: int = Field(default=10, ge=1, le=10, description="tracks of a recommendation at most")
    second: float = Field(default=0.0, ge=0, le=1, description="chance that a recommendation of one kind names two tracks")
    max_turns: int = Field(default=MAX_TURNS, ge=2, description="turns of both sides together at most")


def plan_dialogue(
    snapshot: Snapshot,
    *,
    seed: int,
    dialogue_id: str,
    options: Options | None = None,
    intents: IntentModel | None = None,
    persona: dict[str, str] | None = None,
) -> Plan:
    """Plan one dialogue.

    Parameters
    ----------
    snapshot : Snapshot
    seed : int
        The run's seed; every draw derives from it and `dialogue_id`.
    dialogue_id : str
    options : Options, optional
        The one of the sound is recorded in the goal.
    intents : IntentModel, optional
        By default people's.
    persona : dict, optional
        By default drawn by the number at the end of `dialogue_id`.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If no track of the catalogue may be recommended.
    """
    if not snapshot.usable.any():
        raise InputError(f"none of {len(snapshot)} tracks may be recommended (all silent?); ingest music with sound")
    options, intents = options or Options(), intents or IntentModel.load()
    persona = persona_of(dialogue_id, seed=seed) if persona is None else persona
    rng = seeds.stdlib(seed, dialogue_id)
    weights = _favoured(kind_weights(options.sonic), persona)
    goal = draw_goal(rng, snapshot, weights=weights, narrow=persona.get("goal_target") == "narrow")
    cascade = Cascade(snapshot, goal)
    asked = {"sonic": options.sonic, "max_track_seq": options.max_track_seq, "second": options.second}
    talk = _Talk(cascade=cascade, rng=rng, persona=persona, **asked)
    while len(talk.turns) + 1 < options.max_turns and _exchange(talk, intents, options.questions):
        pass
    return talk.plan(dialogue_id, recipe=NAME, seed=seed, persona=persona, sonic=options.sonic)


def plan_many(
    snapshot: Snapshot, *, seed: int, n: int, shard: tuple[int, int] = (0, 1), options: Options | None = None,
    intents: IntentModel | None = None,
) -> Iterator[Plan]:  # fmt: skip
    """Plan `n` dialogues, or a shard of them; the plans are the same however they are split.

    Parameters
    ----------
    snapshot, seed, options, intents
        As for :func:`plan_dialogue`.
    n : int >= 0
        Dialogues of the whole run: ``md-000000`` and so on.
    shard : (int, int)
        Which part of how many, counted from 0: this one takes every ``shard[1]``-th dialogue.
    """
    for i, persona in numbered(seed=seed, n=n, shard=shard):
        yield plan_dialogue(snapshot, seed=seed, dialogue_id=f"md-{i:06d}", options=options, intents=intents, persona=persona)


# ---- what can be done now


def _exchange(talk: _Talk, intents: IntentModel, questions: float) -> bool:
    """One turn of each side; False, with nothing added, where the dialogue ends."""
    if not talk.cascade.n_fresh and not any(map(is_focus, talk.cascade.in_force)):
        return False  # the pool is dry: everything left would repeat
    wanted = _draw(talk, intents, _possible_user)
    if not wanted:
        return False
    if questions and talk.rng.random() < questions and _askable(talk) and "initial_query" not in wanted:
        # The answer is the next turn: a wish beside the question would go unheard.
        wanted = wanted - {"add_filter", "remove_filter", "continue"} | {"item_attribute_question"}
    before = len(talk.turns)
    if not _user_turn(talk, wanted):
        return False
    answer = _draw(talk, intents, _possible_assistant)
    if not answer:
        del talk.turns[before:]  # people's dialogues end with the recommender's turn
        return False
    _assistant_turn(talk, answer)
    return True


def _draw(talk: _Talk, intents: IntentModel, possible) -> set[str] | None:
    """A set of intents that the state allows, or None for the end."""
    history = talk.history
    allowed: set[str] = set()
    for _ in range(DRAWS):
        turn = intents.next_turn(talk.rng, history=history, may_end=talk.offered)
        if turn is None:
            return None
        drawn = set(turn[1])
        allowed = possible(talk, drawn)
        if allowed == drawn:
            return allowed
    return allowed or None


def _possible_user(talk: _Talk, drawn: set[str]) -> set[str]:
    """What of a user's set can be done."""
    cascade, allowed = talk.cascade, set(drawn)
    if not talk.pending:
        allowed -= {"accept_response"}
    if not (_weighed(talk) if "accept_response" in allowed else _refusable(talk)):
        allowed -= {"reject_response"}
    if not talk.offered:
        allowed -= {"continue"}
    if len(cascade.in_force) < (1 if "add_filter" in allowed else 2):
        allowed -= {"remove_filter"}
    if not _askable(talk):
        allowed -= {"item_attribute_question"}
    if not cascade.n_fresh and not allowed & {"add_filter", "continue", "remove_filter"}:
        # The artist asked for is used up: someone must say what else.
        allowed = set()
    return allowed


def _possible_assistant(talk: _Talk, drawn: set[str]) -> set[str]:
    """What of an assistant's set can be done; an answer is given if and only if there is a question."""
    cascade, allowed = talk.cascade, set(drawn)
    if talk.question:
        # One turn speaks of one track's sound: the answer's, not that of something new.
        return {"item_attribute_answer"} | (allowed & {"sympathetic_response", "feedback_request"})
    allowed -= {"item_attribute_answer"}
    if not cascade.in_force:
        allowed -= {"passive_recommend", "parroting_response"}
    if not cascade.n_fresh:
        allowed -= RECOMMENDS
    if not talk.offered and not allowed & RECOMMENDS:
        allowed -= {"feedback_request"}
    if not set(ASKABLE_KINDS) - talk.given:
        allowed -= {"detail_attribute_request"}
    return allowed


def _askable(talk: _Talk) -> bool:
    return bool(talk.heard)


# ---- the user's turn


def _user_turn(talk: _Talk, wanted: set[str]) -> bool:
    """Apply a set of intents and record the turn; False if nothing of it could be done."""
    cascade, rng = talk.cascade, talk.rng
    liked, refused = _judge(talk, wanted)
    removed = _remove(talk) if "remove_filter" in wanted else []
    moves_on = bool(wanted & {"add_filter", "continue"})
    lapsed = cascade.lapse(below=TRACKS_KEPT if moves_on else 1)
    added: list[Attribute] = []
    if refused and rng.random() < SOMEONE_ELSE_SHARE:
        elsewhere, replaced = _someone_else(talk, refused[0])
        added += elsewhere
        lapsed += replaced
    if wanted & {"add_filter", "initial_query"}:
        added_now, replaced = _add(talk, one="add_filter" not in wanted)
        added += added_now
        lapsed += replaced
    if not added and "add_filter" in wanted:
        # Nothing sets the goal apart any more (or ever did): the wish is only uttered in general.
        wanted = wanted - {"add_filter"} | (set() if talk.turns else {"initial_query"})
    if not wanted or not cascade.n_fresh:
        return False
    clips = _judged_clips(talk, liked, refused)
    asks: tuple[str, ...] = ()
    if "item_attribute_question" in wanted:
        clips = clips or (talk.heard[-1],)
        asks = _sound_question(talk, clips[-1])
    if clips:
        talk.heard.append(clips[-1])
    talk.question, talk.asked = asks, ()
    talk.given.update(kind_of(a).removeprefix("similar_") for a in added)
    talk.seeker_says(wanted, added=added, removed=removed, lapsed=lapsed, liked=liked, refused=refused, clips=clips, asks=asks)
    return True


def _judge(talk: _Talk, wanted: set[str]) -> tuple[list[int], list[int]]:
    """Which of the tracks that were named are liked (nearest the goal) and refused (farthest, never one of the goal)."""
    accepts, rejects = "accept_response" in wanted, "reject_response" in wanted
    if not (accepts or rejects):
        return [], []
    cascade, rng = talk.cascade, talk.rng
    liked, refused = [], []
    if accepts and rejects:
        good, bad = rng.choice(_weighed(talk))
        liked, refused = [good], [bad]
    elif rejects:
        refused = _refusable(talk)[: 1 + (rng.random() < 0.3)]
    else:
        liked = sorted(talk.pending, key=lambda t: -_worth(talk, t))[: rng.choice((1, 1, 2, 3))]
    talk.past += talk.pending
    talk.pending = []
    cascade.liked += [t for t in liked if t not in cascade.liked]
    cascade.refused += refused
    return liked, refused


def _worth(talk: _Talk, track: int) -> float:
    """How near a track is to the goal; those of the goal are nearer than all others."""
    goal = talk.cascade.goal
    return float(talk.snapshot.sketch[track] @ goal.center) + 2 * (track in goal.members)


def _refusable(talk: _Talk) -> list[int]:
    """Tracks that were named, are not of the goal and were not judged before, the last ones first."""
    cascade, named = talk.cascade, (*talk.pending, *reversed(talk.past))
    return [t for t in named if t not in cascade.goal.members and t not in cascade.liked and t not in cascade.refused]


def _weighed(talk: _Talk) -> list[tuple[int, int]]:
    """What one turn can like and refuse: two of the tracks just named, or one of them and one from before, the better first."""
    named = [t for t in (*talk.past, *talk.pending) if t not in talk.cascade.refused]
    worth = {t: _worth(talk, t) for t in named}
    return [(good, bad) for bad in _refusable(talk) for good in named
            if worth[good] > worth[bad] and (good in talk.pending or bad in talk.pending)]  # fmt: skip


def _someone_else(talk: _Talk, refused: int) -> tuple[list[Attribute], list[Attribute]]:
    """``-artist:`` of a refused track, if the goal and the pool can do without that artist; and what it replaces."""
    cascade, snapshot = talk.cascade, talk.snapshot
    code = int(snapshot.artist[refused])
    if code < 0 or (snapshot.artist[cascade.goal.tracks] < 0).any() or code in snapshot.artist[cascade.goal.tracks]:
        return [], []
    attribute = Attribute("artist", snapshot.artists[code].as_py(), "avoid")
    like = Attribute("artist", attribute.value, "like")
    others = cascade.mask_of(attribute)
    narrows, leaves = (cascade.pool & ~others).any(), (cascade.fresh & others).any()
    if attribute in cascade.spent or like in cascade.in_force or not (narrows and leaves):
        return [], []
    replaced = cascade.add(attribute)
    return [attribute], replaced


def _remove(talk: _Talk) -> list[Attribute]:
    """Drop one attribute, drawn among those whose loss widens the pool if there are any."""
    cascade = talk.cascade
    filters = [a for a, mask in cascade.in_force.items() if mask is not None]
    choices = filters or list(cascade.in_force)
    dropped = choices[talk.rng.randrange(len(choices))]
    cascade.drop(dropped)
    return [dropped]


def _add(talk: _Talk, *, one: bool) -> tuple[list[Attribute], list[Attribute]]:
    """Introduce one or two attributes; returns them and those whose place they take."""
    cascade, rng = talk.cascade, talk.rng
    stage = "later" if talk.given else "first"
    weights = _favoured(kind_weights(talk.sonic, stage=stage), talk.persona)
    lean = {"vague": 0.5, "specific": 1.5}.get(talk.persona.get("goal_query", ""), 1.0)
    two = not one and rng.random() < lean * (1 - set_sizes(stage=stage)[0])
    added: list[Attribute] = []
    replaced: list[Attribute] = []
    for _ in range(1 + two):
        attribute = _wish(talk, weights, later=stage == "later")
        if attribute is None or set(cascade.replaced_by(attribute)) & set(added):
            break  # no turn takes back what it has just asked for
        replaced += cascade.add(attribute)
        added.append(attribute)
        # Two wishes of a turn are of two kinds, and one focus at most.
        off = ("artist", "track") if is_focus(attribute) else (kind_of(attribute),)
        weights = {k: w for k, w in weights.items() if k not in off}
        if attribute.polarity == "like" and attribute.kind == "track":
            talk.id_of(cascade.snapshot.index[attribute.value])
    return added, replaced


def _favoured(weights: Mapping[str, float], persona: Mapping[str, str]) -> dict[str, float]:
    """Weights of kinds, those of the goal's family raised."""
    family = personas.FAMILIES.get(persona.get("goal_family", ""), ())
    return {kind: weight * (FAVOUR if kind in family else 1.0) for kind, weight in weights.items()}


def _wish(talk: _Talk, weights: dict[str, float], *, later: bool) -> Attribute | None:
    """One attribute that leads to the goal: by what was asked, else by the kinds' weights, else any that narrows."""
    cascade, rng = talk.cascade, talk.rng
    early = min(EARLY_TRACKS, len(cascade.snapshot) // EARLY_SHARE)
    reserve = max(TRACKS_KEPT, early - 3 * len(talk.turns))
    reserves = dict.fromkeys((reserve, TRACKS_KEPT, 1))
    if later and rng.random() < AVOID_SHARE:
        attribute = cascade.draw_avoid(rng, weights=weights, reserve=TRACKS_KEPT)
        if attribute:
            return attribute
    if talk.asked and rng.random() < ANSWER_SHARE:
        named = {kind: weights[kind] for kind in talk.asked if kind in weights}
        for kept in reserves:
            attribute = cascade.draw_want(rng, weights=named, reserve=kept)
            if attribute:
                return attribute
    for kept in reserves:
        attribute = cascade.draw_want(rng, weights=weights, reserve=kept)
        if attribute:
            return attribute
    return cascade.draw_avoid(rng, weights=weights, reserve=1)


# ---- the assistant's turn


def _assistant_turn(talk: _Talk, intents: set[str]) -> None:
    """Apply a set of intents and record the turn."""
    tracks: list[int] = []
    named: int | None = None
    clips: tuple[Clip, ...] = ()
    asks: tuple[str, ...] = ()
    if intents & RECOMMENDS:
        tracks = _recommend(talk, from_liked="active_recommend" in intents)
        named = _named(talk, intents, len(tracks))
        talk.past += talk.pending
        talk.pending = tracks[:named]
        clips = _offer_clips(talk, tracks[0])
    if "detail_attribute_request" in intents:
        asks = _details(talk)
        talk.asked = asks
    if talk.question:
        asks, clips = talk.question, (talk.heard[-1],)
        talk.question = ()
    if clips:
        talk.heard.append(clips[-1])
    talk.recommender_says(intents, tracks=tracks, named=named, clips=clips, asks=asks)


def _recommend(talk: _Talk, *, from_liked: bool) -> list[int]:
    """New tracks of the pool, best first; a part of a small pool, so that there is more to come."""
    cascade, rng = talk.cascade, talk.rng
    n = min(talk.max_track_seq, max(1, cascade.n_fresh // 3))
    tracks = cascade.ranked(rng, n=n, from_liked=from_liked)
    audible = cascade.snapshot.audible
    first = next((t for t in tracks if audible[t]), tracks[0])  # the first is the one that is heard
    tracks = [first] + [t for t in tracks if t != first]
    cascade.offer(tracks)
    talk.offered = True
    return tracks


def _named(talk: _Talk, intents: set[str], n: int) -> int:
    """How many of `n` tracks are recommended by name: two where there are two reasons to, else as asked for."""
    several = intents >= RECOMMENDS and talk.cascade.liked or talk.rng.random() < talk.second
    return min(n, 2 if several else 1)


def _details(talk: _Talk) -> tuple[str, ...]:
    """One or two kinds that the user has not named."""
    weights = kind_weights(talk.sonic, stage="later" if talk.given else "first")
    left = {k: weights.get(k, 0.0) + 1e-3 for k in ASKABLE_KINDS if k not in talk.given}
    asks = [weighted(talk.rng, left)]
    del left[asks[0]]
    if left and talk.rng.random() < 0.3:
        asks.append(weighted(talk.rng, left))
    return tuple(asks)


# ---- what is heard


def _judged_clips(talk: _Talk, liked: list[int], refused: list[int]) -> tuple[Clip, ...]:
    """The clip of a track reacted to; a refused one beside it if another is liked."""
    audible = talk.snapshot.audible
    good, bad = ([_clip(talk, t) for t in tracks if audible[t]][:1] for tracks in (liked, refused))
    return tuple((bad + good)[-2:])


def _offer_clips(talk: _Talk, track: int) -> tuple[Clip, ...]:
    """The clip of a recommended track, sometimes after that of the one heard before."""
    if not talk.snapshot.audible[track]:
        return ()
    clip = _clip(talk, track)
    if talk.heard and talk.heard[-1].track_id != clip.track_id and talk.rng.random() < COMPARE_SHARE:
        return talk.heard[-1], clip
    return (clip,)


def _clip(talk: _Talk, track: int) -> Clip:
    """The track's best clip; once heard it stays, so that both sides speak of the same seconds."""
    track_id = talk.id_of(track)
    for clip in talk.heard:
        if clip.track_id == track_id:
            return clip
    return best_clip(talk.snapshot, track, wanted=talk.cascade.in_force)


def _sound_question(talk: _Talk, clip: Clip) -> tuple[str, ...]:
    """A kind that the clip's sound can answer, one that the catalogue has a value for if there is any."""
    snapshot = talk.snapshot
    track = snapshot.index[clip.track_id]
    known = {kind for kind, mask in snapshot.known.items() if int(mask[track >> 6]) >> (track & 63) & 1}
    kinds = {k: w for k, w in SONIC_KIND_WEIGHTS.items() if k in known} or SONIC_KIND_WEIGHTS
    fresh = {k: w for k, w in kinds.items() if k not in talk.given} or kinds
    return (weighted(talk.rng, fresh),)
