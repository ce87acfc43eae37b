"""Labelled libraries: invented artists' albums as tagged FLAC files, with the truth about each in ``labels.jsonl``."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mdialog.errors import InputError
from mdialog.seeds import derive, stdlib
from mdialog.synth.artists import Artist, make_artist, random_title
from mdialog.synth.batch import made_rows, read_rows, write_rows
from mdialog.synth.compose import Piece, Style, compose
from mdialog.synth.genres import genre
from mdialog.synth.harmony import TONICS
from mdialog.synth.labels import Labels, Span, moods

SAMPLE_RATE = 44_100
LABELS = "labels.jsonl"

IMPERFECT_SHARE = 0.08
"""Share of tracks whose metadata lack or misstate something, as users' files do."""

_SPOKEN = {"C#": "C-sharp", "D#": "E-flat", "F#": "F-sharp", "G#": "A-flat", "A#": "B-flat"}


@dataclass(frozen=True)
class TrackSpec:
    """Everything decided about a track before it is composed.

    Parameters
    ----------
    index : int
    artist : str
    artist_index : int
        Number of the artist in the world of the seed: split by it.
    culture, album, title : str
    track_number, year : int
    popularity : float in [0, 100]
    genre : str
    seed : int
        Of the piece.
    style : Style
    duration_s : float
    key : str or None
        Fixed for the tracks whose title names one, rightly or wrongly.
    imperfect : tuple of {'missing genre', 'wrong tempo', 'wrong key in title'}
    """

    index: int
    artist: str
    artist_index: int
    culture: str
    album: str
    title: str
    track_number: int
    year: int
    popularity: float
    genre: str
    seed: int
    style: Style
    duration_s: float
    key: str | None = None
    imperfect: tuple[str, ...] = ()

    def compose(self) -> Piece:
        """The track's piece."""
        return compose(self.seed, genre=self.genre, key=self.key, duration_s=self.duration_s, style=self.style)


def library_plan(
    n_tracks: int,
    seed: int,
    *,
    duration_s: float | tuple[float, float] = (30.0, 60.0),
    genres: Sequence[str] | None = None,
) -> list[TrackSpec]:
    """Plan a library: artists one after the other, each with four to eight tracks on one or two albums.

    Plans of different lengths agree on the tracks they share.

    Parameters
    ----------
    n_tracks : int >= 1
    seed : int
    duration_s : float or (float, float)
        Length of the tracks, or its range.
    genres : sequence of str, optional
        Only artists of these genres.

    Returns
    -------
    list of TrackSpec
    """
    if n_tracks < 1:
        raise InputError(f"{n_tracks!r} tracks make no library; ask for 1 or more")
    wanted = set(genres) if genres else None
    for name in wanted or ():
        genre(name)
    specs: list[TrackSpec] = []
    number = 0
    while len(specs) < n_tracks:
        artist = make_artist(seed, number)
        if wanted is None or artist.genre in wanted:
            specs.extend(_discography(seed, artist, number, duration_s=duration_s, wanted=wanted, first=len(specs)))
        number += 1
    return specs[:n_tracks]


def _discography(seed: int, artist: Artist, number: int, *, duration_s, wanted, first: int) -> list[TrackSpec]:
    rng = stdlib(seed, "discography", number)
    count = rng.randint(4, 8)
    first_album = count if rng.random() < 0.4 else rng.randint(2, count - 1)
    low, high = duration_s if isinstance(duration_s, tuple) else (duration_s, duration_s)
    # The second album, if there is one, comes out some years after the first.
    year, gap = artist.since, rng.randint(1, 9)
    weights = {g: w for g, w in artist.style.genres.items() if wanted is None or g in wanted}
    albums = [random_title(rng), random_title(rng)]
    specs: list[TrackSpec] = []
    titles: set[str] = set()
    for i in range(count):
        second = i >= first_album
        imperfect, key, title = _oddities(rng)
        while title in titles:
            title = random_title(rng)
        titles.add(title)
        specs.append(
            TrackSpec(
                index=first + i,
                artist=artist.name,
                artist_index=number,
                culture=artist.culture,
                album=albums[second],
                title=title,
                track_number=1 + (i - first_album if second else i),
                year=min(2025, year + (gap if second else 0)),
                # An artist's hit is far above the rest of the album.
                popularity=round(min(100.0, max(0.0, artist.popularity * rng.lognormvariate(-0.25, 0.5))), 1),
                genre=rng.choices(list(weights), weights=list(weights.values()))[0],
                seed=derive(seed, "track", number, i),
                style=artist.style,
                duration_s=round(rng.uniform(low, high), 1),
                key=key,
                imperfect=imperfect,
            )
        )
    return specs


def _oddities(rng) -> tuple[tuple[str, ...], str | None, str]:
    """What is wrong with a track's metadata, its key if the title names one, and the title."""
    dice = rng.random()
    form = rng.choice(("Nocturne", "Prelude", "Rondo", "Ballad", "Waltz No. 2", "Study", "Serenade", "Blues", "Song"))
    if dice < 0.03 * IMPERFECT_SHARE / 0.08:
        key, named = (_random_key(rng), _random_key(rng))
        while named == key:
            named = _random_key(rng)
        return ("wrong key in title",), key, f"{form} in {spoken_key(named)}"
    if dice < IMPERFECT_SHARE:
        return (rng.choice(("missing genre", "wrong tempo")),), None, random_title(rng)
    if dice < IMPERFECT_SHARE + 0.02:
        key = _random_key(rng)
        return (), key, f"{form} in {spoken_key(key)}"
    return (), None, random_title(rng)


def _random_key(rng) -> str:
    return f"{rng.choice(TONICS)} {rng.choice(('major', 'minor'))}"


def spoken_key(key: str) -> str:
    """A key as titles write it: ``'D# minor'`` becomes ``'E-flat minor'``."""
    tonic, mode = key.split()
    return f"{_SPOKEN.get(tonic, tonic)} {mode}"


def write_library(
    folder: Path,
    *,
    n_tracks: int,
    seed: int,
    soundfonts: Sequence[Path] = (),
    duration_s: float | tuple[float, float] = (30.0, 60.0),
    workers: int | None = None,
    genres: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Compose, render and tag a library.

    The files do not depend on the number of workers. Tracks that are there already are not rendered again, so a
    killed run goes on where it was.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Files come under ``artist/album/``.
    n_tracks, seed, duration_s, genres
        See :func:`library_plan`.
    soundfonts : sequence of Path
        One is drawn for each track; the default one if empty.
    workers : int >= 1, optional
        Processes; one a core if None.
    progress : callable, optional
        Called with the number of tracks done and of all.

    Returns
    -------
    Path
        Of ``labels.jsonl``: one object a track, with `path` relative to `folder`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    specs = library_plan(n_tracks, seed, duration_s=duration_s, genres=genres)
    fonts = [str(Path(path).resolve()) for path in soundfonts]
    for font in fonts:
        if not Path(font).is_file():
            raise InputError(f"SoundFont {font!r} is not a file; give the path of an .sf2 or .sf3")
    jobs = [(str(folder), spec, fonts[derive(spec.seed, "font") % len(fonts)] if fonts else None) for spec in specs]
    write_rows(folder / LABELS, made_rows(_write_track, jobs, workers=workers, progress=progress))
    return folder / LABELS


def _write_track(job: tuple[str, TrackSpec, str | None]) -> dict:
    """One track's file and its row of labels."""
    import soundfile as sf

    from mdialog.synth.render import default_soundfont, forget, render

    folder, spec, font = job
    piece = spec.compose()
    path = Path(folder) / track_path(spec)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        forget()
        audio = render(piece, soundfont=Path(font) if font else None, sample_rate=SAMPLE_RATE)
        temporary = path.with_suffix(".part")
        sf.write(temporary, audio.T, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        _tag(temporary, spec, piece.labels)
        temporary.replace(path)
    return _row(spec, piece, Path(font or default_soundfont()).name)


def track_path(spec: TrackSpec) -> Path:
    """Where a track's file lies in its library: ``artist/album/number title.flac``, safe on any file system."""
    name = f"{spec.track_number:02d} {_safe(spec.title)}.flac"
    return Path(_safe(spec.artist)) / f"{_safe(spec.album)} ({spec.year})" / name


def _safe(name: str) -> str:
    kept = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
    return kept[:80] or "_"


def _tag(path: Path, spec: TrackSpec, labels: Labels) -> None:
    """Vorbis comments as a user's files have them: some are missing, a few are wrong."""
    from mutagen.flac import FLAC

    rng = stdlib(spec.seed, "tags")
    tags = FLAC(path)
    tags["title"] = spec.title
    tags["artist"] = spec.artist
    tags["album"] = spec.album
    tags["date"] = str(spec.year)
    tags["tracknumber"] = str(spec.track_number)
    tags["popularity"] = f"{spec.popularity:g}"
    if "missing genre" not in spec.imperfect:
        tags["genre"] = labels.genre.title() if rng.random() < 0.5 else labels.genre
    if rng.random() < 0.9:
        tags["culture"] = spec.culture
    if rng.random() < 0.7:
        tags["theme"] = list(labels.themes)
    if "wrong tempo" in spec.imperfect:
        wrong = _wrong_tempo(rng, labels.tempo_bpm)
        tags["bpm"] = str(wrong)
        tags["comment"] = f"{wrong} BPM"
    elif rng.random() < 0.4:
        tags["bpm"] = str(round(labels.tempo_bpm))
    if rng.random() < 0.4:
        tags["mood"] = list(piece_moods(labels))
    if "wrong key in title" not in spec.imperfect and rng.random() < 0.3:
        tags["initialkey"] = labels.key
    tags.save()


def _wrong_tempo(rng, tempo_bpm: float) -> int:
    """A tempo that is neither the right one nor its half or double."""
    while True:
        wrong = rng.randint(55, 195)
        if all(abs(wrong / (tempo_bpm * ratio) - 1) > 0.12 for ratio in (0.5, 1.0, 2.0)):
            return wrong


def piece_moods(labels: Labels) -> tuple[str, ...]:
    """Moods of a whole piece: the rule of :func:`mdialog.synth.labels.moods` on its mean energy."""
    total = sum(s.end_s - s.start_s for s in labels.spans)
    mean = sum(s.energy * (s.end_s - s.start_s) for s in labels.spans) / total
    return moods(mode=labels.mode, tempo_bpm=labels.tempo_bpm, energy=mean)


def _row(spec: TrackSpec, piece: Piece, font: str) -> dict:
    labels = piece.labels
    return {
        "path": track_path(spec).as_posix(),
        "title": spec.title,
        "artist": spec.artist,
        "artist_index": spec.artist_index,
        "album": spec.album,
        "year": spec.year,
        "culture": spec.culture,
        "popularity": spec.popularity,
        "seed": spec.seed,
        "soundfont": font,
        "duration_s": round(piece.duration_s, 3),
        "imperfect": list(spec.imperfect),
        "labels": asdict(labels),
    }


def read_labels(path: Path) -> dict[str, Labels]:
    """Labels of a written library.

    Parameters
    ----------
    path : Path
        Of ``labels.jsonl`` or of its folder.

    Returns
    -------
    dict of str to Labels
        By the tracks' paths relative to the library's folder.

    Raises
    ------
    InputError
        If there is no such file or a line of it does not parse.
    """
    return dict(read_rows(path, LABELS, _labelled, what="the labels of a track", batch="library"))


def _labelled(row: dict) -> tuple[str, Labels]:
    return row["path"], labels_from(row["labels"])


def labels_from(truth: dict) -> Labels:
    """Labels from their JSON."""
    spans = tuple(Span(**{**span, "instruments": tuple(span["instruments"])}) for span in truth["spans"])
    return Labels(**{**truth, "themes": tuple(truth["themes"]), "spans": spans})
