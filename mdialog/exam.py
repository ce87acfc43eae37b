"""`mdialog exam`: how well a listener hears, asked with the real clip, another clip, noise and silence.

=================== ==========================================================================
``config.json``     the listener and the options that change the answers
``answers.jsonl``   one answer a line, appended: the same command goes on where it was killed
``exam.json``       the tables, and whether the listener is deaf
``exam.md``         the same to read, with ``exam.png``
=================== ==========================================================================
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdialog import brief as briefs
from mdialog import claims, hearing
from mdialog.errors import InputError
from mdialog.files import write_text
from mdialog.hearing import LEVEL, Hearing, Row, Statements
from mdialog.listener.base import Listener, Request, Sampling
from mdialog.plan import Clip
from mdialog.probes import CATEGORIES, CLIP_S, SOUNDS, Item, Probe, Sounds, draw_items
from mdialog.run import open_run, recover
from mdialog.utterance import given_names

CONFIG, ANSWERS, RESULT, PAGE, PICTURE = "config.json", "answers.jsonl", "exam.json", "exam.md", "exam.png"
PROTOCOLS = ("letter", "cloze", "both")
LIST_TASK = "list what you hear"  # the bundled listener was taught to answer this with every label, "; " between them
LETTER, LIST = Sampling(temperature=0, max_new_tokens=32), Sampling(temperature=0)
BATCH = 48  # questions asked at once, and lost at most when killed
QUICK_ITEMS = 48  # about a dozen clips
QUICK_LEVEL = 0.01
# What open answers are to be about, in turn: what a recommender may be asked about a track's sound.
ASKED = (("instrument",), ("tempo",), ("mood",), ("genre",), ("vocal",), ("mode",), ("energy",), ("metre",))
_LETTER = re.compile(
    r"\W*(?:(?i:(?:the )?(?:correct |right |best )?(?:answer|option)(?: is)?)\W*)?([A-D])(?:[).:\]*]|\W*$)", re.S
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Report:
    """What an exam came to.

    Parameters
    ----------
    out : Path
    listener : str
    hearing : Hearing
    rows : tuple of Row
    statements : tuple of Statements
    n_answers : int
        In the folder, all resumptions together.
    seconds : float
        Of this call.
    """

    out: Path
    listener: str
    hearing: Hearing
    rows: tuple[Row, ...]
    statements: tuple[Statements, ...]
    n_answers: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.listener} {self.hearing.reason}; {self.n_answers} answers, table in {self.out / PAGE}"


def exam(
    listener: Listener, out: Path, *, items: int = 480, seed: int = 0, protocol: str = "both", progress: Progress | None = None
) -> Report:
    """Examine a listener; the same call goes on with an exam that was killed.

    Under ``letter`` the listener writes the letter of an option (MuChoMusic's protocol). Under ``cloze`` the options are
    statements such as "tempo fast", and the likeliest is taken: for listeners that follow no instructions. A statement
    stands where the listener's own list of what it hears names its kind. Options share all other words, so that they are
    compared by their whole log-probability; means over tokens would favour long ones.

    Parameters
    ----------
    listener : Listener
    out : Path
        Folder.
    items : int > 0
        Multiple-choice questions, four to a clip; each clip is asked about openly too. All under four sounds.
    seed : int
    protocol : {'letter', 'cloze', 'both'}
        ``both`` leaves out ``cloze`` where a listener cannot score answers.
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If an option is wrong, or the folder holds another exam.
    ModelError
        If the listener fails.
    """
    start = time.monotonic()
    protocols = _protocols(listener, protocol)
    probes, asked = draw_items(items, seed=seed)
    with open_run(out) as folder:
        _claim(folder, {"listener": listener.model_id, "items": items, "seed": seed, "protocols": protocols})
        answers = recover(folder / ANSWERS)
        examiner = Examiner(listener, probes, asked, seed=seed)
        done = {(a["protocol"], a["item"], a["sound"]) for a in answers}
        todo = [task for task in examiner.tasks(protocols) if task not in done]
        with (folder / ANSWERS).open("a", encoding="utf-8", newline="\n") as file:
            for given in examiner.answers(todo):
                file.write("".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in given))
                file.flush()
                answers += given
                if progress:
                    progress("answers", len(answers), len(done) + len(todo))
        return _report(folder, listener.model_id, answers, asked, seconds=time.monotonic() - start)


def _protocols(listener: Listener, protocol: str) -> list[str]:
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol {protocol!r} is unknown; use one of: {', '.join(PROTOCOLS)}")
    scores = hasattr(listener, "score")
    if protocol == "cloze" and not scores:
        raise InputError(f"{listener.model_id} gives no probabilities of answers, which cloze needs; use --protocol letter")
    return ["letter", *(["cloze"] if scores else [])] if protocol == "both" else [protocol]


def _claim(folder: Path, mine: dict) -> None:
    """Note what the exam is; refuse a folder that holds another one."""
    path = folder / CONFIG
    if path.exists():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: not JSON ({error}); remove the folder or choose another --out") from error
        differ = [k for k in {**theirs, **mine} if theirs.get(k) != mine.get(k)]
        if differ:
            raise InputError(f"{folder} holds something with other options ({', '.join(differ)}); choose another --out")
    else:
        write_text(path, json.dumps(mine, indent=2) + "\n")


Task = tuple[str, str, str]  # protocol, item, sound


class Examiner:
    """Asks a listener about clips.

    Parameters
    ----------
    listener : Listener
    probes : sequence of Probe
    items : sequence of Item
    seed : int
        Of noise and of open answers.
    """

    def __init__(self, listener: Listener, probes: Sequence[Probe], items: Sequence[Item], *, seed: int = 0):
        self._listener, self._probes, self._seed = listener, probes, seed
        self._items = {item.id: item for item in items}
        self._open = {f"open-{item.probe:03d}": item for item in reversed(items)}  # the first item of each clip
        self._sounds = Sounds(probes, sample_rate=listener.sample_rate, seed=seed)
        self._lists: dict[tuple, tuple[Request, str]] = {}

    def tasks(self, protocols: Sequence[str], *, sounds: Sequence[str] = SOUNDS) -> list[Task]:
        """All that is to be asked, clip by clip."""
        order = sorted(self._items.values(), key=lambda item: item.probe)
        asked = [(protocol, item.id, sound) for item in order for protocol in protocols for sound in sounds
                 if protocol == "letter" or CATEGORIES[item.category].stated]  # fmt: skip
        return asked + [("open", name, sound) for name in sorted(self._open) for sound in sounds]

    def answers(self, tasks: Sequence[Task]) -> Iterator[list[dict]]:
        """Answers, a batch at a time."""
        for start in range(0, len(tasks), BATCH):
            batch, given = tasks[start : start + BATCH], []
            for protocol, ask in (("letter", self._by_letter), ("cloze", self._by_statement), ("open", self._openly)):
                mine = [task for task in batch if task[0] == protocol]
                given += ask(mine) if mine else []
            yield given

    def _by_letter(self, tasks: Sequence[Task]) -> list[dict]:
        items = [self._items[name] for _, name, _ in tasks]
        requests = [self._request(f"letter/{item.id}", self._play(item, sound), item.question)
                    for item, (_, _, sound) in zip(items, tasks, strict=True)]  # fmt: skip
        texts = [candidates[0] for candidates in self._listener.write(requests, sampling=LETTER)]
        return [_answer(task, item, chosen) | {"follows": follows, "answer": text}
                for task, item, text in zip(tasks, items, texts, strict=True)
                for chosen, follows in [read_letter(text, item)]]  # fmt: skip

    def _by_statement(self, tasks: Sequence[Task]) -> list[dict]:
        items = [self._items[name] for _, name, _ in tasks]
        lists = self._listed([(item, sound) for item, (_, _, sound) in zip(items, tasks, strict=True)])
        texts = [statements_of(item, said) for item, (_, said) in zip(items, lists, strict=True)]
        scores = self._listener.score([request for request, _ in lists], texts)
        given = []
        for task, item, tokens in zip(tasks, items, scores, strict=True):
            logs = [float(one.sum()) for one in tokens]
            chosen = int(np.argmin(logs) if CATEGORIES[item.category].negative else np.argmax(logs))
            given.append(_answer(task, item, chosen) | {"log_probabilities": [round(x, 5) for x in logs]})
        return given

    def _openly(self, tasks: Sequence[Task]) -> list[dict]:
        items = [self._open[name] for _, name, _ in tasks]
        asked = [_brief(item.probe) for item in items]
        requests = [
            Request.of(name, brief, play=lambda _, item=item, sound=sound: self._play(item, sound))
            for brief, item, (_, name, sound) in zip(asked, items, tasks, strict=True)
        ]
        texts = self._listener.write(requests, seed=self._seed, sampling=self._listener.sampling)
        given = []
        for (protocol, name, sound), item, brief, (text,) in zip(tasks, items, asked, texts, strict=True):
            labels = self._probes[item.probe].labels
            found = {(c.kind, c.value, c.present): claims.true_of(c, labels)
                     for c in claims.find(text, names=given_names(brief)) if not c.comparison}  # fmt: skip
            given.append({"protocol": protocol, "item": name, "sound": sound, "answer": text,
                          "claims": [[*claim, true] for claim, true in found.items()]})  # fmt: skip
        return given

    def _listed(self, wanted: Sequence[tuple[Item, str]]) -> list[tuple[Request, str]]:
        """What the listener lists of its own when it is played each sound, asked once a sound."""
        keys = [("clip", i.probe if s == "real" else i.other) if s in ("real", "another") else
                (s, i.probe if s == "noise" else None) for i, s in wanted]  # fmt: skip
        new = {key: one for key, one in zip(keys, wanted, strict=True) if key not in self._lists}
        requests = [self._request("list", self._play(*one), LIST_TASK) for one in new.values()]
        texts = self._listener.write(requests, sampling=LIST) if requests else []
        self._lists |= {key: (request, text[0]) for key, request, text in zip(new, requests, texts, strict=True)}
        return [self._lists[key] for key in keys]

    def _play(self, item: Item, sound: str) -> np.ndarray:
        return self._sounds.of(item.probe, item.other, sound)

    def _request(self, name: str, samples: np.ndarray, text: str) -> Request:
        content = [{"type": "audio", "audio": samples}, {"type": "text", "text": text}]
        return Request(name, [{"role": "user", "content": content}])


def _answer(task: Task, item: Item, chosen: int | None) -> dict:
    protocol, name, sound = task
    return {"protocol": protocol, "item": name, "sound": sound, "chosen": chosen, "right": chosen == item.right}


def _brief(probe: int) -> briefs.Brief:
    """A question about the sound, put as dialogues put it; only the sound can answer it."""
    return briefs.Brief(
        role="assistant", intents=("item_attribute_answer",), asks=ASKED[probe % len(ASKED)],
        about=briefs.Name("Untitled", "Unknown Artist"), clips=(Clip("probe", 0.0, CLIP_S),),
    )  # fmt: skip


def read_letter(text: str, item: Item) -> tuple[int | None, bool]:
    """Which option an answer means, and whether it has the asked-for form.

    A letter by itself, or with its option behind it, has; an option's own words without a letter count as a choice.
    """
    found = _LETTER.match(text)
    if found and (place := "ABCD".index(found[1])) < len(item.options):
        return place, True
    said = text.strip(" .!\"'*\n").casefold()
    named = [i for i, option in enumerate(item.options) if said == option.casefold()]
    return (named[0] if named else None), False


def statements_of(item: Item, said: str) -> list[str]:
    """Each option as a statement, where `said`, a list, first names its kind: what stands before it comes before it."""
    word = CATEGORIES[item.category].stated
    at = re.search(rf"(?:^|; ){word} ", said)
    before = said[: at.end() - len(word) - 1] if at else ""
    return [f"{before}{word} {option}" for option in item.options]


def _report(folder: Path, model_id: str, answers: list[dict], items: Sequence[Item], *, seconds: float) -> Report:
    table, said = hearing.rows(answers, items), hearing.statements(answers)
    found = hearing.verdict(answers)
    n_open = sum(a["protocol"] == "open" for a in answers) // len(SOUNDS)
    result = {"listener": model_id, "verdict": {"deaf": found.deaf, "reason": found.reason},
              "items": len(items), "open_answers": n_open, "multiple_choice": [row.as_json() for row in table],
              "open_statements": [row.as_json() for row in said]}  # fmt: skip
    write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")
    hearing.draw(folder / PICTURE, table, title=f"{model_id}: {'deaf' if found.deaf else 'hears'}")
    write_text(folder / PAGE, hearing.markdown(model_id, found, table, said, n_open=n_open))
    return Report(folder, model_id, found, tuple(table), tuple(said), len(answers), seconds)


def quick_exam(listener: Listener, seed: int = 0) -> Hearing:
    """Whether a listener hears at all, from a dozen clips, in seconds.

    Each clip is asked about as it is and with another clip in its place. A listener that scores answers hears if the right
    options gain on the wrong ones (a one-sided exact sign-flip test over clips, at .01). One that does not, or that this
    way does not hear, writes letters: more of them must be right with the clip they are about (McNemar, at .05).

    Parameters
    ----------
    listener : Listener
    seed : int

    Returns
    -------
    Hearing
    """
    probes, items = draw_items(QUICK_ITEMS, seed=seed)
    examiner = Examiner(listener, probes, items, seed=seed)

    def ask(protocol: str) -> dict[str, dict[str, dict]]:
        tasks = [task for task in examiner.tasks([protocol], sounds=SOUNDS[:2]) if task[0] == protocol]
        given = [answer for batch in examiner.answers(tasks) for answer in batch]
        return {sound: {a["item"]: a for a in given if a["sound"] == sound} for sound in SOUNDS[:2]}

    said = []
    if hasattr(listener, "score"):
        found = _gain(ask("cloze"), {item.id: item for item in items})
        if not found.deaf:
            return found
        said.append(found.reason)
    found = _letters(ask("letter"))
    return Hearing(found.deaf, "; ".join([*said, found.reason]))


def _gain(given: dict[str, dict[str, dict]], items: dict[str, Item]) -> Hearing:
    """By log-probabilities: what the right option gains on the mean wrong one when its own clip is played."""
    by_clip: dict[int, list[float]] = {}
    for name, real in given["real"].items():
        margins = []
        for answer in (real, given["another"][name]):
            logs, right = np.array(answer["log_probabilities"]), items[name].right
            margins.append(logs[right] - np.delete(logs, right).mean())
        sign = -1 if CATEGORIES[items[name].category].negative else 1
        by_clip.setdefault(items[name].probe, []).append(sign * (margins[0] - margins[1]))
    gains = np.array([np.mean(values) for values in by_clip.values()])
    if max(map(abs, gains)) < 1e-4:
        return Hearing(True, "deaf: probabilities of its answers are the same whichever clip it is played")
    p = sign_flip(gains)
    deaf = p >= QUICK_LEVEL
    what = "deaf: right answers are no likelier" if deaf else "hears: right answers are likelier"
    return Hearing(deaf, f"{what} with the clip they are about than with another ({gains.mean():+.2f} nats, p {p:.2g})")


def sign_flip(gains: np.ndarray) -> float:
    """One-sided p that the mean of `gains`, shape (n,), n <= 20, is above 0: over all 2**n ways to turn signs round."""
    signs = 1 - 2 * ((np.arange(2 ** len(gains))[:, None] >> np.arange(len(gains))) & 1)
    return float(np.mean(signs @ gains >= gains.sum() - 1e-9))


def _letters(given: dict[str, dict[str, dict]]) -> Hearing:
    """By greedy answers: whether more are right with the clip that they are about."""
    real, another = given["real"], given["another"]
    if all(real[name]["answer"] == another[name]["answer"] for name in real):
        return Hearing(True, "deaf: its answers are word for word the same whichever clip it is played")
    p = hearing.better(*({name: a["right"] for name, a in one.items()} for one in (real, another)))
    shares = [hearing.share(a["right"] for a in one.values()).value for one in (real, another)]
    what = "deaf: its answers are no better" if p >= LEVEL else "hears: its answers are better"
    figures = f"{shares[0]:.2f} right, with another {shares[1]:.2f}, p {p:.2g}"
    return Hearing(p >= LEVEL, f"{what} with the clip they are about ({figures})")
