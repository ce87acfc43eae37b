"""Sound files to samples: decode, resample, fixed windows, content hash, and a cache of decoded excerpts."""

import hashlib
import math
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np

from mdialog.errors import InputError

WINDOW_S = 10.0
MIN_TAIL_S = 5.0  # a shorter remainder is not a window: models hear things that are not there in one nearly empty
SILENCE_DBFS = -60.0
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac", ".webm", ".opus", ".mp4", ".aif", ".aiff", ".oga", ".mka")

_LIBSNDFILE = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff")
_MAX_KERNEL = 1000  # torchaudio's kernel has about target/gcd x orig/gcd taps: 44101 Hz would take gigabytes


@dataclass(frozen=True)
class Decoded:
    """Samples of a file or of an excerpt.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n)], float32
        Full scale is 1; finite.
    sample_rate : int
        Hz, as in the file.
    nonfinite : int
        Samples that were NaN or infinite and were set to 0.
    """

    samples: np.ndarray
    sample_rate: int
    nonfinite: int = 0

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def duration_s(self) -> float:
        """Seconds of `samples`: the excerpt's length where one was asked for."""
        return self.samples.shape[1] / self.sample_rate


def decode(path: str | Path, *, start_s: float = 0.0, end_s: float | None = None) -> Decoded:
    """Read a sound file, or the excerpt ``start_s <= t < end_s`` of it.

    libsndfile (soundfile) reads wav, flac, ogg and mp3; FFmpeg (PyAV) reads m4a, aac, webm, opus, the sound of
    a video, and whatever libsndfile refuses. A damaged file gives what can be decoded of it.

    Parameters
    ----------
    path : str or Path
    start_s, end_s : float
        Seconds from the first sample; `end_s` None, or past the end, means to the end.

    Raises
    ------
    InputError
        If the file is missing, empty, not sound, holds no samples in that excerpt, or is mostly not finite.

    Examples
    --------
    >>> decode("song.flac", start_s=10.0, end_s=20.0).samples.shape  # doctest: +SKIP
    (2, 441000)
    """
    path = Path(path)
    if start_s < 0 or (end_s is not None and end_s <= start_s):
        raise InputError(f"{path}: excerpt {start_s}-{end_s} s is empty; start_s must be 0 or more and before end_s")
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); copy or download it again")
    samples, rate = _read(path, start_s, end_s)
    if samples.shape[1] == 0:
        where = f" from {start_s:g} s on" if start_s else ""
        raise InputError(f"{path}: holds no samples{where}; leave it out or export it again")
    bad = int(samples.size - np.count_nonzero(np.isfinite(samples)))
    if bad * 2 > samples.size:
        raise InputError(f"{path}: {bad} of {samples.size} samples are NaN or infinite; export it again")
    if bad:
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return Decoded(samples=samples, sample_rate=rate, nonfinite=bad)


def _read(path: Path, start_s: float, end_s: float | None) -> tuple[np.ndarray, int]:
    """Samples (channels, n) and rate, from the first decoder that can."""
    import soundfile

    refusal = None
    if path.suffix.lower() in _LIBSNDFILE:
        try:
            return _read_soundfile(path, start_s, end_s)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            refusal = str(error)
    import av

    try:
        return _read_av(path, start_s, end_s)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        said = str(error).replace(f": '{path}'", "")
        said = f"{said}; {_short(refusal)}" if refusal else said
        raise InputError(f"{path}: cannot be decoded ({said}); check that it plays, or convert it to flac") from error


def _short(refusal: str) -> str:
    """libsndfile's own words without the path it repeats."""
    return refusal.rsplit(": ", 1)[-1].strip().rstrip(".")


def _read_soundfile(path: Path, start_s: float, end_s: float | None) -> tuple[np.ndarray, int]:
    import soundfile

    with soundfile.SoundFile(path) as sound:
        rate = sound.samplerate
        start = round(start_s * rate)
        if start >= sound.frames:
            return np.zeros((sound.channels, 0), np.float32), rate
        early = min(start, _run_up(sound, start)) if start else 0
        sound.seek(start - early)
        n = -1 if end_s is None else round(end_s * rate) - start + early
        samples = sound.read(n, dtype="float32", always_2d=True)[early:]
    return np.ascontiguousarray(samples.T), rate


def _run_up(sound, start: int) -> int:
    """Samples to read before the first that is wanted, so that libsndfile gives what reading it all gives."""
    if sound.format in ("MP3", "MPEG"):
        return sound.samplerate // 4  # frames lean on those before
    if sound.format == "OGG":
        # A seek into the last page lands too late by as much as the page was trimmed; pages last for seconds.
        return max(0, start - (sound.frames - 10 * sound.samplerate))
    return 0


def _read_av(path: Path, start_s: float, end_s: float | None) -> tuple[np.ndarray, int]:
    import av

    # Only local files: a playlist posing as sound must not fetch anything.
    with av.open(os.path.abspath(path), metadata_errors="ignore", options={"protocol_whitelist": "file"}) as container:
        if not container.streams.audio:
            raise ValueError("no sound stream in it")
        stream = container.streams.audio[0]
        pieces, position, origin, rate, resampler = [], None, None, 0, None
        end = math.inf
        damaged = None
        packets = container.demux(stream)
        while (packet := next(packets, None)) is not None and (position is None or position < end):
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:  # one bad packet is not the end of the file
                damaged = error
                continue
            for frame in frames:
                if resampler is None:
                    rate = frame.sample_rate
                    resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=rate)
                    origin = frame.pts
                    start, end = round(start_s * rate), math.inf if end_s is None else round(end_s * rate)
                    if _can_seek(container, origin, start_s) and _seek(container, stream, origin, start_s - 0.5):
                        # Half a second early: codecs need frames before the first that is right.
                        packets, position = container.demux(stream), -1
                        break
                if position is None:
                    position = 0
                elif position < 0:
                    position = round(float((frame.pts - origin) * frame.time_base) * rate)
                samples = np.concatenate([part.to_ndarray() for part in resampler.resample(frame)], axis=1)
                low, high = max(0, start - position), min(samples.shape[1], end - position)
                position += samples.shape[1]
                if high > low:
                    pieces.append(samples[:, int(low) : int(high)])
        if resampler is None:
            raise damaged or ValueError("no sound could be decoded from it")
    channels = resampler.layout.nb_channels
    return np.concatenate(pieces or [np.zeros((channels, 0), np.float32)], axis=1).astype(np.float32, copy=False), rate


def _can_seek(container, origin: int | None, start_s: float) -> bool:
    """Whether jumping is exact and worth it: raw AAC and MP3 streams only guess their times."""
    return origin is not None and start_s > 2.0 and container.format.name not in ("aac", "mp3")


def _seek(container, stream, origin: int, to_s: float) -> bool:
    """Whether the jump could be made; if not, reading on from the start gives the same, later."""
    import av

    try:
        container.seek(int(origin + to_s / stream.time_base), stream=stream)
    except av.error.FFmpegError:
        return False
    return True


def mono(samples: np.ndarray) -> np.ndarray:
    """Mean over channels.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n) or (n,)]

    Returns
    -------
    np.ndarray [shape=(n,)], float32
    """
    return samples if samples.ndim == 1 else samples[0] if samples.shape[0] == 1 else samples.mean(axis=0)


def resample(samples: np.ndarray, orig_hz: int, target_hz: int) -> np.ndarray:
    """Band-limited resampling by torchaudio (windowed sinc, Hann); kernels are kept between calls.

    Parameters
    ----------
    samples : np.ndarray [shape=(..., n)], float32
    orig_hz, target_hz : int > 0

    Returns
    -------
    np.ndarray [shape=(..., ceil(n * target_hz / orig_hz))], float32
    """
    if orig_hz == target_hz:
        return samples
    import torch

    ratio = Fraction(target_hz, orig_hz)
    if max(ratio.numerator, ratio.denominator) > _MAX_KERNEL:
        # Off by less than two parts in a million of the rate: far below what can be heard or measured.
        ratio = ratio.limit_denominator(_MAX_KERNEL)
    with torch.inference_mode():
        out = _resampler(ratio.denominator, ratio.numerator)(torch.from_numpy(np.ascontiguousarray(samples)))
    return out.numpy()


@lru_cache(maxsize=16)
def _resampler(orig: int, target: int):
    import torchaudio

    return torchaudio.transforms.Resample(orig, target, resampling_method="sinc_interp_hann", lowpass_filter_width=16)


def windows(n_samples: int, sample_rate: int) -> list[tuple[float, float]]:
    """The fixed windows of a track: ten seconds each, from its first sample.

    A remainder of 5 s or more is a last window that ends with the track; a shorter one belongs to none. A track
    under ten seconds is one window. :func:`cut` gives each exactly ten seconds of samples.

    Returns
    -------
    list of (start_s, end_s)
        Empty only if `n_samples` is 0.
    """
    duration_s = n_samples / sample_rate
    if n_samples == 0:
        return []
    full = int(n_samples // round(WINDOW_S * sample_rate))
    spans = [(i * WINDOW_S, (i + 1) * WINDOW_S) for i in range(full)]
    if not full or duration_s - full * WINDOW_S >= MIN_TAIL_S:
        spans.append((full * WINDOW_S, duration_s))
    return spans


def cut(
    samples: np.ndarray, sample_rate: int, *, start_s: float, end_s: float, length_s: float = WINDOW_S
) -> np.ndarray:
    """An excerpt of exactly `length_s` seconds; a shorter one is repeated until it fills them.

    Returns
    -------
    np.ndarray [shape=(..., round(length_s * sample_rate))]

    Raises
    ------
    InputError
        If no sample lies in ``start_s <= t < end_s``.
    """
    n = round(length_s * sample_rate)
    piece = samples[..., round(start_s * sample_rate) : round(end_s * sample_rate)][..., :n]
    if piece.shape[-1] == 0:
        total_s = samples.shape[-1] / sample_rate
        raise InputError(f"excerpt {start_s}-{end_s} s lies outside the {total_s:.2f} s of sound")
    if piece.shape[-1] == n:
        return piece
    times = math.ceil(n / piece.shape[-1])
    return np.tile(piece, (1,) * (piece.ndim - 1) + (times,))[..., :n]


def is_silent(samples: np.ndarray) -> bool:
    """Whether nothing in it exceeds -60 dBFS; a constant offset makes no sound.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n) or (n,)]
    """
    if samples.size == 0:
        return True
    # Half the span between extremes, a channel: the peak without any constant offset, and no copy.
    swing = (samples.max(axis=-1) - samples.min(axis=-1)) / 2
    return bool(np.max(swing) < 10 ** (SILENCE_DBFS / 20))


def content_hash(path: str | Path) -> str:
    """BLAKE2b-128 of a file's bytes, read in pieces.

    Returns
    -------
    str of 32 hexadecimal digits

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    return digest.hexdigest()


def default_cache_folder() -> Path:
    """``$MDIALOG_AUDIO_CACHE``, else ``audio_cache/`` of the checkout, else the user's cache folder."""
    if named := os.environ.get("MDIALOG_AUDIO_CACHE"):
        return Path(named)
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "audio_cache" / "README.md").is_file():
        return checkout / "audio_cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mdialog" / "audio"


class AudioCache:
    """Decoded mono excerpts on disk, under content hash and decode parameters.

    Several processes may share a folder, and anything in it may be deleted at any time: a file is written under
    another name and then renamed, and one that is gone or damaged is made again. A folder that cannot be written
    (full, read-only) costs time and nothing else.

    Parameters
    ----------
    folder : str or Path, optional
        Made when first written to; :func:`default_cache_folder` if not given.
    max_bytes : int > 0
        Above it, the excerpts unused for longest are deleted.
    """

    _RECOUNT = 64  # writes after which the folder is counted anew, as other processes write to it too

    def __init__(self, folder: str | Path | None = None, *, max_bytes: int = 2 << 30):
        self.folder = Path(folder) if folder is not None else default_cache_folder()
        self.max_bytes = max_bytes
        self._bytes: int | None = None
        self._writes = 0

    def clip(
        self, path: str | Path, content_hash: str, *, start_s: float, end_s: float, sample_rate: int
    ) -> np.ndarray:
        """The excerpt of a file as mono samples at `sample_rate`, with 16 bits of resolution.

        The same array comes back whether it was in the cache or not.

        Parameters
        ----------
        path : str or Path
        content_hash : str
            :func:`content_hash` of the file, as the catalogue knows it.
        start_s, end_s : float
        sample_rate : int
            Hz.

        Returns
        -------
        np.ndarray [shape=(n,)], float32
            Shorter than asked for where the track ends.

        Raises
        ------
        InputError
            If it is not in the cache and cannot be decoded.
        """
        name = f"{content_hash}-{round(start_s * 1000)}-{round(end_s * 1000)}-{sample_rate}.flac"
        kept = self.folder / content_hash[:2] / name
        found = self._load(kept)
        if found is not None:
            return found
        decoded = decode(path, start_s=start_s, end_s=end_s)
        samples = resample(mono(decoded.samples), decoded.sample_rate, sample_rate)
        pcm = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
        self._store(kept, pcm, sample_rate)
        return pcm.astype(np.float32) / 32768.0

    def _load(self, kept: Path) -> np.ndarray | None:
        import soundfile

        try:
            samples, _ = soundfile.read(kept, dtype="float32")
            os.utime(kept)  # many file systems do not note reads
        except (soundfile.LibsndfileError, OSError, RuntimeError):
            return None
        return samples

    def _store(self, kept: Path, pcm: np.ndarray, sample_rate: int) -> None:
        import soundfile

        unfinished = None
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(dir=kept.parent, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                soundfile.write(file, pcm, sample_rate, format="FLAC", subtype="PCM_16")
            os.replace(unfinished, kept)
            self._account(kept.stat().st_size)
        except (OSError, soundfile.LibsndfileError):
            if unfinished:
                Path(unfinished).unlink(missing_ok=True)

    def _account(self, written: int) -> None:
        self._writes += 1
        if self._bytes is not None:
            self._bytes += written
        if self._bytes is None or self._bytes > self.max_bytes or self._writes % self._RECOUNT == 0:
            self._evict()

    def _evict(self) -> None:
        """Count the folder; if over the cap, delete down to nine tenths of it, the longest unused first."""
        kept = []
        for path in self.folder.glob("??/*"):
            try:
                stat = path.stat()
            except OSError:
                continue
            if path.suffix in (".flac", ".part"):
                kept.append((stat.st_mtime_ns, stat.st_size, path))
        self._bytes = sum(size for _, size, _ in kept)
        if self._bytes <= self.max_bytes:
            return
        for _, size, path in sorted(kept):
            path.unlink(missing_ok=True)
            self._bytes -= size
            if self._bytes <= 0.9 * self.max_bytes:
                break
