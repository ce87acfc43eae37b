"""A catalogue's tables of any size, drawn instead of ingested: to measure planning and to test it, without any sound.

Artists have a genre and a style; what is read, measured and heard of a track follows from them with some spread, and
popularity is long-tailed, so that pools and neighbourhoods behave as those of a real catalogue do.
"""

import numpy as np
import pyarrow as pa

from mdialog import vocab

LABEL_KINDS = ("genre", "mood", "instrument", "vocal", "theme", "energy", "tempo", "mode")


def labels() -> list[tuple[str, str]]:
    """Order of the drawn `heard_scores`."""
    terms = vocab.load()
    return [(kind, value) for kind in LABEL_KINDS for value in terms[kind].names]


def draw_tables(
    n_tracks: int, *, seed: int, dim: int = 128, windows_a_track: int = 6, gaps: float = 0.1
) -> tuple[pa.Table, pa.Table]:
    """Tables `tracks` and `windows`, as ``Snapshot.from_arrow`` reads them.

    Parameters
    ----------
    n_tracks : int > 0
    seed : int
    dim : int > 0
        Of the embeddings.
    windows_a_track : int > 0
        On average.
    gaps : float in [0, 1]
        Share of metadata that is missing; a fifth of it of tracks without sound, a twentieth of it of silent ones.

    Returns
    -------
    tracks, windows : pa.Table
    """
    rng, terms = np.random.default_rng(seed), vocab.load()
    n_artists = max(2, n_tracks // 8)
    share = rng.lognormal(sigma=1.0, size=n_artists)
    artist = rng.choice(n_artists, size=n_tracks, p=share / share.sum())
    genre = rng.integers(len(terms["genre"].names), size=n_artists)[artist]
    style = _unit(rng.normal(size=(n_artists, dim)))
    center = _unit(rng.normal(size=(len(terms["genre"].names), dim)))
    embedding = _unit(1.2 * center[genre] + 0.8 * style[artist] + 0.9 * _unit(rng.normal(size=(n_tracks, dim))))
    energy = np.clip(rng.normal(0.2 + 0.6 * (genre % 5) / 4, 0.18), 0, 1)
    tempo = np.clip(rng.normal(70 + 12 * (genre % 9), 14), 40, 220)
    key = rng.integers(24, size=n_tracks)
    no_sound = rng.random(n_tracks) < gaps / 5
    silent = ~no_sound & (rng.random(n_tracks) < gaps / 20)
    deaf = no_sound | silent

    def gappy(values, missing=0.0):
        keep = rng.random(n_tracks) >= max(gaps, missing)
        return [v if k else None for v, k in zip(values, keep, strict=True)]

    def sound(values):
        return [None if d else v for v, d in zip(values, deaf, strict=True)]

    def drawn(kind, by, most):
        names = terms[kind].names
        return [[names[int(b + rng.integers(4)) % len(names)] for _ in range(rng.integers(1, most + 1))] for b in by]

    ids = [f"t{i:07d}" for i in range(n_tracks)]
    instruments = [sorted(set(v)) for v in drawn("instrument", genre * 3, 5)]
    genres = [[terms["genre"].names[g]] for g in genre]
    moods = drawn("mood", genre + key // 12, 2)
    tracks = pa.table(
        {
            "track_id": ids,
            "path": [None if d else f"/music/{i}.flac" for i, d in zip(ids, no_sound, strict=True)],
            "duration_s": sound(rng.uniform(20, 300, n_tracks).tolist()),
            "silent": silent,
            "meta_title": gappy([f"Song {i}" for i in range(n_tracks)]),
            "meta_artist": gappy([f"Artist {a}" for a in artist]),
            "meta_year": gappy((1960 + rng.integers(65, size=n_tracks)).tolist()),
            "meta_genre": gappy(genres),
            "meta_mood": gappy(moods, 0.5),
            "meta_theme": gappy(drawn("theme", genre, 2), 0.2),
            "meta_culture": gappy([terms["culture"].names[a % 16] for a in artist]),
            "meta_popularity": gappy(np.minimum(100, rng.pareto(1.2, n_tracks) * 12).tolist()),
            "measured_tempo": sound([terms["tempo"].word_for(t) for t in tempo]),
            "measured_key": sound([terms["key"].names[k] for k in key]),
            "measured_mode": sound([terms["key"].names[k].split()[1] for k in key]),
            "measured_energy": sound(energy.tolist()),
            "measured_energy_word": sound([terms["energy"].word_for(e) for e in energy]),
            "heard_genre": sound(genres),
            "heard_mood": sound(moods),
            "heard_instrument": sound(instruments),
            "heard_vocal": sound([["choir" if a % 4 == 0 else "instrumental"] for a in artist]),
            "embedding": pa.FixedSizeListArray.from_arrays(
                pa.array(embedding.astype(np.float32).ravel()), dim, mask=pa.array(deaf)
            ),
        }
    )
    return tracks, _windows(rng, ids, embedding, energy, ~deaf, mean=windows_a_track)


def _windows(rng, ids, embedding, energy, heard, *, mean: int) -> pa.Table:
    counts = np.where(heard, rng.integers(1, 2 * mean, size=len(ids)), 0)
    track = np.repeat(np.arange(len(ids)), counts)
    index = np.concatenate([np.arange(c) for c in counts]) if len(track) else np.zeros(0, dtype=np.int64)
    vectors = _unit(embedding[track] + 0.4 * _unit(rng.normal(size=(len(track), embedding.shape[1]))))
    scores = rng.random((len(track), len(labels())), dtype=np.float32)
    return pa.table(
        {
            "track_id": pa.array(ids).take(pa.array(track)),
            "index": index.astype(np.int32),
            "start_s": index * 10.0,
            "end_s": index * 10.0 + 10.0,
            "measured_energy": np.clip(energy[track] + rng.normal(0, 0.1, len(track)), 0, 1),
            "heard_scores": _vectors(scores),
            "embedding": _vectors(vectors),
        }
    )


def _vectors(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.astype(np.float32).ravel()), matrix.shape[1])


def _unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
