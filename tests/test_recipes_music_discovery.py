"""Plans of music discovery keep their promises, checked against the tables read the slow way."""

from collections import Counter

import pyarrow as pa
import pytest

from mdialog import plan as plans
from mdialog import recipes, vocab
from mdialog.attributes import Attribute
from mdialog.brief import MANNERS
from mdialog.cascade import is_focus
from mdialog.errors import InputError
from mdialog.intents import ROLE_INTENTS, SONIC_KIND_WEIGHTS, IntentModel
from mdialog.query import fold
from mdialog.recipes.music_discovery import Options, plan_dialogue, plan_many
from mdialog.snapshot import COLUMNS, Snapshot
from mdialog.synth.tables import draw_tables, labels

MODEL = IntentModel.load()


class World:
    """Tables, their snapshot, and plans made on it."""

    def __init__(self, tracks: pa.Table, windows: pa.Table, *, n: int, **options):
        self.rows = {row["track_id"]: row for row in tracks.to_pylist()}
        self.windows = {(w["track_id"], w["start_s"], w["end_s"]) for w in windows.to_pylist()}
        self.snapshot = Snapshot.from_arrow(tracks, windows, labels=labels())
        self.plans = list(plan_many(self.snapshot, seed=4, n=n, options=Options(**options)))

    def has(self, row: dict, kind: str) -> set[str]:
        if kind in ("artist", "track"):
            name = row.get("meta_title" if kind == "track" else "meta_artist")
            return {fold(name)} if name and name.strip() else set()
        for column in dict(COLUMNS)[kind]:
            value = row.get(column)
            if value is not None and kind == "year":
                return {f"{value // 10 * 10}s"}
            if value is not None and kind == "popularity":
                return {vocab.load()["popularity"].word_for(value)}
            if value:
                return {value} if isinstance(value, str) else set(value)
        return set()

    def satisfies(self, track_id: str, attribute: Attribute) -> bool:
        if attribute.polarity == "like":
            return True
        has = self.has(self.rows[track_id], attribute.kind)
        value = fold(attribute.value) if attribute.kind in ("artist", "track") else attribute.value
        return bool(has) and (value in has) == (attribute.polarity == "want")

    def pool(self, in_force) -> set[str]:
        usable = [i for i, row in self.rows.items() if not row.get("silent")]
        return {i for i in usable if all(self.satisfies(i, a) for a in in_force)}


WORLDS = {
    "plain": {"n_tracks": 400, "gaps": 0.0, "n": 40},
    "gappy": {"n_tracks": 400, "gaps": 0.4, "n": 40},
    "small": {"n_tracks": 30, "gaps": 0.7, "n": 40},
    "people": {"n_tracks": 300, "gaps": 0.1, "n": 40, "sonic": 0.0},
    "sound": {"n_tracks": 300, "gaps": 0.1, "n": 40, "sonic": 1.0},
    "asking": {"n_tracks": 300, "gaps": 0.1, "n": 40, "questions": 0.5},
    "short": {"n_tracks": 300, "gaps": 0.1, "n": 30, "max_track_seq": 3, "max_turns": 4},
}


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    options = dict(WORLDS[request.param])
    tables = draw_tables(options.pop("n_tracks"), seed=9, dim=16, gaps=options.pop("gaps"))
    return World(*tables, **options)


@pytest.fixture(scope="module")
def plain():
    return World(*draw_tables(400, seed=9, dim=16, gaps=0.1), n=150)


def _states(plan):
    """Each turn with the attributes in force before and after it."""
    in_force: list[Attribute] = []
    for turn in plan.turns:
        before = list(in_force)
        for text in (*turn.removed, *turn.lapsed):
            in_force.remove(Attribute.parse(text))
        in_force += map(Attribute.parse, turn.attributes)
        yield turn, before, list(in_force)


def test_pools_are_what_the_attributes_in_force_leave_and_never_empty(world):
    for plan in world.plans:
        for turn, _, after in _states(plan):
            pool = world.pool(after)
            assert pool
            if turn.role == "assistant":
                assert turn.pool_size == len(pool)
                assert set(turn.track_seq) <= pool
            else:
                assert turn.pool_size is None


def test_adding_narrows_and_removing_widens(world):
    for plan in world.plans:
        for turn, before, after in _states(plan):
            added = [a for a in map(Attribute.parse, turn.attributes) if a.polarity != "like"]
            if added and not turn.removed and not turn.lapsed:
                assert world.pool(after) < world.pool(before)
            if (turn.removed or turn.lapsed) and not added:
                assert world.pool(after) >= world.pool(before)


def test_only_filters_and_their_removal_change_what_is_in_force(world):
    for plan in world.plans:
        for turn, before, _ in _states(plan):
            texts = list(map(str, before))
            assert set(turn.removed) | set(turn.lapsed) <= set(texts)
            assert not set(turn.attributes) & set(texts)
            if turn.role == "assistant":
                assert not (turn.attributes or turn.removed or turn.lapsed)
            assert all(is_focus(Attribute.parse(text)) for text in turn.lapsed)
            assert bool(turn.removed) == ("remove_filter" in turn.intents)
            if "add_filter" in turn.intents:
                assert turn.attributes
            if turn.attributes:
                assert {"add_filter", "initial_query", "reject_response"} & set(turn.intents)


def test_no_attribute_is_introduced_twice(world):
    for plan in world.plans:
        introduced = [a for turn in plan.turns for a in turn.attributes]
        assert len(introduced) == len(set(introduced))


def test_nobody_wants_an_artist_in_the_artists_own_style(world):
    for plan in world.plans:
        for _, _, after in _states(plan):
            wanted = {a.value for a in after if a.polarity != "like"}
            assert not wanted & {a.value for a in after if a.polarity == "like"}


def test_the_goal_survives_every_filter(world):
    for plan in world.plans:
        goal = plan.goal["track_ids"]
        assert 1 <= len(goal) <= 10 and len(set(goal)) == len(goal)
        for text in plan.goal["attributes"]:
            assert all(world.satisfies(i, Attribute.parse(text)) for i in goal)
        for turn in plan.turns:
            for attribute in map(Attribute.parse, turn.attributes):
                kept = [world.satisfies(i, attribute) for i in goal]
                # An artist or a title points at some of the goal; everything else holds for all of it.
                assert any(kept) if is_focus(attribute) else all(kept)
                if attribute.polarity == "want" and not is_focus(attribute):
                    assert str(attribute) in plan.goal["attributes"]


def test_tracks_are_new_usable_and_of_several_artists(world):
    for plan in world.plans:
        offered: list[str] = []
        for turn, _, after in _states(plan):
            recommends = {"passive_recommend", "active_recommend"} & set(turn.intents)
            assert bool(turn.track_seq) == bool(recommends)
            assert len(turn.track_seq) <= 10
            offered += turn.track_seq
            if not any(is_focus(a) for a in after):
                artists = Counter(world.has(world.rows[i], "artist").pop() for i in turn.track_seq
                                  if world.has(world.rows[i], "artist"))  # fmt: skip
                assert max(artists.values(), default=0) <= 2
        assert len(offered) == len(set(offered))
        assert not any(world.rows[i]["silent"] for i in offered)
        likenesses = {a.value for t in plan.turns for a in map(Attribute.parse, t.attributes) if a.polarity == "like"}
        named_before = {a: i for i, t in enumerate(plan.turns) for a in t.track_seq}
        for i, turn in enumerate(plan.turns):
            for text in turn.attributes:
                if text.startswith("~track:"):  # who names it knows it: not offered afterwards
                    assert named_before.get(text.removeprefix("~track:"), -1) < i
        assert likenesses <= set(world.rows) | {r["meta_artist"] for r in world.rows.values()}


def test_judged_tracks_were_named_and_not_judged_before(world):
    for plan in world.plans:
        named, liked, refused = set(), set(), set()
        for turn in plan.turns:
            now = [*turn.liked, *turn.refused]
            assert len(now) == len(set(now)) and set(now) <= named - refused
            assert not set(turn.refused) & liked
            # What was liked before is liked again only as what another one is held against.
            assert not set(turn.liked) & liked or turn.refused
            assert bool(turn.liked) == ("accept_response" in turn.intents)
            assert bool(turn.refused) == ("reject_response" in turn.intents)
            assert not set(turn.refused) & set(plan.goal["track_ids"])
            liked |= set(turn.liked)
            refused |= set(turn.refused)
            named |= set(turn.track_seq[: turn.named])


def test_two_are_named_where_there_are_two_reasons_or_as_asked_for(plain):
    def counts(**options):
        plans = plan_many(plain.snapshot, seed=3, n=60, options=Options(**options))
        turns = [(turn, any(t.liked for t in plan.turns[:i])) for plan in plans for i, turn in enumerate(plan.turns)]
        return [(turn, liked) for turn, liked in turns if turn.track_seq]

    both = {"active_recommend", "passive_recommend"}
    for turn, liked in counts():
        assert turn.named == min(len(turn.track_seq), 2 if both <= {*turn.intents} and liked else 1)
    assert all(turn.named == min(len(turn.track_seq), 2) for turn, _ in counts(second=1.0))


def test_a_wish_is_not_lost_beside_a_question(plain):
    plans = plan_many(plain.snapshot, seed=3, n=60, options=Options(questions=1.0))
    asking = [turn for plan in plans for turn in plan.turns if "item_attribute_question" in turn.intents]
    assert len(asking) > 60
    assert not [turn for turn in asking if {"add_filter", "remove_filter", "continue"} & {*turn.intents}]


def test_clips_are_windows_of_the_tracks_under_discussion(world):
    for plan in world.plans:
        heard: list[plans.Clip] = []
        for turn in plan.turns:
            assert len(turn.clips) <= 2
            for clip in turn.clips:
                assert (clip.track_id, clip.start_s, clip.end_s) in world.windows
                assert plan.tracks[clip.track_id].path
            if turn.track_seq:
                first = turn.track_seq[0]
                audible = [i for i in turn.track_seq if world.rows[i]["embedding"] is not None]
                assert bool(turn.clips) == bool(audible)
                if audible:
                    assert first == turn.clips[-1].track_id
                    assert set(turn.clips[:-1]) <= set(heard)
            if turn.liked and turn.clips and "item_attribute_question" not in turn.intents:
                assert turn.clips[-1].track_id in turn.liked
            heard += turn.clips
        # A track is always heard at the same place, so that both sides speak of the same seconds.
        assert len({c.track_id for c in heard}) == len(set(heard))


def test_questions_are_answered_at_once_about_the_same_clip(world):
    n = 0
    for plan in world.plans:
        for asked, answered in zip(plan.turns, plan.turns[1:], strict=False):
            asks = asked.role == "user" and "item_attribute_question" in asked.intents
            if asked.role == "user":
                assert asks == ("item_attribute_answer" in answered.intents)
            if asks:
                n += 1
                assert answered.asks == asked.asks and len(asked.asks) == 1
                assert asked.asks[0] in SONIC_KIND_WEIGHTS
                assert answered.clips == asked.clips[-1:]
    if world.plans[0].goal["sonic"] == 0.5 and n == 0:
        assert len(world.plans) <= 40  # people ask in one turn of a thousand


def test_details_asked_for_were_not_given(world):
    for plan in world.plans:
        given: set[str] = set()
        for turn in plan.turns:
            if "detail_attribute_request" in turn.intents:
                assert turn.asks and not set(turn.asks) & given
            given |= {Attribute.parse(a).kind for a in turn.attributes}


def test_turns_alternate_and_have_known_intents(world):
    for plan in world.plans:
        assert [t.role for t in plan.turns] == ["user", "assistant"] * (len(plan.turns) // 2) and plan.turns
        for turn in plan.turns:
            assert turn.intents and set(turn.intents) <= set(ROLE_INTENTS[turn.role])


def test_plans_describe_every_track_and_survive_writing(world, tmp_path):
    for plan in world.plans:
        named = {i for t in plan.turns for i in (*t.track_seq, *t.liked, *t.refused, *(c.track_id for c in t.clips))}
        named |= {a.value for t in plan.turns for a in map(Attribute.parse, t.attributes)
                  if a.kind == "track" and a.polarity == "like"}  # fmt: skip
        assert named <= set(plan.tracks)
        assert {plan.persona["user_manner"], plan.persona["assistant_manner"]} <= set(MANNERS)
    plans.write_plans(world.plans, tmp_path / "plans.jsonl")
    assert list(plans.read_plans(tmp_path / "plans.jsonl")) == world.plans


def test_options_are_kept():
    tables = draw_tables(300, seed=9, dim=16)
    short = World(*tables, n=30, max_track_seq=3, max_turns=4)
    assert max(len(t.track_seq) for p in short.plans for t in p.turns) == 3
    assert max(len(p.turns) for p in short.plans) == 4
    asking = World(*tables, n=30, questions=0.6)
    asked = [t for p in asking.plans for t in p.turns if "item_attribute_question" in t.intents]
    assert len(asked) > 30


def test_plans_do_not_depend_on_how_they_are_split(plain):
    whole = list(plan_many(plain.snapshot, seed=8, n=20))
    split = [list(plan_many(plain.snapshot, seed=8, n=20, shard=(i, 3))) for i in range(3)]
    assert sorted((p for part in split for p in part), key=lambda p: p.id) == whole
    assert [p.id for p in whole] == [f"md-{i:06d}" for i in range(20)]
    assert plan_dialogue(plain.snapshot, seed=8, dialogue_id="md-000013") == whole[13]
    assert list(plan_many(plain.snapshot, seed=9, n=20)) != whole


def test_planned_intents_stay_near_to_people(plain):
    many = plan_many(plain.snapshot, seed=1, n=1000)
    planned = [[(t.role, t.intents) for t in p.turns] for p in many]
    assert MODEL.divergence(planned) < 0.03  # .016 is the floor at 1,000
    assert abs(sum(map(len, planned)) / 2 / len(planned) - 5.26) < 0.5


def test_the_dial_moves_kinds_from_names_to_sound(plain):
    def share(dial):
        kinds = Counter(
            Attribute.parse(a).kind
            for p in plan_many(plain.snapshot, seed=2, n=150, options=Options(sonic=dial))
            for t in p.turns
            for a in t.attributes
        )
        return sum(kinds[k] for k in vocab.SONIC_KINDS) / kinds.total()

    low, middle, high = map(share, (0.0, 0.5, 1.0))
    assert low < 0.25 < middle < 0.75 < high


def test_what_is_liked_is_nearer_the_goal_than_what_is_offered(plain):
    snapshot, liked, offered = plain.snapshot, [], []
    for plan in plain.plans:
        goal = snapshot.embedding[[snapshot.index[i] for i in plan.goal["track_ids"]]].mean(axis=0)
        for turn in plan.turns:
            liked += [goal @ snapshot.embedding[snapshot.index[i]] for i in turn.liked]
            offered += [goal @ snapshot.embedding[snapshot.index[i]] for i in turn.track_seq]
    assert sum(liked) / len(liked) > sum(offered) / len(offered) + 0.05


def test_what_is_asked_to_be_like_leads_the_ranking(plain):
    snapshot, near, far = plain.snapshot, [], []
    for plan in plain.plans:
        for asked, answer in zip(plan.turns, plan.turns[1:], strict=False):
            likes = [a.value for a in map(Attribute.parse, asked.attributes) if str(a).startswith("~track:")]
            if likes and len(answer.track_seq) >= 5:
                like = snapshot.embedding[snapshot.index[likes[0]]]
                cosines = [like @ snapshot.embedding[snapshot.index[i]] for i in answer.track_seq]
                near.append(max(cosines[:2]))
                far.append(cosines[-1])
    assert len(near) >= 3 and sum(near) > sum(far)


def test_refused_artists_do_not_come_again(plain):
    n = 0
    for plan in plain.plans:
        for turn, _, after in _states(plan):
            away = {fold(a.value) for a in after if a.kind == "artist" and a.polarity == "avoid"}
            n += bool(away)
            assert not away & {name for i in turn.track_seq for name in plain.has(plain.rows[i], "artist")}
    assert n


def _bare(**columns) -> tuple[pa.Table, pa.Table]:
    n = len(next(iter(columns.values())))
    tracks = pa.table({"track_id": [f"x{i}" for i in range(n)], **columns})
    return tracks, pa.table({"track_id": pa.array([], pa.string())})


UGLY = {
    "one track": {"meta_title": ["Alone"]},
    "nothing known": {"path": [f"/{i}.ogg" for i in range(5)]},
    "all the same": {"meta_genre": [["rock"]] * 20, "meta_artist": ["Same"] * 20, "meta_title": ["Same"] * 20},
    "names that bite": {"meta_title": ['"; DROP', "~track:x", "-a", "", "é\n"], "meta_artist": ["a:b", "~", "-", '"', " "]},
    "one not silent": {"silent": [True, True, False], "meta_title": ["a", "b", "c"]},
}


@pytest.mark.parametrize("columns", UGLY.values(), ids=UGLY.keys())
def test_ugly_catalogues_give_plans_too(columns):
    tracks, windows = _bare(**columns)
    snapshot = Snapshot.from_arrow(tracks, windows, labels=[])
    for plan in plan_many(snapshot, seed=0, n=40):
        assert len(plan.turns) >= 2
        offered = [i for t in plan.turns for i in t.track_seq]
        assert len(offered) == len(set(offered))
        assert all(t.pool_size for t in plan.turns if t.role == "assistant")
        assert not any(t.clips for t in plan.turns)
        assert plans.from_json(plans.to_json(plan)) == plan


def test_a_catalogue_with_nothing_to_recommend_is_refused():
    for columns in ({"silent": [True, True]}, {"silent": pa.array([], pa.bool_())}):
        snapshot = Snapshot.from_arrow(*_bare(**columns), labels=[])
        with pytest.raises(InputError, match="may be recommended"):
            plan_dialogue(snapshot, seed=0, dialogue_id="md-000000")


@pytest.mark.parametrize(
    "option", [{"sonic": 2}, {"max_track_seq": 0}, {"max_track_seq": 11}, {"max_turns": "1"}, {"questions": "-1"}, {"soup": 1}]
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(InputError, match=f"music-discovery.*{next(iter(option))}"):
        recipes.options_of("music-discovery", option)


def test_options_are_read_as_a_command_line_gives_them_and_described():
    assert recipes.options_of("music-discovery", {"sonic": "0.8"}) == Options(sonic=0.8)
    assert all(f"{name}={field.default}" in recipes.described() for name, field in Options.model_fields.items())


def test_a_shard_that_does_not_exist_is_refused(plain):
    with pytest.raises(InputError, match="shard 3 of 3"):
        list(plan_many(plain.snapshot, seed=0, n=1, shard=(3, 3)))


def test_the_recipe_is_found_by_name():
    assert recipes.load("music-discovery").plan_many is plan_many
    with pytest.raises(InputError, match="music-discovery"):
        recipes.load("musicdiscovery")
