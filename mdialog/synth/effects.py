"""How each sound that is not music is made: filtered noise, tones and struck bodies, in a pace of chance.

The effect programs of a General MIDI SoundFont are not used: in TimGM6mb the telephone is over after 60 ms, the bird
after 200 ms, and sea, helicopter and applause are loops sampled at 8 kHz and less, with mirror images above.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import lfilter

from mdialog.synth.studio import TABLE, Studio, faded, panned, stretched

_COARSE_HZ = 100  # slow courses are drawn at this rate and stretched

Made = tuple[np.ndarray, Sequence[float]]
MAKERS: dict[str, Callable[[Studio], Made]] = {}


def _sound(maker: Callable[[Studio], Made]) -> Callable[[Studio], Made]:
    MAKERS[maker.__name__.removeprefix("_")] = maker
    return maker


def _struck(body: np.ndarray, click: np.ndarray, *, gain: float = 0.5) -> np.ndarray:
    """A body that rings (n,), with the click (m,) of what hits it."""
    body[: len(click)] += gain * click
    return body


# --- weather and nature ----------------------------------------------------------------------------------------------


@_sound
def _rain(s: Studio) -> Made:
    n = s.length(4, 12)
    bed = s.noise(n, s.rng.uniform(500, 1500), s.rng.uniform(6000, 12000), slope_db=s.rng.uniform(-4, -1), channels=2)
    bed *= s.curve(n, 1.5, 0.75, 1.0)
    drops = [s.modes([f], [t], [1.0], round(t * s.rate))
             for f, t in zip(s.rng.uniform(900, 5500, 12), s.rng.uniform(0.006, 0.025, 12), strict=True)]
    for side in bed:
        count = s.rng.poisson(s.rng.uniform(25, 90) * n / s.rate)
        side += s.strewn(n, drops, s.rng.uniform(0, n / s.rate, count), s.rng.exponential(0.9, count))
    return bed * s.shaped(n, (0.2, 0.8), (0.2, 0.8)), ()


@_sound
def _sea(s: Studio) -> Made:
    n = s.length(7, 12)
    time = np.arange(0, n / s.rate, 1 / _COARSE_HZ)
    roll, hiss = np.full(len(time), 0.18), np.full(len(time), 0.05)
    at, period = -s.rng.uniform(0.0, 0.8), s.rng.uniform(3.5, 6.0)
    while at < n / s.rate:
        rise, fall, force = s.rng.uniform(1.0, 1.8), s.rng.uniform(0.9, 1.6), s.rng.uniform(0.6, 1.0)
        for course, late in ((roll, 0.0), (hiss, 0.5)):
            x = time - at - late
            climbing = np.sin(np.pi / 2 * np.clip(x / rise, 0, 1)) ** 3
            course += force * np.where(x < rise, climbing, np.exp(-np.maximum(0, x - rise) / fall))
        at += period * s.rng.uniform(0.8, 1.2)
    sound = s.noise(n, 60, 700, slope_db=-3, channels=2) * stretched(roll, n)
    top = s.rng.uniform(4500, 8000)
    sound += s.noise(n, 700, top, slope_db=-1.5, channels=2) * stretched(0.8 * hiss**1.5, n)
    return sound * s.shaped(n, (0.3, 0.8), (0.4, 1.0)), ()


@_sound
def _wind(s: Studio) -> Made:
    n = s.length(5, 12)
    turns = s.rng.uniform(0.2, 1.0, 2 + round(n / s.rate / s.rng.uniform(0.7, 1.4)))
    gust = stretched(turns, round(n / s.rate * _COARSE_HZ))
    sound = s.noise(n, 80, 900, slope_db=-5, channels=2) * stretched(0.7 * gust**2, n)
    for pitch, gain in ((s.rng.uniform(280, 480), 1.0), (s.rng.uniform(650, 1000), 0.35)):
        # Howling: noise a few dozen hertz wide on a carrier that follows the gusts.
        wide = s.rng.standard_normal(max(4, round(n / s.rate * s.rng.uniform(40, 90))))
        howl = s.wave(stretched(pitch * 2 ** (1.1 * (gust - 0.6)), n), (1.0,)) * stretched(wide, n)
        sound += panned(gain * howl * stretched(gust**1.5, n), s.rng.uniform(-0.4, 0.4))
    return sound * s.shaped(n, (0.4, 1.0), (0.4, 1.0)), ()


@_sound
def _thunder(s: Studio) -> Made:
    n = s.length(4, 9)
    time, total = np.arange(0, n / s.rate, 1 / _COARSE_HZ), n / s.rate
    far = s.rng.uniform(0.0, 1.0)
    swell = 0.7 * 10 ** (-3 * time / total) * np.minimum(1, time / (0.02 + 0.4 * far))
    for at in s.rng.uniform(0.1, 0.75, int(s.rng.integers(4, 9))) * total:
        width = s.rng.uniform(0.12, 0.4)
        swell += s.rng.uniform(0.4, 1.0) * np.exp(-2.2 * at / total - np.square((time - at) / width))
    sound = s.noise(n, 35, 260 - 100 * far, slope_db=-4, channels=2) * stretched(swell, n)
    sound += s.noise(n, 200, 1200, slope_db=-4, channels=2) * stretched(0.25 * swell**2, n)
    if far < 0.7:
        claps = [s.burst(150, s.rng.uniform(3000, 8000), t) for t in s.rng.uniform(0.15, 0.6, 5)]
        count = int(s.rng.integers(3, 9))
        crack = s.strewn(n, claps, np.sort(s.rng.uniform(0, 0.5, count)), s.rng.uniform(0.3, 1.0, count))
        sound += np.float32(1.6 * (0.9 - far)) * crack
    return sound * s.shaped(n, (0.005, 0.01), (0.5, 1.0)), ()


@_sound
def _fire(s: Studio) -> Made:
    n = s.length(5, 12)
    sound = 0.3 * s.noise(n, 60, 500, slope_db=-3, channels=2) * s.curve(n, 0.12, 0.4, 1.0)
    sound += 0.06 * s.noise(n, 1000, 8000, slope_db=-2, channels=2) * s.curve(n, 0.5, 0.5, 1.0)
    snaps = [s.burst(s.rng.uniform(700, 2500), 11000, t) for t in s.rng.uniform(0.004, 0.02, 14)]
    for side in sound:
        count = s.rng.poisson(s.rng.uniform(6, 14) * n / s.rate)
        side += s.strewn(n, snaps, s.rng.uniform(0, n / s.rate, count), 0.25 * s.rng.exponential(1.0, count) ** 1.5)
    return sound * s.shaped(n, (0.2, 0.6), (0.2, 0.6)), ()


# --- animals ---------------------------------------------------------------------------------------------------------


@_sound
def _bird(s: Studio) -> Made:
    base, song = s.rng.uniform(2200, 4200), []
    for _ in range(int(s.rng.integers(2, 6))):
        m = round(s.rng.uniform(0.05, 0.2) * s.rate)
        x = np.linspace(0, 1, m, dtype=np.float32)
        low, high = base * s.rng.uniform(0.8, 1.7, 2)
        pitch = low * (high / low) ** (x ** s.rng.uniform(0.5, 2.0))
        if s.rng.random() < 0.35:
            pitch = pitch * (1 + 0.12 * np.sin(2 * np.pi * s.rng.uniform(18, 40) * x * m / s.rate))
        song.append(s.wave(pitch, (1.0, 0.12, 0.03)) * np.clip(np.sin(np.pi * x), 0, 1) ** 0.6 * s.rng.uniform(0.6, 1.0))
        song.append(np.zeros(round(s.rng.uniform(0.015, 0.09) * s.rate), np.float32))
    song = np.concatenate(song).astype(np.float32)
    pause = len(song) / s.rate + s.rng.uniform(0.25, 1.1)
    at = s.times((2, 7), pause, ring_s=len(song) / s.rate, jitter=0.15)
    return s.repeated([song], at), ()


@_sound
def _cricket(s: Studio) -> Made:
    n = s.length(4, 10)
    sound = np.zeros((2, n), np.float32)
    for gain in (1.0, s.rng.uniform(0.1, 0.4)):
        pulse = round(s.rng.uniform(0.014, 0.02) * s.rate)
        gap = np.zeros(round(s.rng.uniform(0.008, 0.016) * s.rate), np.float32)
        tone = s.wave(np.full(pulse, s.rng.uniform(3800, 5000)), (1.0, 0.05)) * np.hanning(pulse)
        chirp = np.concatenate([tone, gap] * int(s.rng.integers(3, 6))).astype(np.float32)
        at = np.arange(s.rng.uniform(0, 0.2), (n - len(chirp)) / s.rate, s.rng.uniform(0.3, 0.7))
        at = at + s.rng.uniform(0, 0.02, len(at))
        sound += gain * panned(s.strewn(n, [chirp], at, s.rng.uniform(0.8, 1.0, len(at))), s.rng.uniform(-0.8, 0.8))
    return sound, ()


@_sound
def _dog(s: Studio) -> Made:
    size, barks = s.rng.uniform(0.65, 1.5), []
    for length in s.rng.uniform(0.14, 0.24, 3) * size**0.3:
        n = round(length * s.rate)
        x = np.linspace(0, 1, n, dtype=np.float32)
        pitch = s.rng.uniform(380, 460) / size * np.interp(x, (0, 0.25, 0.5, 1), (0.75, 1.25, 1.1, 0.6))
        voice = s.wave(pitch, [1 / k**0.8 for k in range(1, 31)])
        # A bark is rough: every second cycle is weaker, and there is breath in it.
        voice = voice * (1 + 0.5 * np.sin(np.pi * np.cumsum(pitch) / s.rate)) * (1 + 0.35 * s.noise(n, 20, 120))
        voice += 0.5 * s.noise(n, 500, 5000, slope_db=-2)
        for hertz, width in ((700 / size**0.5, 180), (1350 / size**0.5, 260), (2800 / size**0.3, 500)):
            r, turn = np.exp(-np.pi * width / s.rate), 2 * np.pi * hertz / s.rate
            voice = voice + 12 * (1 - r) * lfilter([1.0], [1, -2 * r * np.cos(turn), r * r], voice)
        barks.append((voice * np.minimum(1, x / 0.07) * np.exp(-3.2 * x) * faded(n, s.rate, 0.004, 0.04)).astype(np.float32))
    at = s.times((1, 6), s.rng.uniform(0.35, 0.9), ring_s=0.4, jitter=0.2)
    return s.repeated(barks, at, uneven_db=4), at


# --- people and what they ring ---------------------------------------------------------------------------------------


@_sound
def _applause(s: Studio) -> Made:
    n = s.length(4, 9)
    hands = [s.burst(f * 0.5, f * 2.2, t)
             for f, t in zip(s.rng.uniform(600, 1900, 20), s.rng.uniform(0.02, 0.05, 20), strict=True)]
    sound = np.zeros((2, n), np.float32)
    for _ in range(6):  # groups of people, each at its place
        at = []
        for _ in range(int(s.rng.integers(3, 13))):
            period = s.rng.uniform(0.2, 0.36)
            begin, end = s.rng.exponential(0.35), n / s.rate - 0.06 - s.rng.exponential(0.6)
            times = begin + period * np.arange(max(1, int((end - begin) / period)))
            at.append(np.clip(times + s.rng.normal(0, 0.012, len(times)), 0, n / s.rate - 0.06))
        at = np.concatenate(at)
        sound += panned(s.strewn(n, hands, at, s.rng.uniform(0.3, 1.0, len(at))), s.rng.uniform(-0.9, 0.9))
    return sound, ()


@_sound
def _footsteps(s: Studio) -> Made:
    gravel, feet = s.rng.random() < 0.35, []
    toe = round(s.rng.uniform(0.08, 0.12) * s.rate)
    for _ in range(2):  # left and right differ
        step = np.zeros(round(0.3 * s.rate), np.float32)
        thump = s.modes(s.rng.uniform(75, 150, 2), (0.08, 0.06), (1.0, 0.6), round(0.12 * s.rate))
        step[: len(thump)] += thump
        for start, gain in ((0, 1.0), (toe, s.rng.uniform(0.3, 0.5))):
            if gravel:
                scuff = s.noise(round(0.14 * s.rate), 900, 7000) * s.curve(round(0.14 * s.rate), 0.004, 0, 1) ** 2
                scuff *= 0.5 * faded(len(scuff), s.rate, 0.02, 0.1)
            else:
                scuff = s.modes(s.rng.uniform(500, 2400, 4), (0.03,) * 4, (0.8,) * 4, round(0.05 * s.rate))
                scuff += 0.4 * np.pad(s.burst(400, 4000, 0.02), (0, len(scuff)))[: len(scuff)]
            step[start : start + len(scuff)] += gain * scuff
        feet.append(step)
    at = s.times((4, 14), s.rng.uniform(0.42, 0.68), ring_s=0.3)
    return s.repeated(feet, at), at


@_sound
def _knock(s: Studio) -> Made:
    body, strokes = s.rng.uniform(120, 210), []
    for _ in range(3):
        modes = body * np.array([1, 1.85, 2.9, 4.4, 6.1]) * s.rng.uniform(0.98, 1.02, 5)
        stroke = s.modes(modes, (0.11, 0.09, 0.07, 0.05, 0.03), (1, 0.8, 0.6, 0.5, 0.3), round(0.13 * s.rate))
        strokes.append(_struck(stroke, s.burst(400, 3500, 0.012)))
    at = s.times((2, 6), s.rng.uniform(0.17, 0.32), ring_s=0.2, jitter=0.1)
    return s.repeated(strokes, at, uneven_db=3), at


@_sound
def _bell(s: Studio) -> Made:
    # Partials of a church bell from hum to the high ones, in doublets that beat.
    pitch, ring = s.rng.uniform(230, 640), s.rng.uniform(2.2, 3.2)
    ratios = np.array([0.5, 1, 1.19, 1.5, 2, 2.5, 2.66, 3.01, 4.17, 5.43, 6.8]) * s.rng.uniform(0.995, 1.005, 11)
    gains = np.array([0.5, 0.7, 0.9, 0.3, 1, 0.25, 0.3, 0.45, 0.35, 0.2, 0.12]) * s.rng.uniform(0.7, 1.3, 11)
    t60 = s.rng.uniform(3.5, 6.0) / ratios**0.7
    beat = s.rng.uniform(0.2, 0.9, 11)
    hertz = np.concatenate([pitch * ratios - beat, pitch * ratios + beat])
    n = round(ring * s.rate)
    stroke = s.modes(hertz, np.tile(t60, 2), np.tile(gains, 2), n) * faded(n, s.rate, 0.001, 0.3)
    stroke = _struck(stroke, s.burst(1500, 9000, 0.02), gain=0.8)
    at = s.times((1, 6), s.rng.uniform(1.2, 2.2), ring_s=ring, jitter=0.03)
    return s.repeated([stroke], at), at


@_sound
def _telephone(s: Studio) -> Made:
    ring, pause = s.rng.uniform(0.9, 1.6), s.rng.uniform(0.7, 1.3)
    n = round(ring * s.rate)
    if s.rng.random() < 0.6:  # two gongs and a clapper
        pitch = s.rng.uniform(1100, 1600)
        gongs = [s.modes(f * np.array([1, 2.71, 3.9]), (0.5, 0.3, 0.2), (1, 0.5, 0.25), round(0.5 * s.rate))
                 for f in (pitch, pitch * s.rng.uniform(1.17, 1.26))]
        once = s.repeated(gongs, np.arange(0, ring, 1 / s.rng.uniform(20, 25)), uneven_db=1)
    else:
        fast, pitch = s.rng.uniform(12, 20), s.rng.uniform(800, 1200)
        high = np.sin(2 * np.pi * fast * np.arange(n) / s.rate) > 0
        once = s.wave(np.where(high, pitch * 1.25, pitch), (1, 0, 0.4, 0, 0.2)) * faded(n, s.rate, 0.01, 0.02)
    at = s.times((1, 4), ring + pause, ring_s=ring + 0.5, jitter=0.0)
    return s.repeated([once.astype(np.float32)], at, uneven_db=0), at


@_sound
def _alarm(s: Studio) -> Made:
    n = round(s.rng.uniform(0.07, 0.3) * s.rate)
    beep = s.wave(np.full(n, s.rng.uniform(1500, 3200)), (1, 0, 0.35, 0, 0.15)) * faded(n, s.rate, 0.004, 0.008)
    group, gap = int(s.rng.integers(1, 5)), n / s.rate * s.rng.uniform(1.6, 2.2)
    starts = s.times((2, 6), gap * group + s.rng.uniform(0.25, 0.5), ring_s=gap * group, jitter=0.0)
    at = (starts[:, None] + gap * np.arange(group)).ravel()
    return s.repeated([beep.astype(np.float32)], at, uneven_db=0), at


# --- machines --------------------------------------------------------------------------------------------------------


@_sound
def _clock(s: Studio) -> Made:
    pitch, case, strokes = s.rng.uniform(2200, 4200), s.rng.uniform(350, 800), []
    for higher in (1.0, s.rng.uniform(1.06, 1.2)):  # tick and tock
        modes = higher * np.array([pitch, pitch * 1.47, pitch * 2.09, case, case * 1.6])
        stroke = s.modes(modes, (0.02, 0.014, 0.01, 0.06, 0.04), (1, 0.8, 0.5, 0.5, 0.3), round(0.08 * s.rate))
        strokes.append(_struck(stroke, s.burst(2500, 12000, 0.004)))
    at = s.times((5, 16), s.rng.uniform(0.42, 1.0), ring_s=0.1, jitter=0.01)
    return s.repeated(strokes, at, uneven_db=1), at


@_sound
def _siren(s: Studio) -> Made:
    n, manner = s.length(4, 10), s.rng.choice(("wail", "yelp", "two tones"))
    low, high = s.rng.uniform(480, 700), s.rng.uniform(1050, 1500)
    cycle = {"wail": s.rng.uniform(2.5, 5.0), "yelp": s.rng.uniform(0.24, 0.4), "two tones": s.rng.uniform(0.9, 1.4)}[manner]
    x = np.linspace(0, 1, TABLE, endpoint=False)
    course = np.where(x < 0.5, low * 0.75, low) if manner == "two tones" else low * (high / low) ** np.sin(np.pi * x)
    pitch = s.cycles(np.full(n, 1 / cycle), course)
    sound = s.wave(pitch, [1 / k**0.8 * np.exp(-np.square((k - 2.5) / 5)) for k in range(1, 15)])
    return (sound * s.shaped(n, (0.05, 1.2), (0.2, 1.5))).astype(np.float32), ()


@_sound
def _engine(s: Studio) -> Made:
    n = s.length(4, 10)
    idle, revs = s.rng.uniform(18, 32), s.rng.uniform(1.0, 4.0)
    points = np.array([1.0, 1.0, revs, revs * s.rng.uniform(0.5, 1.0), 1.0 + 0.3 * (revs - 1), 1.0])
    firing = idle * stretched(points, n) * s.curve(n, 0.08, 0.985, 1.015)
    # One turn of the table is a cycle of four cylinders, no two quite alike.
    x, table = np.arange(TABLE) / TABLE, np.zeros(TABLE)
    for cylinder in range(4):
        since = (x - cylinder / 4 + s.rng.normal(0, 0.004)) % 1.0
        table += s.rng.uniform(0.7, 1.0) * np.exp(-22 * since) * np.sin(2 * np.pi * s.rng.uniform(9, 14) * since)
    table -= table.mean()
    puffs = np.abs(table) / np.abs(table).max()
    table += 0.3 * sum(np.sin(8 * np.pi * k * x) / k for k in range(1, 13))  # an even hum at the rate of firing
    sound, breath = s.cycles(firing / 4, table / np.sqrt(np.square(table).mean()), puffs)
    sound += 0.5 * breath * s.noise(n, 150, 4000, slope_db=-4)
    loud = 0.6 + 0.4 * (firing / firing.max())
    return (sound * loud * s.shaped(n, (0.1, 0.8), (0.2, 1.0))).astype(np.float32), ()


@_sound
def _horn(s: Studio) -> Made:
    n, pitch = round(s.rng.uniform(0.25, 0.9) * s.rate), s.rng.uniform(320, 440)
    partials = [1 / k**0.5 * np.exp(-np.square((k - 4) / 5)) for k in range(1, 20)]
    honk = s.wave(np.full(n, pitch), partials) + s.wave(np.full(n, pitch * s.rng.choice((1.19, 1.25))), partials)
    honk = (honk * faded(n, s.rate, 0.012, 0.03)).astype(np.float32)
    at = s.times((1, 4), n / s.rate + s.rng.uniform(0.15, 0.45), ring_s=n / s.rate, jitter=0.05)
    return s.repeated([honk], at, uneven_db=1), at


@_sound
def _helicopter(s: Studio) -> Made:
    n = s.length(5, 12)
    x = np.linspace(-1, 1, 200)
    near = stretched(np.exp(-np.square((x - s.rng.uniform(-0.3, 0.3)) / s.rng.uniform(0.5, 1.2))), n)
    blades = s.rng.uniform(9, 14) * (1 - 0.05 * stretched(x, n))
    turn = np.cos(np.linspace(-np.pi, np.pi, TABLE)) * 0.5 + 0.5
    thump, slap = s.cycles(blades, turn**4, turn**16)
    sound = s.noise(n, 40, 260, slope_db=-2, channels=2) * (0.15 + thump)
    sound += 0.45 * s.noise(n, 300, 2500, slope_db=-2, channels=2) * (0.12 + slap)
    sound += 0.12 * s.wave(blades * s.rng.uniform(5.0, 6.5), [1 / k for k in range(1, 16)])
    sound += 0.04 * s.noise(n, 2000, 8000, channels=2)
    return sound * near * s.shaped(n, (0.3, 1.0), (0.3, 1.0)), ()


@_sound
def _gunshot(s: Studio) -> Made:
    n = round(s.rng.uniform(0.5, 0.9) * s.rate)
    shot = 1.2 * s.noise(n, 60, 500, slope_db=-2) * s.decay(n, 0.25)
    shot += 2.5 * s.noise(n, 300, 12000, slope_db=-1) * s.decay(n, 0.05)
    shot += 0.2 * s.noise(n, 150, 2500, slope_db=-3) * s.decay(n, s.rng.uniform(0.6, 1.4))
    for _ in range(3):  # off the walls around
        start = round(s.rng.uniform(0.05, 0.25) * s.rate)
        shot[start:] += s.rng.uniform(0.05, 0.15) * shot[: n - start]
    shot *= faded(n, s.rate, 0.0005, 0.15)
    at = s.times((1, 5), s.rng.uniform(0.3, 1.2), ring_s=n / s.rate, jitter=0.25)
    return s.repeated([shot.astype(np.float32)], at, uneven_db=2), at
