"""Faults across a finished dialogue: each is found where it is, and a good dialogue has none."""

import ast
import copy
import json

import plans
import pytest
from click.testing import CliRunner

from mdialog import run as runs
from mdialog.audit import audit, check
from mdialog.cli import main
from mdialog.dialogue import to_json, validate
from mdialog.transcripts import of, read_transcripts
from mdialog.write import Options, Written, write_plans

SAID = [
    'Hello, I would love some reggae, something like "Don\'t "Stop" Now" by Ötzi & Söhne.',
    'My pick is "Blue Hour" by The Lamps.',
    '"Blue Hour" is lovely; now something slow.',
    'Then "River" by Ana Sol comes to mind.',
    'No, "River" is not for me. Forget about slow, and no drums please.',
    "I see. What will you be doing while it plays?",
]
TITLE, ARTIST = "Stop Now", "Ötzi & Söhne"  # the quotation marks inside plans.NAMES are another test's matter


@pytest.fixture()
def record(tmp_path):
    """A finished dialogue without a fault, as a plain record."""
    plan = plans.plan(tmp_path)
    turns = [
        {"role": t.role, "content": text.replace('Don\'t "Stop" Now', TITLE), "intent": list(t.intents),
         "music_attribute": list(t.attributes), "removed": list(t.removed), "asks": list(t.asks),
         "track_seq": list(t.track_seq), "pool_size": t.pool_size, "liked": list(t.liked), "refused": list(t.refused),
         "heard": [{"track_id": c.track_id, "start_s": c.start_s, "end_s": c.end_s} for c in t.clips]}
        for t, text in zip(plan.turns, SAID, strict=True)
    ]  # fmt: skip
    tracks = {k: {"title": t.title, "artist": t.artist} for k, t in plan.tracks.items()}
    tracks["t3"]["title"] = TITLE
    return {"id": plan.id, "recipe": plan.recipe, "seed": 0, "persona": plan.persona, "goal": plan.goal, "models": {},
            "tracks": tracks, "turns": turns}  # fmt: skip


def faults(record):
    return check(of(validate(record)))


def found(record):
    return {(finding.turn, finding.check) for finding in faults(record)}


def offer(record, text, *ids, turns=()):
    """The record with one more exchange: a user turn, and a recommendation of `ids`."""
    more = copy.deepcopy(record)
    user = {"role": "user", "content": "Go on, one more of these.", "intent": ["continue"], "music_attribute": []}
    more["turns"] += [user | dict(turns), {"role": "assistant", "content": text, "intent": ["passive_recommend"],
                                           "music_attribute": [], "track_seq": list(ids)}]  # fmt: skip
    return more


def test_a_good_dialogue_has_no_fault(record):
    assert faults(record) == []


def test_dialogues_of_a_run_have_no_fault_but_manner(tmp_path):
    """What passed every check while it was written passes them all when it is done."""
    made = write_plans(
        [plans.plan(tmp_path, i) for i in range(8)], plans.Reader(bad=0.3), play=lambda plan, clip: None,
        options=Options(max_rounds=6),
    )  # fmt: skip
    written = [outcome for outcome in made if isinstance(outcome, Written)]
    assert len(written) >= 4
    for outcome in written:
        findings = check(of(runs.record_of(outcome, models={})))
        assert [f for f in findings if f.check not in ("manner", "names")] == []  # plans.NAMES has a title with quotes


@pytest.mark.parametrize(
    ("turn", "text", "check_name"),
    [
        (0, 'Hello, I would love slow reggae, something like "Stop Now" by Ötzi & Söhne.', "attributes"),
        (5, "I see. Is it for a rainy day?", "attributes"),
        (1, 'I\'m looking for "Blue Hour" by The Lamps.', "voice"),
        (2, '"Blue Hour" is lovely; you might like something slow.', "voice"),
        (2, '"Blue Hour" is lovely; you want to hear something slow?', "voice"),
        (3, 'Then "River" by Ana Sol comes to mind. The key isn\'t specified.', "phrases"),
        (3, 'Then "River" by Ana Sal comes to mind.', "spelling"),
        (3, 'Then "Rivers" by Ana Sol comes to mind.', "spelling"),
        (3, "Then river by Ana Sol, said \"The Lampz\".", "spelling"),
        (3, 'Then "River" by Ana Sol, or "So What" by Miles Davis.', "names"),
        (3, 'My pick is "River" by The Lamps.', "repetition"),
        (5, 'I see. "Stop Now" would be my answer?', "names"),
    ],
)  # fmt: skip
def test_a_fault_is_found_where_it_is(record, turn, text, check_name):
    record["turns"][turn]["content"] = text
    wanted = (turn, check_name)
    if check_name == "names" and turn == 5:
        record["turns"][0]["music_attribute"] = ["genre:reggae"]  # then nobody has named that track yet
        record["turns"][0]["content"] = "Hello, I would love some reggae."
        record["turns"][3]["track_seq"] = ["t2"]
    assert wanted in found(record)


def test_a_misspelt_name_is_told_once_and_an_exact_one_without_quotes_is_none(record):
    record["turns"][3]["content"] = "Then River by Ana Sol comes to mind."
    assert faults(record) == []
    record["turns"][3]["content"] = 'Then "River" by Ana Sole comes to mind.'
    (finding,) = [f for f in faults(record) if f.turn == 3]
    assert finding.check == "spelling" and "Ana Sol" in finding.message and finding.text == "Ana Sole"


def test_tracks_stay_new_and_refused_ones_away(record):
    again = offer(record, 'Then there is "Blue Hour" by The Lamps.', "t1")
    assert (7, "tracks") in found(again)
    asked = offer(record, 'Here: "Blue Hour" by The Lamps.', "t1", turns={"music_attribute": ["track:Blue Hour"],
                  "content": 'Play "Blue Hour" again, please.', "intent": ["add_filter"]}.items())  # fmt: skip
    assert (7, "tracks") not in found(asked)
    (refused,) = [f for f in faults(offer(record, 'Well, "River" by Ana Sol.', "t2")) if f.check == "tracks"]
    assert "refused in turn 4" in refused.message


@pytest.mark.parametrize(
    ("attributes", "text"),
    [(["-artist:Ana Sol"], "Go on, but nothing by Ana Sol."), ([], "Go on, by someone else please."),
     ([], "Go on, from a different band.")],
)  # fmt: skip
def test_someone_else_means_it(record, attributes, text):
    record["tracks"]["t4"] = {"title": "Estuary", "artist": "Ana Sol"}
    record["tracks"]["t5"] = {"title": "Estuary", "artist": "Nobody Else"}
    asked = {"music_attribute": attributes, "content": text, "intent": ["add_filter"], "refused": []}
    assert (7, "artists") in found(offer(record, 'My next one: "Estuary" by Ana Sol.', "t4", turns=asked.items()))
    assert (7, "artists") not in found(offer(record, 'My next one: "Estuary" by Nobody Else.', "t5", turns=asked.items()))


def test_an_artist_may_come_back_when_the_refusal_is_dropped(record):
    record["tracks"]["t4"] = {"title": "Estuary", "artist": "Ana Sol"}
    record["turns"][4]["music_attribute"].append("-artist:Ana Sol")
    back = {"removed": ["-artist:Ana Sol"], "content": "Ana Sol is fine after all.", "intent": ["remove_filter"]}
    more = offer(record, 'My next one: "Estuary" by Ana Sol.', "t4")
    assert (7, "artists") in found(more)
    more = offer(record, 'My next one: "Estuary" by Ana Sol.', "t4", turns=back.items())
    assert (7, "artists") not in found(more)


def test_a_claim_that_the_record_calls_contradicted_is_a_fault(record):
    claim = {"text": "drums", "kind": "instrument", "value": "drums", "verdict": "contradicted", "basis": "heard"}
    record["turns"][3]["claims"] = [claim, claim | {"verdict": "supported", "text": "a flute"}]
    assert [(f.turn, f.check, f.text) for f in faults(record)] == [(3, "claims", "drums")]


# --- other people's files: the three faults that a published sample shows, in words of our own --------------------------

ASKS_AHEAD = [
    ("user", "Good evening, I want something cheerful.", ["initial_query"], ["mood:cheerful"]),
    ("system", "Gladly, which sort of polka is closest to your heart?", ["detail_attribute_request"], []),
    ("user", "Polka would be nice, come to think of it.", ["add_filter"], ["genre:polka"]),
    ("system", 'Then "Barrel Dance" by Fiddle & Sons.', ["passive_recommend"], []),
]
CHANGES_SIDES = [
    ("user", "Some slow ambient for a long train ride, please.", ["initial_query"], ["genre:ambient", "tempo:slow tempo"]),
    ("system", 'Try "Platform Nine" by Low Signal.', ["passive_recommend"], []),
    ("user", "You want to stay on this train of thought? Off we go together.", ["continue"], ["continue:continue"]),
    ("system", '"Sleeper Car" by Oma keeps to it.', ["passive_recommend"], []),
]
ONE_MANNER = [
    turn
    for style in ("reggae", "techno", "folk", "jazz")
    for turn in (
        ("user", f"What about {style}?" if style != "folk" else "Folk is next, I guess.", ["add_filter"], [f"genre:{style}"]),
        ("system", f'Get ready for a splendid trip into the land of {style}: "{style} One" awaits.', ["passive_recommend"], []),
    )
]


def foreign(turns, **row):
    seq = iter(range(100))
    listed = [
        {"role": role, "content": text, "intent": intents, "music_attribute": attributes}
        | ({"track_seq": [f"SO{next(seq)}", f"SO{next(seq)}"]} if role == "system" else {})
        for role, text, intents, attributes in turns
    ]
    return {"conversation": repr(listed), **row}


def checked(tmp_path, *rows):
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return audit(read_transcripts(path))


@pytest.mark.parametrize(
    ("turns", "turn", "name", "text"),
    [(ASKS_AHEAD, 1, "attributes", "polka"), (CHANGES_SIDES, 2, "voice", "You want to"), (ONE_MANNER, 7, "manner", "")],
)
def test_faults_of_a_published_sample_are_found(tmp_path, turns, turn, name, text):
    (finding,) = checked(tmp_path, foreign(turns)).findings
    assert (finding.turn, finding.check) == (turn, name) and text in finding.text


def test_each_fault_goes_when_it_is_mended(tmp_path):
    ahead = [ASKS_AHEAD[0], ("system", "Gladly, which genre?", ["detail_attribute_request"], []), *ASKS_AHEAD[2:]]
    sides = [*CHANGES_SIDES[:2], ("user", "More of that, I like this train.", ["continue"], []), CHANGES_SIDES[3]]
    replies = ["Sure, here is", "For that, nothing beats", "An old favourite:", "Start with"]
    manner = [(r, f'{replies[i // 2]} "{i} One".' if r == "system" else t, k, a) for i, (r, t, k, a) in enumerate(ONE_MANNER)]
    assert checked(tmp_path, *map(foreign, (ahead, sides, manner))).findings == ()


def test_what_cannot_be_checked_is_said(tmp_path):
    bare = {"turns": [{"role": "user", "content": "Hi there."}, {"role": "assistant", "content": "Hello."}]}
    done = checked(tmp_path, bare, foreign(ASKS_AHEAD), foreign(ASKS_AHEAD[:1], language="x"))
    said = {what.split(":")[0]: n for what, n in done.unchecked.items()}
    assert said["whether what is said of the sound was heard"] == 3
    assert said["whether attributes are spoken ahead of their turn"] == 1
    assert said["whether new tracks are new"] == 2
    assert said["whether titles and artists are those of the tracks"] == 3
    tracks = {f"SO{i}": {"title": "Barrel Dance", "artist": "Fiddle & Sons"} for i in range(4)}
    named = checked(tmp_path, foreign(ASKS_AHEAD, tracks=tracks))
    assert "titles" not in " ".join(named.unchecked)


def test_a_recommendation_that_names_nothing_and_a_foreign_repeat(tmp_path):
    turns = [ASKS_AHEAD[0], ("system", "Let me find you some cheerful tunes.", ["passive_recommend"], [])]
    assert [f.check for f in checked(tmp_path, foreign(turns)).findings] == ["names"]
    row = foreign(CHANGES_SIDES[:2] + [("user", "More.", ["continue"], []), CHANGES_SIDES[3]])
    row["conversation"] = row["conversation"].replace("SO2", "SO0")
    assert [(f.check, f.turn) for f in checked(tmp_path, row).findings] == [("tracks", 3)]


def test_one_manner_across_a_file(tmp_path):
    def row(i, reply):
        user = ("user", f"{chr(98 + i)} {chr(100 + i)} query {i}.", ["initial_query"], [])
        return foreign([user, ("system", reply, ["others"], [])])

    one = checked(tmp_path, *(row(i, f"Get ready to be amazed by number {i}.") for i in range(25)))
    assert [(f.dialogue, f.turn, f.check) for f in one.findings if f.turn is None] == [("*", None, "manner")]
    many = checked(tmp_path, *(row(i, f"{chr(97 + i)} {chr(99 + i)} thing {i}.") for i in range(25)))
    assert not [f for f in many.findings if f.turn is None]


def test_people_are_not_found_at_fault_for_how_they_talk(real_data, tmp_path):
    """Human dialogues: a check of voice or manner that finds much in them is wrong."""
    rows = []
    with (real_data / "cpcd" / "cpcd_v1.dialogs.dev.train.jsonl").open(encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            sides = [(side, t[key]) for t in record["turns"] for side, key in
                     (("user", "user_query"), ("assistant", "system_response")) if t.get(key)]  # fmt: skip
            rows.append({"id": record["id"], "turns": [{"role": side, "content": text} for side, text in sides]})
    done = checked(tmp_path, *rows)
    assert done.n_dialogues == 400
    assert done.counts.get("manner", 0) <= 0.02 * 400
    assert done.counts.get("voice", 0) <= 0.01 * done.n_turns
    assert not {"attributes", "tracks", "artists", "spelling"} & set(done.counts)


# --- the command -------------------------------------------------------------------------------------------------------

def test_the_command_lists_faults_and_exits_with_1(record, tmp_path):
    path, report = tmp_path / "dialogues.jsonl", tmp_path / "faults.json"
    path.write_text(to_json(validate(record)) + "\n", encoding="utf-8")
    clean = CliRunner().invoke(main, ["check", str(path)])
    assert clean.exit_code == 0 and clean.stdout == "1 dialogues, 6 turns: no faults\n"
    record["turns"][3]["content"] = 'Then "River" by Ana Sal comes to mind.'
    path.write_text(to_json(validate(record)) + "\n", encoding="utf-8")
    bad = CliRunner().invoke(main, ["check", str(path), "--json", str(report)])
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[0].startswith("md-000000 turn 3: spelling: 'Ana Sal': nearly 'Ana Sol'")
    assert bad.stdout.splitlines()[-1] == "1 dialogues, 6 turns: 1 spelling"
    held = json.loads(report.read_text(encoding="utf-8"))
    assert held["counts"] == {"spelling": 1} and held["findings"][0]["turn"] == 3


def test_the_command_says_what_it_cannot_read(tmp_path):
    for arguments in (["check", str(tmp_path / "none.jsonl")], ["check", str(tmp_path / "x.csv")]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1 and result.stderr.startswith("mdialog: ") and result.stderr.count("\n") == 1


def test_what_was_heard_is_not_said_ahead(tmp_path):
    turns = ast.literal_eval(foreign(ASKS_AHEAD)["conversation"])
    assert checked(tmp_path, {"turns": turns}).findings
    turns[1]["heard"] = [{"track_id": "t1", "start_s": 0.0, "end_s": 10.0}]
    assert checked(tmp_path, {"turns": turns}).findings == ()
