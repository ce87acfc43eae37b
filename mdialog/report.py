"""The page of a run: its dialogues to read and listen to, and a picture of the catalogue they came from."""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mdialog
from mdialog import pictures
from mdialog.dialogue import Claim, Dialogue, Turn, read_dialogues
from mdialog.dialogue import Heard as Span
from mdialog.errors import InputError, MdialogError
from mdialog.files import write_text

AUDIO_FOLDER = "report_audio"
_MP3_RATES = (16000, 22050, 24000, 32000, 44100, 48000)  # Hz; MPEG layer III has no others from 16 kHz on
_MAX_FAILURES = 200  # shown; the rest stay in failures.jsonl
_COLUMNS = ("track_id", "path", "meta_title", "meta_artist", "meta_genre", "heard_genre", "measured_tempo_bpm",
            "measured_key", "measured_energy", "heard_instrument", "embedding")


@dataclass(frozen=True)
class Chip:
    """An attribute as the page shows it."""

    kind: str
    value: str
    polarity: str  # want, avoid, like or dropped
    sign: str
    spoken: str  # the sign for those who hear the page


@dataclass(frozen=True)
class Heard:
    """A span that was heard: the file that plays it, or why there is none."""

    label: str
    src: str | None
    problem: str | None = None


@dataclass(frozen=True)
class ClaimView:
    """A claim about the sound, its verdict, and what that rests on."""

    text: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class TurnView:
    """A turn as the page shows it."""

    role: str
    content: str
    intents: tuple[str, ...]
    attributes: tuple[Chip, ...]
    tracks: tuple[str, ...]
    pool_size: int | None
    heard: tuple[Heard, ...]
    claims: tuple[ClaimView, ...]


@dataclass(frozen=True)
class DialogueView:
    """A dialogue as the page shows it."""

    id: str
    recipe: str
    opening: str
    persona: tuple[tuple[str, str], ...]
    goal_attributes: tuple[Chip, ...]
    goal_tracks: tuple[str, ...]
    goal_more: tuple[tuple[str, str], ...]
    turns: tuple[TurnView, ...]
    intents: tuple[str, ...]
    pool: tuple[int, ...]
    spark: str


@dataclass(frozen=True)
class _Page:
    """Everything that the template reads."""

    title: str
    version: str
    figures: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    dialogues: list[DialogueView]
    n_dialogues: int
    recipes: list[str]
    intents: list[str]
    failures: list[dict]
    n_failures: int
    map: pictures.Map | None
    pictures: list[pictures.Picture]
    beside_people: list[tuple[str, str]]


def report(run_folder: str | Path, *, catalog: str | Path, max_dialogues: int = 200,
           warn: Callable[[str], None] | None = None, workers: int | None = None) -> Path:
    """Write ``report.html`` and ``report_audio/`` into a run folder.

    The page is one static file: styles, script and pictures are in it, only the clips lie beside it. It may be
    opened from the disk, moved with its folder, and shown without a network.

    Parameters
    ----------
    run_folder : str or Path
        Holds ``dialogues.jsonl``, and ``failures.jsonl`` where something failed.
    catalog : str or Path
        The catalogue that the dialogues were planned from.
    max_dialogues : int > 0
        How many to show, the first ones of the run.
    warn : callable, optional
        Called with one line for each clip that could not be cut; the page says so too.
    workers : int > 0, optional
        Threads that cut clips; the number of cores if not given.

    Returns
    -------
    Path of ``report.html``

    Raises
    ------
    InputError
        If the run folder holds no dialogues file, or a line of it is no dialogue.
    """
    from mdialog.catalog import Catalog

    run_folder = Path(run_folder)
    records = list(read_dialogues(run_folder / "dialogues.jsonl"))
    failures = _failures(run_folder / "failures.jsonl")
    table = Catalog.open(catalog).columns(list(_COLUMNS))
    named = table.select(["track_id", "path", "meta_title", "meta_artist"]).to_pylist()
    tracks = {row["track_id"]: row for row in named}
    shown = records[:max_dialogues]
    heard = [span_of(span) for record in shown for turn in record.turns for span in turn.heard]
    clips = cut_clips(heard, tracks=tracks, folder=run_folder / AUDIO_FOLDER, workers=workers)
    if warn:
        for problem in sorted({c.problem for c in clips.values() if c.problem}):
            warn(problem)
    page = _page(run_folder, records=records, shown=shown, failures=failures, table=table, tracks=tracks, clips=clips)
    path = run_folder / "report.html"
    write_page(path, page, template="report.html.jinja")
    return path


def write_page(path: Path, page: object, *, template: str) -> None:
    """Write a page as HTML, complete or not at all; every text in it escaped. The template knows it as ``page``."""
    import jinja2

    environment = jinja2.Environment(loader=jinja2.PackageLoader("mdialog", ""), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    write_text(path, environment.get_template(template).render(page=page), errors="replace")


def _lines(path: Path) -> list[str]:
    """Lines of a file, by line feeds alone: text may hold other separators of Unicode."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [line for line in lines if line.strip()]


def cut_clips(spans: Iterable[tuple[str, float, float]], *, tracks: dict[str, dict], folder: Path,
              workers: int | None = None) -> dict[tuple, Heard]:
    """Cut each span, (track_id, start_s, end_s), to a small mp3, once; files of an earlier page that are not needed go.

    Returns
    -------
    dict of span to Heard
        Its ``src`` begins with the folder's name.
    """
    spans = dict.fromkeys(spans)
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:  # decoding and encoding release the GIL
        clips = dict(zip(spans, pool.map(lambda span: _cut(span, tracks, folder), spans), strict=True))
    needed = {Path(clip.src).name for clip in clips.values() if clip.src}
    for left in folder.glob("*.mp3*"):
        if left.name not in needed:
            left.unlink()
    return clips


def span_of(heard: Span) -> tuple[str, float, float]:
    """A span as :func:`cut_clips` takes it."""
    return heard.track_id, heard.start_s, heard.end_s


def _cut(span: tuple[str, float, float], tracks: dict[str, dict], folder: Path) -> Heard:
    track_id, start_s, end_s = span
    label = f"{_name(track_id, tracks)}, {_clock(start_s)}–{_clock(end_s)}"
    row = tracks.get(track_id)
    if row is None:
        return Heard(label, None, f"track {track_id} is not in this catalogue")
    if not row["path"]:
        return Heard(label, None, f"track {track_id} has metadata only")
    try:
        stat = os.stat(row["path"])
        identity = f"{row['path']}\x1f{stat.st_size}\x1f{stat.st_mtime_ns}\x1f{start_s}\x1f{end_s}"
        name = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest() + ".mp3"
        if not (folder / name).is_file():
            _write_mp3(row["path"], folder / name, start_s=start_s, end_s=end_s)
    except (MdialogError, OSError) as error:
        said = f"{row['path']}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        return Heard(label, None, said)
    return Heard(label, f"{folder.name}/{name}")


def _write_mp3(source: str, target: Path, *, start_s: float, end_s: float) -> None:
    """One excerpt as a mono mp3, complete or not at all: mono is what the models hear, mp3 plays everywhere."""
    import soundfile

    from mdialog import audio

    decoded = audio.decode(source, start_s=start_s, end_s=end_s)
    samples, rate = audio.mono(decoded.samples), decoded.sample_rate
    if rate not in _MP3_RATES:
        samples, rate = audio.resample(samples, rate, 44100), 44100
    partial = target.with_name(f"{target.name}.{threading.get_ident()}")  # two tracks may share a file
    try:
        soundfile.write(partial, samples.clip(-1, 1), rate, format="MP3", compression_level=0.7)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{target}: cannot be written ({error}); check space and permissions") from error
    partial.replace(target)


def _page(run_folder: Path, *, records: list[Dialogue], shown: list[Dialogue], failures: list[dict], table,
          tracks: dict[str, dict], clips: dict[tuple, Heard]) -> _Page:
    dialogues = [_dialogue(record, tracks, clips) for record in shown]
    return _Page(
        title=f"Music dialogues: {run_folder.resolve().name}",
        version=mdialog.__version__,
        figures=_figures(records, failures, n_tracks=table.num_rows),
        facts=_facts(records),
        dialogues=dialogues,
        n_dialogues=len(records),
        recipes=sorted({d.recipe for d in dialogues}),
        intents=sorted({i for d in dialogues for i in d.intents}),
        failures=failures[:_MAX_FAILURES],
        n_failures=len(failures),
        map=_map(table, tracks),
        pictures=_pictures(table),
        beside_people=_beside_people(run_folder / "evaluation"),
    )


def _figures(records: list[Dialogue], failures: list[dict], *, n_tracks: int) -> list[tuple[str, str]]:
    turns = [turn for record in records for turn in record.turns]
    spans = {span_of(heard) for turn in turns for heard in turn.heard}
    verdicts = [claim.verdict for turn in turns for claim in turn.claims]
    figures = [("dialogues", len(records)), ("turns", len(turns)),
               ("different utterances", len({turn.content for turn in turns})), ("clips heard", len(spans)),
               ("failed", len(failures)), ("tracks in the catalogue", n_tracks)]
    if verdicts:
        figures.append((f"of {len(verdicts):,} claims supported", verdicts.count("supported")))
    return [(name, f"{value:,}") for name, value in figures]


def _facts(records: list[Dialogue]) -> list[tuple[str, str]]:
    """Models, recipes and seeds that the records name; several where a run mixed them."""
    models: dict[str, dict[str, None]] = {}
    for record in records:
        for part, name in record.models.items():
            models.setdefault(part, {})[name] = None
    facts = [(part, ", ".join(names)) for part, names in models.items()]
    for name in ("recipe", "seed"):
        values = dict.fromkeys(str(getattr(record, name)) for record in records)
        if values:
            facts.append((name, ", ".join(values)))
    return facts


def _failures(path: Path) -> list[dict]:
    """Rows of ``failures.jsonl`` as {id, why}; whatever else a row says is shown as it stands."""
    if not path.is_file():
        return []
    rows = []
    for line in _lines(path):
        try:
            row = json.loads(line)
            name = next((row.pop(k) for k in ("plan_id", "id") if k in row), "?")
            why = next((row.pop(k) for k in ("reason", "error") if k in row), "")
            rest = ", ".join(f"{k}: {_text(v)}" for k, v in row.items() if isinstance(v, str | int | float))
            rows.append({"id": _text(name), "why": "; ".join(filter(None, (_text(why), rest)))})
        except (ValueError, AttributeError, TypeError):
            rows.append({"id": "?", "why": line})
    return rows


def _dialogue(record: Dialogue, tracks: dict[str, dict], clips: dict[tuple, Heard]) -> DialogueView:
    # The record's own names come first: they are what was said.
    tracks = tracks | {track_id: (tracks.get(track_id) or {}) | {"meta_title": name.title, "meta_artist": name.artist}
                       for track_id, name in record.tracks.items()}
    turns = tuple(_turn(turn, tracks, clips) for turn in record.turns)
    goal = dict(record.goal)
    wanted = tuple(_chip(a, tracks) for a in goal.pop("attributes", None) or ())
    targets = tuple(_name(t, tracks) for t in goal.pop("track_ids", None) or ())
    pool = tuple(t.pool_size for t in turns if t.pool_size is not None)
    return DialogueView(
        id=record.id,
        recipe=record.recipe,
        opening=next((t.content for t in turns if t.role == "user"), turns[0].content),
        persona=tuple((_side(k), _text(v)) for k, v in record.persona.items()),
        goal_attributes=wanted,
        goal_tracks=targets,
        goal_more=tuple((k.replace("_", " "), _text(v)) for k, v in goal.items()),
        turns=turns,
        intents=tuple(sorted({i for t in turns for i in t.intents})),
        pool=pool,
        spark=pictures.sparkline(pool),
    )


def _side(name: str) -> str:
    """A persona's field as people read it: ``user_manner`` is the seeker's manner."""
    return name.replace("_", " ").replace("user ", "seeker's ").replace("assistant ", "recommender's ")


def _turn(turn: Turn, tracks: dict[str, dict], clips: dict[tuple, Heard]) -> TurnView:
    dropped = tuple(_chip(a, tracks, dropped=True) for a in turn.removed)
    return TurnView(
        role=turn.role,
        content=turn.content,
        intents=tuple(turn.intent),
        attributes=tuple(_chip(a, tracks) for a in turn.music_attribute) + dropped,
        tracks=tuple(_name(t, tracks) for t in turn.track_seq),
        pool_size=turn.pool_size,
        heard=tuple(clips[span_of(h)] for h in turn.heard),
        claims=tuple(_claim(c) for c in turn.claims),
    )


def _chip(attribute: str, tracks: dict[str, dict], *, dropped: bool = False) -> Chip:
    sign = attribute[:1] if attribute[:1] in ("-", "~") else ""
    kind, _, value = attribute[len(sign):].partition(":")
    if kind == "track" and value in tracks:
        value = _name(value, tracks)
    polarity = "dropped" if dropped else {"-": "avoid", "~": "like", "": "want"}[sign]
    mark, spoken = {"want": ("+", "wanted:"), "avoid": ("−", "not wanted:"), "like": ("≈", "like:"),
                    "dropped": ("×", "no longer asked for:")}[polarity]
    return Chip(kind=kind.replace("_", " "), value=value or "", polarity=polarity, sign=mark, spoken=spoken)


def _claim(claim: Claim) -> ClaimView:
    evidence = ", ".join(f"{k} {_text(v)}" for k, v in claim.evidence.items() if v is not None)
    clip = {"before": "of the clip before", "both": "of both clips", "none": "of a track not heard"}.get(claim.clip)
    detail = " · ".join(filter(None, (f"{claim.kind}: {claim.value}", clip, claim.basis, evidence)))
    return ClaimView(text=claim.text, verdict=claim.verdict, detail=detail)


def _name(track_id: str, tracks: dict[str, dict]) -> str:
    row = tracks.get(track_id) or {}
    title = row.get("meta_title") or (Path(row["path"]).name if row.get("path") else track_id)
    return f"{title} – {row['meta_artist']}" if row.get("meta_artist") else title


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}".removesuffix(".0") if rest % 1 else f"{int(minutes)}:{int(rest):02d}"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return str(value)


# What `mdialog evaluate` draws, and what it shows.
_BESIDE_PEOPLE = {
    "words": "Words a turn, the run's and people's",
    "distinct": "Share of different word pairs, by how much is said",
    "openings": "The commonest first three words",
}


def _beside_people(folder: Path) -> list[tuple[str, str]]:
    """Title and data URI of each picture that an evaluation of the run has drawn."""
    found = [(title, folder / f"{name}.svg") for name, title in _BESIDE_PEOPLE.items()]
    return [(title, "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode())
            for title, path in found if path.is_file()]  # fmt: skip


def _map(table, tracks: dict[str, dict]) -> pictures.Map | None:
    import numpy as np
    import pyarrow.compute as pc

    sounding = table.filter(pc.is_valid(table["embedding"]))
    if sounding.num_rows < 3:
        return None
    column = sounding["embedding"].combine_chunks()
    embeddings = np.asarray(column.flatten(), dtype=np.float32).reshape(sounding.num_rows, -1)
    read, heard = sounding["meta_genre"].to_pylist(), sounding["heard_genre"].to_pylist()
    genres = [(r or h or [None])[0] for r, h in zip(read, heard, strict=True)]
    titles = [f"{_name(t, tracks)} ({g or 'no genre known'})" for t, g in
              zip(sounding["track_id"].to_pylist(), genres, strict=True)]
    return pictures.embedding_map(embeddings, genres=genres, titles=titles)


def _pictures(table) -> list[pictures.Picture]:
    def column(name: str) -> list:
        return table[name].to_pylist()

    made = (pictures.genre_chart(read=column("meta_genre"), heard=column("heard_genre")),
            pictures.tempo_histogram(column("measured_tempo_bpm")), pictures.key_chart(column("measured_key")),
            pictures.energy_histogram(column("measured_energy")), pictures.instrument_chart(column("heard_instrument")))
    return [picture for picture in made if picture]
