"""Plans of walks keep their promises: sets are what was asked for, moves are explained, walks drift to their target."""

import dataclasses
import json
from collections import Counter

import numpy as np
import plans as made
import pyarrow as pa
import pytest

from mdialog import brief as briefs
from mdialog import gather
from mdialog import plan as plans
from mdialog.attributes import Attribute
from mdialog.audit import Transcript, audit
from mdialog.brief import MANNERS
from mdialog.cascade import is_focus
from mdialog.errors import InputError
from mdialog.gather import Collection, Space
from mdialog.intents import ROLE_INTENTS
from mdialog.query import fold
from mdialog.recipes import talk_the_walk
from mdialog.recipes.talk_the_walk import Options, next_collection, plan_dialogue, plan_many, space_of
from mdialog.snapshot import COLUMNS, Snapshot
from mdialog.synth.tables import draw_tables, labels
from mdialog.write import Written, write_plans

WORLDS = {
    "plain": {"n_tracks": 400, "gaps": 0.0},
    "gappy": {"n_tracks": 400, "gaps": 0.4},
    "small": {"n_tracks": 40, "gaps": 0.3},
    "sound": {"n_tracks": 300, "gaps": 0.1, "sonic": 1.0, "sources": ("sound",)},
    "artists": {"n_tracks": 300, "gaps": 0.1, "sources": ("artist",), "dislikes": 1.0},
    "short": {"n_tracks": 300, "gaps": 0.1, "slate": 3, "length": 2, "likes": 1, "dislikes": 0.0, "wishes": 1},
    "ahead": {"n_tracks": 300, "gaps": 0.4, "ahead": 2},
    "wild": {"n_tracks": 300, "gaps": 0.1, "bias": 0.0, "noise": 5.0, "length": 14, "wishes": 3, "reach": 1.0, "drift": 1.0},
}


class World:
    """Tables, their snapshot, and plans made on it."""

    def __init__(self, n_tracks: int, gaps: float, *, n: int = 25, **options):
        tracks, windows = draw_tables(n_tracks, seed=9, dim=16, gaps=gaps)
        self.rows = {row["track_id"]: row for row in tracks.to_pylist()}
        self.windows = {(w["track_id"], w["start_s"], w["end_s"]) for w in windows.to_pylist()}
        self.snapshot = Snapshot.from_arrow(tracks, windows, labels=labels())
        self.options = Options(**options)
        self.space = space_of(self.snapshot, options=self.options)
        self.collections = {collection.id: i for i, collection in enumerate(self.space.collections)}
        self.plans = list(plan_many(self.snapshot, seed=4, n=n, options=self.options, space=self.space))

    def has(self, row: dict, kind: str) -> set[str]:
        """Values of a row, read the slow way."""
        if kind == "artist":
            return {fold(row["meta_artist"])} if row["meta_artist"] else set()
        for column in dict(COLUMNS)[kind]:
            value = row.get(column)
            if value is not None and kind == "year":
                return {f"{value // 10 * 10}s"}
            if value is not None and kind == "popularity":
                return {("obscure", "known", "popular")[int(np.searchsorted(self._bounds, value, side="right"))]}
            if value:
                return {value} if isinstance(value, str) else set(value)
        return set()

    @property
    def _bounds(self):
        from mdialog import vocab

        return [v.high for v in vocab.load()["popularity"].values[:-1]]

    def satisfies(self, track_id: str, attribute: Attribute) -> bool:
        if attribute.polarity == "like":
            return True
        has = self.has(self.rows[track_id], attribute.kind)
        value = fold(attribute.value) if attribute.kind == "artist" else attribute.value
        return bool(has) and (value in has) == (attribute.polarity == "want")

    def share(self, track_ids, attribute: Attribute) -> float:
        return sum(self.satisfies(i, attribute) for i in track_ids) / len(track_ids)

    def similarity(self, one: str, other: str) -> float:
        return float(self.space.places[self.collections[one]] @ self.space.places[self.collections[other]])


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    return World(**WORLDS[request.param])


@pytest.fixture(scope="module")
def plain():
    return World(400, 0.1, n=60)


def _states(plan):
    """Each turn with the attributes in force after it."""
    in_force: list[Attribute] = []
    for turn in plan.turns:
        for text in (*turn.removed, *turn.lapsed):
            in_force.remove(Attribute.parse(text))
        in_force += map(Attribute.parse, turn.attributes)
        yield turn, list(in_force)


def _exchanges(plan):
    """User turn, the assistant's answer, and the set before."""
    last: tuple[str, ...] = ()
    for asked, answer in zip(plan.turns[::2], plan.turns[1::2], strict=True):
        yield asked, answer, last
        last = answer.track_seq


def test_every_set_satisfies_all_that_is_in_force(world):
    usable = [i for i, row in world.rows.items() if not row["silent"]]
    for plan in world.plans:
        for turn, after in _states(plan):
            if turn.role == "assistant":
                assert turn.track_seq and all(world.satisfies(i, a) for i in turn.track_seq for a in after)
                assert turn.pool_size == sum(all(world.satisfies(i, a) for a in after) for i in usable)
            else:
                assert turn.pool_size is None and not turn.track_seq


def test_sets_are_of_their_collections_and_new(world):
    for plan in world.plans:
        offered: list[str] = []
        path = plan.goal["walk"]["collections"]
        assert len(path) == len(plan.turns) / 2 <= world.options.length and len(set(path)) == len(path)
        for name, (_, answer, _) in zip(path, _exchanges(plan), strict=True):
            assert set(answer.track_seq) <= set(world.space.collections[world.collections[name]].track_ids)
            assert len(answer.track_seq) <= world.options.slate
            offered += answer.track_seq
        assert len(offered) == len(set(offered))
        assert not any(world.rows[i]["silent"] for i in offered)
        assert plan.goal["walk"]["target"] not in path[:-1]  # who has come to the target goes no further


def test_wishes_tell_the_new_set_from_the_old(world):
    n = 0
    for plan in world.plans:
        for asked, answer, last in _exchanges(plan):
            for attribute in map(Attribute.parse, asked.attributes):
                if attribute.polarity == "like":
                    continue
                n += 1
                assert world.share(answer.track_seq, attribute) == 1
                # Of those before, some whose value is unknown satisfy neither the wish nor its contrary.
                if last and attribute.polarity == "want":
                    assert world.share(last, attribute) <= 0.4
                if last and attribute.polarity == "avoid":
                    assert world.share(last, dataclasses.replace(attribute, polarity="want")) >= 0.6
    assert n >= len(world.plans)


def test_intents_say_what_the_turn_does(world):
    for plan in world.plans:
        assert [t.role for t in plan.turns] == ["user", "assistant"] * (len(plan.turns) // 2) and plan.turns
        for i, (asked, answer, _) in enumerate(_exchanges(plan)):
            intents = set(asked.intents)
            assert intents <= set(ROLE_INTENTS["user"]) and answer.intents == ("passive_recommend",)
            assert list(asked.intents) == sorted(intents)
            assert ("initial_query" in intents) == (i == 0)
            assert ("accept_response" in intents) == bool(asked.liked)
            assert bool(asked.liked or asked.refused) == (i > 0)
            assert ("reject_response" in intents) == bool(asked.refused)
            assert ("add_filter" in intents) == bool(asked.attributes)
            assert ("remove_filter" in intents) == bool(asked.removed)
            assert i == 0 or ("continue" in intents) == (not (asked.attributes or asked.removed))
            assert all(is_focus(Attribute.parse(text)) for text in asked.lapsed)
            assert not (answer.attributes or answer.removed or answer.lapsed)
            assert len(asked.attributes) <= world.options.wishes


def test_no_value_is_spoken_of_in_two_ways(world):
    for plan in world.plans:
        said = [Attribute.parse(a) for turn in plan.turns for a in turn.attributes]
        assert len({(a.kind, a.value) for a in said}) == len(said)


def test_likes_are_nearer_the_target_than_what_is_refused(world):
    refused = 0
    for plan in world.plans:
        target = world.space.places[world.collections[plan.goal["walk"]["target"]]]

        def near(track_id, target=target):
            vector = world.space.place(world.snapshot.embedding[world.snapshot.index[track_id]])
            return float(vector @ target)

        for asked, _, last in _exchanges(plan):
            judged, last = [*asked.liked, *asked.refused], last[: world.options.named]  # nobody has read of the others
            assert set(judged) <= set(last) and len(set(judged)) == len(judged)
            assert len(asked.liked) <= world.options.likes
            assert not set(asked.refused) & set(plan.goal["track_ids"])
            others = [i for i in last if i not in asked.liked]
            if asked.liked and others:
                assert min(map(near, asked.liked)) >= max(map(near, others)) - 1e-5
            refused += len(asked.refused)
    assert bool(refused) == (world.options.dislikes > 0)


def test_two_tracks_that_were_named_are_heard_the_liked_one_last(world):
    pairs_heard = 0
    for plan in world.plans:
        heard, named = {}, set()
        for asked, answer, last in _exchanges(plan):
            named |= {*last[: world.options.named]}
            for clip in (*asked.clips, *asked.ahead, *answer.clips):
                assert (clip.track_id, clip.start_s, clip.end_s) in world.windows and plan.tracks[clip.track_id].path
                assert heard.setdefault(clip.track_id, clip) == clip  # both sides speak of the same seconds
            assert {c.track_id for c in asked.clips} <= named and len({c.track_id for c in asked.clips}) == len(asked.clips)
            if any(world.rows[i]["embedding"] for i in asked.liked):
                assert asked.clips[-1].track_id in asked.liked
            if len(asked.clips) == 2:
                pairs_heard += 1
                assert asked.clips[0].track_id not in asked.liked
            audible = [i for i in answer.track_seq if world.rows[i]["embedding"] is not None]
            assert [c.track_id for c in answer.clips] == ([answer.track_seq[0]] if audible else [])
    longer = [plan for plan in world.plans if len(plan.turns) > 4]  # before a second move only one track was named
    assert pairs_heard >= len(longer) / 3 or world.options.dislikes == 1


def test_ahead_play_the_first_tracks_of_the_set_that_comes(world):
    n = Counter()
    for plan in world.plans:
        later = {}
        for asked, answer, last in reversed(list(_exchanges(plan))):
            audible = [i for i in answer.track_seq if world.rows[i]["embedding"] is not None]
            assert [c.track_id for c in asked.ahead] == (audible[: world.options.ahead] if last else [])
            assert not answer.ahead and not set(asked.ahead) & set(asked.clips)
            later |= {clip.track_id: clip for clip in answer.clips}
            for clip in asked.ahead:
                assert later.get(clip.track_id, clip) == clip  # the same seconds when it is recommended, or judged
                n["ahead"] += 1
                n["later"] += clip.track_id in later
            later |= {clip.track_id: clip for clip in asked.clips}
    assert (n["later"] > 0, n["ahead"] > n["later"]) == (bool(world.options.ahead),) * 2


def test_tracks_ahead_change_nothing_else_of_a_plan(plain):
    def told(plan):
        turns = tuple(dataclasses.replace(turn, ahead=(), clips=turn.clips and ("heard",)) for turn in plan.turns)
        walk = {key: value for key, value in plan.goal["walk"].items() if key != "options"}
        return dataclasses.replace(plan, turns=turns, goal={**plan.goal, "walk": walk}, tracks={})

    bare, ahead = (list(plan_many(plain.snapshot, seed=6, n=10, options=Options(ahead=n), space=plain.space)) for n in (0, 2))
    assert bare != ahead and list(map(told, bare)) == list(map(told, ahead))


def test_a_likeness_is_of_a_liked_track_and_only_where_nothing_else_explains():
    # Values that all tracks share explain no move: there is nothing left but likeness.
    tracks, windows = draw_tables(200, seed=2, dim=16, gaps=0.0)
    kept = ["track_id", "path", "duration_s", "silent", "meta_title", "meta_artist", "embedding"]
    snapshot = Snapshot.from_arrow(tracks.select(kept), windows, labels=labels())
    n = Counter()
    for plan in plan_many(snapshot, seed=0, n=30, options=Options(sources=("sound",))):
        for asked, _, last in list(_exchanges(plan))[1:]:
            n["turns"] += 1
            for attribute in map(Attribute.parse, asked.attributes):
                n[attribute.polarity, attribute.kind] += 1
                if attribute.polarity == "like":
                    assert len(asked.attributes) == 1 and not asked.removed
                    names = {*asked.liked, *(plan.tracks[i].artist for i in asked.liked)}
                    assert attribute.value in names and set(asked.liked) <= set(last)
                    assert attribute.kind != "track" or attribute.value in plan.tracks
    assert n["like", "track"] > n["like", "artist"] > 0 and n["like", "track"] > n["turns"] / 3


def test_the_goal_is_the_target(world):
    for plan in world.plans:
        walk = plan.goal["walk"]
        target = world.space.collections[world.collections[walk["target"]]]
        assert plan.goal["collection"] == target.title
        usable = [i for i in target.track_ids if not world.rows[i]["silent"]]
        assert plan.goal["track_ids"] == usable
        for text in plan.goal["attributes"]:
            assert world.share(usable, Attribute.parse(text)) == 1
        assert Options(**walk["options"]) == world.options
        json.dumps(plan.goal)


def test_nothing_of_a_later_turn_or_of_the_target_reaches_a_brief(world):
    for plan in world.plans:
        for i, turn in enumerate(plan.turns):
            brief = briefs.build(plan, i, [f"turn {k}" for k in range(i)])
            cut = dataclasses.replace(plan, turns=plan.turns[: i + 1], goal={"attributes": ["genre:polka"], "track_ids": []})
            assert briefs.build(cut, i, [f"turn {k}" for k in range(i)]) == brief
            so_far = {a for t in plan.turns[: i + 1] for a in t.attributes}
            given = {str(a) for a in (*brief.new, *brief.dropped, *brief.wanted)}
            assert len(given) <= len(so_far)
            named = {*turn.track_seq, *(t for u in plan.turns[: i + 1] for t in (*u.liked, *u.refused, *u.track_seq))}
            assert {c.track_id for c in turn.clips} <= named
            assert not {c.track_id for c in brief.ahead} & named and bool(brief.ahead) == bool(turn.ahead)


def test_plans_describe_every_track_and_survive_writing(world, tmp_path):
    for plan in world.plans:
        played = {c.track_id for t in plan.turns for c in (*t.clips, *t.ahead)}
        named = {i for t in plan.turns for i in (*t.track_seq, *t.liked, *t.refused)} | played
        assert named <= set(plan.tracks)
        assert {plan.persona["user_manner"], plan.persona["assistant_manner"]} <= set(MANNERS)
    plans.write_plans(world.plans, tmp_path / "plans.jsonl")
    assert list(plans.read_plans(tmp_path / "plans.jsonl")) == world.plans


def test_plans_do_not_depend_on_how_they_are_split(plain):
    whole = list(plan_many(plain.snapshot, seed=8, n=12))
    split = [list(plan_many(plain.snapshot, seed=8, n=12, shard=(i, 3))) for i in range(3)]
    assert sorted((p for part in split for p in part), key=lambda p: p.id) == whole
    assert [p.id for p in whole] == [f"tw-{i:06d}" for i in range(12)]
    assert plan_dialogue(plain.snapshot, seed=8, dialogue_id="tw-000007") == whole[7]
    assert list(plan_many(plain.snapshot, seed=9, n=12)) != whole


def test_walks_drift_to_their_targets_the_more_so_the_stronger_the_bias(plain):
    ends = {}
    for bias in (0.0, 1.0, 8.0):
        made_here = list(plan_many(plain.snapshot, seed=3, n=60, options=Options(bias=bias), space=plain.space))
        walks = [plan.goal["walk"] for plan in made_here]
        start = np.mean([plain.similarity(w["collections"][0], w["target"]) for w in walks])
        ends[bias] = np.mean([plain.similarity(w["collections"][-1], w["target"]) for w in walks])
        if bias == 8.0:
            assert ends[bias] > start + 0.6
    assert ends[0.0] + 0.2 < ends[1.0] < ends[8.0] - 0.1


def test_a_step_without_noise_takes_the_best_and_with_much_noise_any(plain):
    import random

    space, everything = plain.space, range(len(plain.space.collections))
    go = {"space": space, "position": space.places[3], "target": 90, "open_": everything}
    best = {next_collection(random.Random(i), options=Options(noise=0, bias=1e6, reach=1), **go) for i in range(5)}
    assert best == {90}
    wild = {next_collection(random.Random(i), options=Options(noise=1e6, reach=0.1), **go) for i in range(300)}
    near = np.argsort(-(space.places @ space.places[3]))[: -(-len(everything) // 10)]
    assert wild <= set(near.tolist()) and len(wild) > 0.8 * len(near)
    assert next_collection(random.Random(0), options=Options(), **{**go, "open_": []}) is None


def test_small_drift_stays_near_the_start(plain):
    def moved(drift):
        options = Options(drift=drift, bias=0, noise=3, reach=0.2)
        made_here = plan_many(plain.snapshot, seed=3, n=40, options=options, space=plain.space)
        walks = [plan.goal["walk"]["collections"] for plan in made_here]
        return np.mean([plain.similarity(path[0], path[-1]) for path in walks])

    assert moved(0.05) > moved(1.0) + 0.1


def test_playlists_and_albums_are_walked_over_too(plain, tmp_path):
    ids = list(plain.rows)
    lists = {f"list {k}": ids[20 * k : 20 * k + 12] for k in range(3)} | {"gone": ["nix"] * 3}
    (tmp_path / "mine.json").write_text(json.dumps(lists))
    told: list[str] = []
    options = Options(sources=(), playlists=(tmp_path / "mine.json",))
    found = list(plan_many(plain.snapshot, seed=1, n=5, options=options, say=told.append))
    assert len(told) == 1 and "not found: nix (gone)" in told[0]
    assert {c for p in found for c in p.goal["walk"]["collections"]} <= {f"playlist:mine.json#{k}" for k in range(3)}
    assert {p.goal["collection"] for p in found} <= set(lists)
    assert str(tmp_path) not in plans.to_json(dataclasses.replace(found[0], tracks={}))
    extra = Collection("album:a/b", "B", tuple(ids[:9]), "album")
    assert "album:a/b" in {c.id for c in space_of(plain.snapshot, collections=[extra]).collections}


def test_titles_count_where_text_can_be_embedded(plain):
    def embed_text(titles):
        return np.ones((len(titles), plain.snapshot.embedding.shape[1]), dtype=np.float32)

    assert not np.allclose(space_of(plain.snapshot, embed_text=embed_text).embedding, plain.space.embedding)


def _bare(**columns) -> Snapshot:
    n = len(next(iter(columns.values())))
    tracks = pa.table({"track_id": [f"x{i}" for i in range(n)], **columns})
    return Snapshot.from_arrow(tracks, pa.table({"track_id": pa.array([], pa.string())}), labels=[])


VECTORS = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
UGLY = {
    "names that bite": {
        "meta_title": ['"; DROP', "~track:x", "-a", "", "é\n", None] * 2, "meta_artist": ["a:b"] * 3 + ["~"] * 9,
    },
    "no names": {"silent": [False] * 12},
    "all the same": {"meta_genre": [["rock"]] * 12, "meta_artist": ["Same"] * 12, "meta_title": ["Same"] * 12},
}  # fmt: skip


@pytest.mark.parametrize("columns", UGLY.values(), ids=UGLY.keys())
def test_ugly_catalogues_give_plans_too(columns):
    tracks = {**columns, "embedding": pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 4)}
    snapshot = _bare(**tracks)
    ids = snapshot.ids.to_pylist()
    collections = [Collection(f"c{k}", f"C{k}", tuple(ids[3 * k : 3 * k + 4]), "playlist") for k in range(4)]
    space = Space.of(snapshot, collections)
    for plan in plan_many(snapshot, seed=0, n=20, options=Options(ahead=2), space=space):
        offered = [i for t in plan.turns for i in t.track_seq]
        assert len(plan.turns) >= 2 and len(offered) == len(set(offered))
        assert not any(t.clips or t.ahead for t in plan.turns)  # no track has a file
        assert plans.from_json(plans.to_json(plan)) == plan


@pytest.mark.parametrize("columns", [{"silent": [True] * 9}, {"meta_artist": ["a"] * 9}, {"silent": pa.array([], pa.bool_())}])
def test_a_catalogue_without_collections_that_sound_is_refused(columns):
    with pytest.raises(InputError, match="a walk needs two"):
        list(plan_many(_bare(**columns), seed=0, n=1))


def test_a_shard_that_does_not_exist_is_refused(plain):
    with pytest.raises(InputError, match="shard 3 of 3"):
        list(plan_many(plain.snapshot, seed=0, n=1, shard=(3, 3), space=plain.space))


WRONG = (
    {"bias": -1}, {"length": 0}, {"drift": 0}, {"noise": -0.1}, {"reach": 2}, {"slate": 11}, {"ahead": 3}, {"sources": ["x"]},
    {"boas": 1},
)  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


def test_every_option_says_what_it_is():
    assert all(len(field.description) > 20 for field in Options.model_fields.values())


def test_lists_may_be_given_as_text():
    options = Options(sources="artist,sound", playlists="a.m3u, b")
    assert options.sources == ("artist", "sound") and [p.name for p in options.playlists] == ["a.m3u", "b"]


def test_the_writer_and_the_audit_take_these_plans(plain):
    def silence(plan, clip):
        return np.zeros(16, np.float32)

    # The reader knows one of the templates that a brief's state comes in.
    known = [dataclasses.replace(p, persona={**p.persona, "brief_template": "0"}) for p in plain.plans[:12]]
    outcomes = list(write_plans(known, made.Reader(names_all=True), play=silence))
    assert [o for o in outcomes if not isinstance(o, Written)] == []
    found = audit(Transcript(o.plan, tuple(t.text for t in o.turns)) for o in outcomes)
    assert not {f.check for f in found.findings} & {"tracks", "artists", "attributes", "names", "voice"}


def test_the_name_is_the_command_lines(plain):
    assert {plan.recipe for plan in plain.plans} == {talk_the_walk.NAME} == {"talk-the-walk"}
    assert Options().sources == gather.SOURCES
