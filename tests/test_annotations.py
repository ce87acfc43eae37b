"""Datasets' indexes: events and captions reach their sounds under any usual name, bad rows are named, good ones kept."""

import pytest
import soundfile
from small_clap import small_clap

from mdialog.annotations import event_label, is_index
from mdialog.catalog import Catalog
from mdialog.errors import InputError
from mdialog.ingest import ingest
from mdialog.metadata import EventSpan, from_fields
from mdialog.snapshot import Snapshot
from mdialog.synth.events import make_take
from mdialog.table import read_table

HEAD = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
CAPTIONS = "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id\n"


def sound(path, *, seconds=3.0):
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    noise = make_take("rain", 1, sample_rate=16_000).samples * 0.1
    soundfile.write(path, np.tile(noise, (1, 9))[:, : round(seconds * 16_000)].T, 16_000)
    return path.resolve()


def index(folder, *rows, name="strong.tsv", head=HEAD):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(head + "".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return folder / name


def captions(folder, *rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "captions.csv").write_text(CAPTIONS + "".join(row + "\n" for row in rows), encoding="utf-8")
    return folder / "captions.csv"


def test_many_rows_are_one_track(tmp_path):
    path = sound(tmp_path / "sounds" / "-ab_cd-EF_1_30000.wav")
    table = read_table(index(tmp_path, ("-ab_cd-EF_1_30000", 2.5, 4.0, "/m/06mb1"), ("other_0", 0, 1, "Rain"),
                             ("-ab_cd-EF_1_30000", "0.000", 1, "Bark"), ("-ab_cd-EF_1_30000", 0, 9.5, "/m/053hz1")),
                       folders=[tmp_path / "sounds"])  # fmt: skip
    (row,) = table.rows
    assert (row.path, row.line) == (path, 2) and not table.problems
    assert row.metadata.events == (EventSpan("dog", 0.0, 1.0), EventSpan("/m/053hz1", 0.0, 9.5), EventSpan("rain", 2.5, 4.0))
    assert row.metadata.title is None and row.metadata.extra == {"segment_id": "-ab_cd-EF_1_30000"}
    assert len(table.notes) == 1 and "1 of 2 segments" in table.notes[0]


@pytest.mark.parametrize("name", ["ytidytidyti_30000.flac", "Yytidytidyti_30000.wav", "ytidytidyti_30.wav", "ytidytidyti.wav",
                                  "ytidytidyti_30_40.ogg", "[ytidytidyti]-[30-40].wav", "Yytidytidyti.flac"])  # fmt: skip
def test_files_under_usual_names_are_found(tmp_path, name):
    path = sound(tmp_path / "deep" / "er" / name)
    table = read_table(index(tmp_path, ("ytidytidyti_30000", 1, 2, "Wind")), folders=[tmp_path / "deep"])
    assert [(row.path, row.metadata.events) for row in table] == [(path, (EventSpan("wind", 1.0, 2.0),))]
    told = read_table(captions(tmp_path, 'ytidytidyti,30,40,,"[]",slow and soft,1'), folders=[tmp_path / "deep"])
    assert [(row.path, row.metadata.caption) for row in told] == [(path, "slow and soft")]


def test_in_a_whole_recording_events_are_where_they_are(tmp_path):
    path = sound(tmp_path / "ytidytidyti.wav", seconds=45)
    table = read_table(index(tmp_path, ("ytidytidyti_30000", 1, 2, "Wind"), ("ytidytidyti_2000", 0, 0.5, "Rain")))
    (row,) = table.rows
    assert row.path == path and row.metadata.events == (EventSpan("wind", 31.0, 32.0), EventSpan("rain", 2.0, 2.5))
    short = sound(tmp_path / "short" / "ytidytidyti.wav", seconds=10)
    table = read_table(index(tmp_path / "short", ("ytidytidyti_30000", 1, 2, "Wind"), ("ytidytidyti_2000", 0, 1, "Rain")))
    assert [(row.path, row.metadata.events) for row in table] == [(short, (EventSpan("wind", 1.0, 2.0),))]
    assert len(table.problems) == 1 and "strong.tsv:3: " in table.problems[0] and "another segment" in table.problems[0]


def test_codes_have_the_names_beside_them(tmp_path):
    sound(tmp_path / "a_0.wav")
    (tmp_path / "mid_to_display_name.tsv").write_text("/m/053hz1\tCheering\n/x/1\tRaindrop\nnonsense\n")
    rows = [("a_0", 0, 1, "/m/053hz1"), ("a_0", 1, 2, "/x/1"), ("a_0", 2, 3, "/m/unknown"), ("a_0", 3, 4, "Ünïcode 雨")]
    (row,) = read_table(index(tmp_path, *rows)).rows
    assert [event.label for event in row.metadata.events] == ["Cheering", "rain", "/m/unknown", "Ünïcode 雨"]
    assert event_label("Walk, footsteps") == "footsteps" and event_label("TICK-TOCK") == "clock"


def test_what_is_marked_as_absent_is_no_event(tmp_path):
    sound(tmp_path / "a_0.wav")
    rows = [("a_0", 0, 0.96, "/m/06mb1", "PRESENT"), ("a_0", 0.96, 1.92, "/m/06mb1", "NOT_PRESENT")]
    (row,) = read_table(index(tmp_path, *rows, head=HEAD.strip() + "\tpresent\n")).rows
    assert row.metadata.events == (EventSpan("rain", 0.0, 0.96),)


def test_bad_rows_are_named_and_the_others_kept(tmp_path):
    sound(tmp_path / "a_0.wav")
    rows = [("a_0", 1, 2), ("a_0", 3, 2, "Rain"), ("a_0", "soon", 2, "Rain"), ("a_0", 1, "nan", "Rain"),
            ("a_0", -1, 2, "Rain"), ("", 1, 2, "Rain"), ("a_0", 1, 2, ""), ("a_0", 1, 1, "Rain"), ("a_0", 5, 6, "Rain")]
    table = read_table(index(tmp_path, *rows))
    assert [row.metadata.events for row in table] == [(EventSpan("rain", 5.0, 6.0),)]
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == [str(n) for n in range(2, 10)]
    said = ["3 fields", "swap", "'soon'", "'nan'", "'-1'", "no segment_id", "no label", "swap"]
    assert all(word in problem for word, problem in zip(said, table.problems, strict=True))


def test_empty_and_foreign_indexes(tmp_path):
    assert read_table(index(tmp_path)).rows == ()
    assert not is_index(["title", "label", "start_s"]) and is_index(["\ufeffx", "SEGMENT_ID", *HEAD.split()[1:]])
    with pytest.raises(InputError, match="neither a file nor a title"):
        read_table(index(tmp_path, head="segment_id\tlabel\n", name="x.tsv"))


def test_captions_without_a_sound_are_tracks_all_the_same(tmp_path):
    table = read_table(captions(
        tmp_path, '''aaaaaaaaaaa,30,40,"/m/1","['Low quality', ""it's live, loud""]","Two\nlines, ""quoted"".",4''',
        "bbbbbbbbbbb,40,30,,,x,1", "bbbbbbbbbbb,0,10,,,,1", "bbbbbbbbbbb,0.5,10.5,,not a list; at all,,1",
        "bbbbbbbbbbb,0.5,10.5,,,again,1", ",0,10,,,x,1",
    ))  # fmt: skip
    first, second = (row.metadata for row in table)
    assert (first.title, first.caption) == ("aaaaaaaaaaa_30000", 'Two lines, "quoted".')
    assert first.aspects == ("low quality", "it's live, loud") and first.extra["start_s"] == "30" and not first.events
    assert (second.title, second.aspects, second.caption) == ("bbbbbbbbbbb_500", ("not a list; at all",), None)
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == ["4", "5", "7", "8"]
    assert "line 6 describes segment bbbbbbbbbbb_500 already" in table.problems[2]


@pytest.mark.parametrize(
    ("text", "aspects"),
    [("['a', 'B, c']", ("a", "b, c")), ("a, b,a", ("a", "b")), ("[broken, 'list", ("broken", "list")), (["X", "y"], ("x", "y")),
     ("[]", ()), ("", ()), ("[1, None]", ("1",))],
)  # fmt: skip
def test_aspects_in_any_spelling(text, aspects):
    assert from_fields({"aspect_list": text, "title": "t"}).aspects == aspects


def test_the_catalogue_holds_them(tmp_path):
    sound(tmp_path / "sounds" / "a_0.wav", seconds=6)
    sound(tmp_path / "sounds" / "plain.wav", seconds=5)
    clap, path = small_clap(), tmp_path / "catalog"
    marked = index(tmp_path, ("a_0", 1, 2, "Bark"), ("a_0", 2, 3, "Whoosh"), ("b_0", 1, 2, "Rain"))
    report = ingest([tmp_path / "sounds"], catalog=path, metadata=marked, clap=clap, workers=1)
    assert (report.n_new, report.n_failed, report.n_metadata_only) == (2, 0, 0)
    assert any("1 of 2 segments" in note for note in report.notes)
    snapshot = Snapshot.of(Catalog.open(path))
    events = {snapshot.ref(i).title: snapshot.events_of(i) for i in range(2)}
    assert events == {"a_0": (EventSpan("dog", 1.0, 2.0), EventSpan("Whoosh", 2.0, 3.0)), "plain": ()}
    told = captions(tmp_path, "aaaaaaaaaaa,30,40,,\"['slow']\",soft and slow,1")
    ingest([tmp_path / "sounds"], catalog=path, metadata=told, clap=clap, workers=1)
    catalog = Catalog.open(path)
    snapshot = Snapshot.of(catalog)
    (at,) = snapshot.tracks_named("aaaaaaaaaaa_30000")
    assert (snapshot.captions[at].as_py(), snapshot.aspects[at].as_py(), len(snapshot)) == ("soft and slow", ["slow"], 3)
    # When its sound turns up under another name of the segment, it is the same track.
    sound(tmp_path / "sounds" / "aaaaaaaaaaa.wav", seconds=7)
    ingest([tmp_path / "sounds"], catalog=path, metadata=told, clap=clap, workers=1)
    rows = Catalog.open(path).columns(["path", "meta_caption", "meta_title"]).to_pylist()
    assert [row["meta_title"] for row in rows if row["meta_caption"]] == ["aaaaaaaaaaa"] and len(rows) == 3


def test_musiccaps_as_it_is(real_data):
    table = read_table(real_data / "captions" / "musiccaps.csv")
    assert len(table) == 5521 and not table.problems and not table.notes
    assert all(row.path is None and row.metadata.caption and row.metadata.aspects for row in table)
    assert len({row.metadata.title for row in table}) == 5521
