"""Train and test: no track and no artist on both sides, whatever the dialogues share; nothing is lost unsaid."""

import pytest

from mdialog import seeds
from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.split import names_of, read_tracks, split


def dialogue(number: int, tracks: dict[str, str], attributes=()):
    return validate({
        "id": f"d{number}", "recipe": "r", "seed": 0, "persona": {}, "goal": {}, "models": {},
        "tracks": {track: {"title": track, "artist": artist} for track, artist in tracks.items()},
        "turns": [{"role": "user", "content": "x", "intent": [], "music_attribute": list(attributes)}],
    })  # fmt: skip


def groups(n: int, of: int):
    """`n` groups of `of` dialogues that hang together in a chain, alternately by a track and by an artist."""
    return [
        dialogue(of * g + i, {f"g{g}t{(i + 1) // 2}": f"A{g}.{i // 2}", f"g{g}own{i}": f"A{g}.{i // 2}"})
        for g in range(n)
        for i in range(of)
    ]


def drawn(n: int, n_tracks: int, each: int):
    """Dialogues about random tracks, two an artist."""
    rng = seeds.stdlib(0, "split test")
    return [dialogue(i, {f"t{t}": f"A{t // 2}" for t in rng.sample(range(n_tracks), each)}) for i in range(n)]


def check(dialogues, parted):
    """The invariants of every split; returns its sides."""
    sides = (set(parted.train), set(parted.test), set(parted.left_out))
    assert sum(map(len, sides)) == len(dialogues) and set().union(*sides) == {d.id for d in dialogues}
    names = [set().union(*(names_of(d) for d in dialogues if d.id in side)) for side in sides[:2]]
    assert not names[0] & names[1]
    assert parted.train and parted.test
    return sides


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_components_stay_together(share):
    dialogues = groups(40, 5)
    parted = split(dialogues, test_share=share)
    check(dialogues, parted)
    assert not parted.left_out
    assert len(parted.test) == pytest.approx(share * len(dialogues), abs=5)
    assert {int(name[1:]) // 5 for name in parted.test} & {int(name[1:]) // 5 for name in parted.train} == set()


@pytest.mark.parametrize("by", ["components", "held tracks"])
def test_the_order_of_the_dialogues_does_not_matter_and_the_seed_does(by):
    dialogues = groups(40, 5)
    parted = split(dialogues, by=by)
    assert set(split(dialogues[::-1], by=by).test) == set(parted.test)
    assert set(split(dialogues, by=by, seed=1).test) != set(parted.test)
    assert split(dialogues, by=by) == parted


def test_one_giant_component_is_said_with_its_share():
    dialogues = drawn(100, 40, 8)
    with pytest.raises(InputError, match=r"100 dialogues .* 1 components, the largest of 100\.0% .* held tracks") as error:
        split(dialogues)
    assert "\n" not in str(error.value)


def test_a_large_component_goes_to_train():
    dialogues = [dialogue(i, {"hit": "Star", f"t{i}": f"A{i}"}) for i in range(80)] + groups(20, 1)
    parted = split([d.model_copy(update={"id": f"x{i}"}) for i, d in enumerate(dialogues)])
    assert len(parted.test) == 10 and {f"x{i}" for i in range(80)} <= set(parted.train)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_held_tracks_leave_out_what_mixes(share):
    dialogues = drawn(200, 400, 3)
    with pytest.raises(InputError, match="held tracks"):
        split(dialogues, test_share=share)
    parted = split(dialogues, by="held tracks", test_share=share)
    train, test, left_out = check(dialogues, parted)
    assert len(test) / (len(test) + len(train)) == pytest.approx(share, abs=0.02)
    held = set().union(*(names_of(d) for d in dialogues if d.id in test))
    assert all(names_of(d) & held and names_of(d) - held for d in dialogues if d.id in left_out)
    assert f"{len(left_out)} left out" in str(parted)


def test_held_tracks_are_those_that_cost_the_least():
    dialogues = drawn(60, 60, 3) + [dialogue(1000 + i, {f"apart{i}": f"Apart {i}"}) for i in range(4)]
    parted = split(dialogues, by="held tracks", test_share=4 / 64)
    assert set(parted.test) == {"d1000", "d1001", "d1002", "d1003"} and not parted.left_out


def test_artists_count_by_name_also_where_they_are_only_asked_for():
    one, two = dialogue(1, {"a": "Ana  SOL"}), dialogue(2, {"b": "Bo"}, ["-artist:ana sol", "genre:jazz"])
    assert names_of(one) & names_of(two) == {("artist", "ana sol")}
    assert names_of(dialogue(3, {"c": " "})) == {("track", "c")}


def test_dialogues_about_nothing_are_trained_on():
    dialogues = [*groups(10, 1), *(dialogue(100 + i, {}) for i in range(10))]
    check(dialogues, split(dialogues, by="held tracks"))
    check(dialogues, split(dialogues))
    with pytest.raises(InputError, match="held back"):
        split([dialogue(i, {}) for i in range(9)], by="held tracks")


@pytest.mark.parametrize(
    ("dialogues", "options", "said"),
    [
        ([], {}, "0 dialogues"),
        (groups(1, 1), {}, "1 dialogues"),
        ([dialogue(i, {"hit": "Star"}) for i in range(4)], {"by": "held tracks"}, "testing on 4 leaves 0"),
        (groups(4, 1), {"by": "chance"}, "'chance'"),
        (groups(4, 1), {"test_share": 0}, "test share of 0"),
        (groups(4, 1), {"test_share": 1.0}, "test share of 1"),
    ],
)
def test_refusals(dialogues, options, said):
    with pytest.raises(InputError, match=said):
        split(dialogues, **options)


@pytest.mark.parametrize(("data", "why"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"\xff\xfe", "cannot be read")])
def test_a_file_that_names_no_track_is_refused(tmp_path, data, why):
    (tmp_path / "a.tracks").write_bytes(data)
    with pytest.raises(InputError, match=why):
        read_tracks(tmp_path / "a.tracks")
    with pytest.raises(InputError, match="cannot be read"):
        read_tracks(tmp_path / "none.tracks")
