"""The phrase book says only what the labels and the brief hold, in sentences, and hardly ever twice."""

import random
import re
from collections import Counter

import pytest

from mdialog import subjects, vocab
from mdialog.attributes import Attribute
from mdialog.brief import MANNERS, Brief, Name
from mdialog.checks import faults, language
from mdialog.plan import Clip
from mdialog.synth import briefs, questions
from mdialog.synth.grammar import Names, article, book, expand, sentence, with_article
from mdialog.synth.labels import ClipLabels, random_labels, suits
from mdialog.synth.phrases import SYSTEM_INTENTS, USER_INTENTS, pattern_count, random_brief, say
from mdialog.synth.sound import comparison
from mdialog.synth.wishes import want
from mdialog.utterance import Utterance

V = vocab.load()
ROLE_INTENTS = [("user", i) for i in USER_INTENTS] + [("assistant", i) for i in SYSTEM_INTENTS]
UGLY = (
    "four_beers_polka",
    "Track 07",
    "Q",
    "eBay",
    "A slow flute (loud!)",
    "2099?",
    "L'été à Malmö",
    "no drums [demo]",
    "{want}",
    "x|y",
)


def drawn(seed: int, **options: object) -> tuple[Brief, list[ClipLabels], str]:
    rng = random.Random(seed)
    labels = [random_labels(rng) for _ in range(options.pop("n_clips", rng.choice((0, 1, 1, 2))))]
    brief = random_brief(rng, len(labels), labels=labels, **options)
    return brief, labels, say(brief, labels, rng)


def name_texts(brief: Brief) -> list[str]:
    names = [*brief.offered, *brief.liked, *brief.refused, *(n for n in (brief.about, brief.before) if n)]
    texts = [t for n in names for t in (str(n), f'"{n.title}"', n.artist)]
    for a in (*brief.new, *brief.dropped, *brief.wanted):
        if a.kind in ("track", "album", "artist"):
            texts += [a.value, f'"{a.value}"']
    return sorted(set(texts), key=len, reverse=True)


def masked(brief: Brief, text: str, *, shortest: int = 1) -> str:
    pattern = "|".join(re.escape(t) for t in name_texts(brief) if len(t) >= shortest)
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", "@", text) if pattern else text


def lexicon() -> dict[str, set[tuple[str, str]]]:
    """Every word of the closed kinds, keys apart, with the values that it may stand for."""
    words: dict[str, set[tuple[str, str]]] = {}
    for kind in V:
        if kind.name != "key":
            for value in kind.values:
                for word in value.words:
                    words.setdefault(word.casefold(), set()).add((kind.name, value.name))
    return words


WORDS = lexicon()
WORD = re.compile(r"(?<![\w#-])(" + "|".join(re.escape(w) for w in sorted(WORDS, key=len, reverse=True)) + r")(?![\w-])", re.I)
KEYS = {w: ("key", v.name) for v in V["key"].values for w in v.words}
KEY = re.compile(r"(?<![\w])(" + "|".join(re.escape(w) for w in sorted(KEYS, key=len, reverse=True)) + r")(?!\w|[ -]key)")
NOT = re.compile(r"\b(no|neither has(?! an?\b)|without|any trace of|trace of|don't hear any)(?: [\w-]+)? $", re.I)
MAY_REPEAT = ("hello", "hey", "more", "yes", "no", "please", "go", "well")
NO_ONE_MEANS = re.compile(r"major or minor|a major or a minor key|as fast as", re.I)


def licence(brief: Brief, labels: list[ClipLabels]) -> set[tuple[str, str]]:
    allowed = {(a.kind, a.value) for a in (*brief.new, *brief.dropped, *brief.wanted)}
    asked = {tuple(ask.split(":", 1)) for ask in brief.asks if ":" in ask} if brief.role == "user" else set()
    allowed |= {({"lead": "instrument", "suits": "theme"}.get(kind, kind), value) for kind, value in asked}
    allowed |= {tuple(ask.split(":")[1:]) for ask in brief.asks if ask.startswith("which:")}  # below: who has it
    for one in labels[-1:]:
        allowed |= {(k, getattr(one, k)) for k in ("tempo", "key", "mode", "metre", "genre", "vocal", "energy")}
        allowed |= {("mood", m) for m in one.moods} | {("instrument", i) for i in (*one.instruments, one.lead)}
        allowed |= {("course", one.course)}
    return allowed


def unlicensed(brief: Brief, labels: list[ClipLabels], text: str) -> list[str]:
    """Vocabulary words of `text` that neither the labels nor the brief allow."""
    allowed = licence(brief, labels)
    before = labels[0] if len(labels) > 1 else None
    text = masked(brief, text, shortest=2)  # an artist called "E" must not hide the E of "E minor"
    found = [m[1] for m in KEY.finditer(text) if KEYS[m[1]] not in allowed]
    text = NO_ONE_MEANS.sub("", masked(brief, KEY.sub("", text)))
    for match in WORD.finditer(text):
        meanings = WORDS[match[1].casefold()]
        wished = any((a.kind, a.value) in meanings for a in (*brief.new, *brief.dropped, *brief.wanted))
        denied = bool(NOT.search(text[: match.start()]))
        for kind, value in meanings if denied and not wished else ():
            absent = labels and (kind, value) not in allowed and (kind in ("instrument", "vocal"))
            had = before and (value in before.instruments or value in (before.lead, before.vocal))
            if absent and (value == "drums" or had or f"{kind}:{value}" in brief.asks):
                break
        else:
            compared = before and any(v == before.lead for k, v in meanings) and " in @" in text[match.end() :]
            led = before and any(v == before.lead for k, v in meanings) and "in @ it was" in text[: match.end()]
            if denied and not wished or not meanings & allowed and not compared and not led:
                found.append(match[1])
    return found


def well_formed(text: str) -> None:
    assert text and text == text.strip()
    assert not re.search(r"[{}\ue000-\uf8ff]|\[|\]|\||  |\"\"| [,.;:!?]|,,|,\.|\.\.\.\.|[!?]\.|None", text), text
    assert text[-1] in ".!?", text
    for word in re.findall(r"\b(\w+) \1\b", text, re.I):
        assert word == "@" or word.casefold() in MAY_REPEAT, text
    assert not re.search(r"\ba (?=[aeio][a-z])(?!one|eu)", text), text
    assert not re.search(r"\ban (?=[^aeiouAEIOU@])", text), text
    first = next((c for c in text if c.isalnum() or c == "@"), "@")
    assert not first.islower(), text
    assert not re.search(r"[.!?] [a-z]", text.replace("... ", " ")), text


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(("role", "intent"), ROLE_INTENTS)
def test_every_intent_is_said_in_every_manner(role, intent, manner):
    for n_clips in (0, 1, 2):
        for seed in range(3):
            brief, labels, text = drawn(seed, n_clips=n_clips, role=role, intents=(intent,), manner=manner)
            well_formed(masked(brief, text))
            assert len(text.split()) <= 70


@pytest.mark.parametrize("block", range(6))
def test_only_what_labels_and_brief_hold(block):
    for seed in range(block * 1000, block * 1000 + 1000):
        brief, labels, text = drawn(seed)
        assert not unlicensed(brief, labels, text), (text, brief, labels)
        well_formed(masked(brief, text))


def test_the_word_scanner_finds_lies():
    rng = random.Random(1)
    labels = random_labels(rng, instruments=("flute", "drums"), lead="flute", tempo_bpm=70.0, tempo="slow", vocal="choir")
    name = Name("Copper", "Roost")
    brief = Brief(role="assistant", intents=("passive_recommend",), offered=(name,), about=name, clips=(Clip("x", 0, 10),))
    assert not unlicensed(brief, [labels], 'Try "Copper": a slow piece with a flute in front and drums.')
    for lie in ("it's fast.", "there are no drums.", "a cello leads.", "no voices.", "it gets by without percussion."):
        assert unlicensed(brief, [labels], lie), lie


@pytest.mark.parametrize("seed", range(150))
def test_names_are_copied_exactly(seed):
    rng = random.Random(seed)
    names = lambda r: Name(title=r.choice(UGLY), artist=r.choice(UGLY))  # noqa: E731
    labels = [random_labels(rng) for _ in range(rng.choice((1, 2)))]
    brief = random_brief(rng, len(labels), labels=labels, names=names)
    text = say(brief, labels, rng)
    rest = masked(brief, text)
    assert '"' not in rest, text  # every quoted title is one of the brief's
    well_formed(rest)
    if brief.offered and "passive_recommend" in brief.intents:
        assert f'"{brief.offered[0].title}"' in text


def test_recommendations_nearly_always_speak_of_the_sound():
    spoken = total = 0
    for seed in range(600):
        brief, labels, text = drawn(seed, n_clips=1, role="assistant", intents=("passive_recommend",))
        truth = licence(Brief(role="assistant", intents=("others",)), labels) | {("instrument", "drums")}
        text = masked(brief, text)
        spoken += bool(any(WORDS[m[1].casefold()] & truth for m in WORD.finditer(text)))
        total += 1
    assert spoken / total >= 0.75, spoken / total


@pytest.mark.parametrize("kind", ["tempo", "key", "mode", "metre", "energy", "vocal", "mood", "genre", "instrument"])
def test_an_answer_says_what_was_asked(kind):
    for seed in range(60):
        rng = random.Random(seed)
        labels = random_labels(rng)
        brief = Brief(
            role="assistant", intents=("item_attribute_answer",), manner=rng.choice(MANNERS), asks=(kind,),
            about=Name("X", "Y"), clips=(Clip("x", 0, 10),),
        )  # fmt: skip
        text = say(brief, [labels], rng)
        values = {"mood": labels.moods, "instrument": labels.instruments}.get(kind) or (getattr(labels, kind, None),)
        if kind == "instrument" and not labels.lead and set(labels.instruments[:3]) <= {"drums"}:
            continue
        words = [w.casefold() for value in values for w in V[kind][value].words]
        assert any(w in text.casefold() for w in words), (text, words)


def test_requests_name_every_new_attribute():
    for kind in V:
        if not kind.attribute:
            continue
        for value in kind.values:
            for polarity in ("want", "avoid"):
                rng = random.Random(f"{kind.name}{value.name}{polarity}")
                brief = Brief(
                    role="user", intents=("add_filter",), manner=rng.choice(MANNERS),
                    new=(Attribute(kind.name, value.name, polarity),),
                )  # fmt: skip
                text = say(brief, [], rng).casefold()
                words = [value.name.casefold(), *(w.casefold().removeprefix("a ") for w in value.words)]
                assert any(w in text for w in words), text
                assert (re.search(r"\b(no|nothing|not)\b", text) is not None) >= (polarity == "avoid"), text


def test_comparisons_hold_both_ways():
    rng = random.Random(3)
    slow = random_labels(rng, tempo_bpm=70.0, instruments=("flute",), lead="flute", energy="low", vocal="choir")
    fast = random_labels(rng, tempo_bpm=140.0, instruments=("flute",), lead="flute", energy="low", vocal="choir")
    up = {comparison(slow, fast, "B", rng) for _ in range(60)}
    down = {comparison(fast, slow, "B", rng) for _ in range(60)}
    assert any("faster" in t for t in up) and not any("slower" in t for t in up)
    assert any("slower" in t for t in down) and not any("faster" in t for t in down)
    alike = random_labels(rng, tempo_bpm=74.0, instruments=("flute",), lead=None, energy="low", vocal="choir")
    assert comparison(slow, alike, "B", rng) is None


def test_wishes_do_not_tell_the_sound():
    """Most audible wishes of a brief are blind draws: about as often true as chance and `AGREES` make them."""
    rng, agree, total = random.Random(5), 0, 0
    for _ in range(3000):
        labels = random_labels(rng)
        brief = random_brief(rng, 1, labels=[labels])
        for a in (*brief.new, *brief.wanted):
            if a.kind == "tempo":
                total, agree = total + 1, agree + (a.value == labels.tempo)
    assert 0.3 < agree / total < 0.65


def test_every_intent_and_polarity_is_drawn():
    rng, seen = random.Random(2), Counter()
    for _ in range(3000):
        brief = random_brief(rng, rng.choice((0, 1, 2)))
        seen.update((brief.role, i) for i in brief.intents)
        seen.update(a.polarity for a in brief.new)
        seen.update(a.kind for a in brief.new)
    assert all(seen[pair] >= 30 for pair in ROLE_INTENTS), seen
    assert {"want", "avoid", "like"} <= seen.keys() and {k for k in briefs.KINDS} <= seen.keys()


def test_variety():
    texts, tokens = [], []
    for seed in range(2000):
        brief, _, text = drawn(seed + 50_000)
        texts.append(masked(brief, text))
        if len(tokens) < 8000:
            tokens += text.lower().split()
    long = [t for t in texts if len(t.split()) >= 4]
    repeats = 1 - len(set(texts)) / len(texts)
    long_repeats = 1 - len(set(long)) / len(long)
    tokens = tokens[:8000]
    pairs = list(zip(tokens, tokens[1:], strict=False))
    print(f"\n{pattern_count()} patterns; repeats {repeats:.3f}, of four words or more {long_repeats:.3f}; "
          f"distinct-2 at {len(tokens)} tokens {len(set(pairs)) / len(pairs):.3f}; "
          f"{sum(len(t.split()) for t in texts) / len(texts):.1f} words a turn, names as one")  # fmt: skip
    assert pattern_count() >= 500
    assert long_repeats < 0.03
    assert len(set(pairs)) / len(pairs) >= 0.5


def test_same_seed_same_words_and_mismatch_is_refused():
    assert drawn(11) == drawn(11)
    brief = Brief(role="user", intents=("greeting",), clips=(Clip("x", 0, 10),))
    with pytest.raises(ValueError, match="0 labels for 1 clips"):
        say(brief, [], random.Random(0))
    with pytest.raises(ValueError, match="no intents"):
        say(Brief(role="user", intents=()), [], random.Random(0))


def test_grammar_pieces():
    rng = random.Random(0)
    assert {expand("a[b|c[d|e]]", {}, rng) for _ in range(60)} == {"ab", "acd", "ace"}
    assert expand("{w} {v:carries} it", {"w": "strings"}, rng, plural=True) == "strings carry it"
    assert [article(w) for w in ("organ", "unhurried", "euphoric", "flute", "urgent")] == ["an", "an", "a", "a", "an"]
    assert [with_article(w) for w in ("strings", "brass", "oboe")] == ["strings", "brass", "an oboe"]
    names = Names()
    assert names.show(sentence(names.hide("eBay") + " is good")) == "eBay is good."
    nothing = want([], names, rng)
    assert nothing is None


def test_the_book_has_every_manner_everywhere():
    """Every section of intents can be drawn by every manner, and each manner owns lines in each intent."""
    phrases = book("phrases")
    for role, intents in (("user", USER_INTENTS), ("assistant", SYSTEM_INTENTS)):
        for intent in intents:
            keys = {k for names in phrases[role][intent] for k in names.split()}
            assert keys >= set(MANNERS) - {"plain"} | {"any"}, (role, intent)


def test_what_suits_a_purpose_better_is_told_by_the_rule_of_themes():
    one = random_labels(random.Random(3), genre="ambient", moods=("calm",), energy_value=0.1, tempo_bpm=66.0)
    two = random_labels(random.Random(4), genre="metal", moods=("aggressive",), energy_value=0.9, tempo_bpm=150.0)
    assert suits("sleep", one) == suits("workout", two) == 5 and not suits("sleep", two)
    for seed in range(40):
        rng = random.Random(seed)
        said = {theme: questions.answer(f"suits:{theme}", [one, two], '"B"', manner="plain", rng=rng) for theme in
                ("sleep", "workout", "dinner")}  # fmt: skip
        assert '"B"' in said["sleep"] and "this one" not in said["sleep"]
        assert said["workout"].startswith(("this one", "I'd take this one"))
        assert said["dinner"].startswith("neither")


@pytest.mark.parametrize(
    ("instruments", "clip", "there"),
    [("flute harp", "before", True), ("harp flute", "this", True), ("flute flute", "both", True), ("harp harp", "both", False)],
)
def test_which_of_two_has_an_instrument_is_told_of_the_right_one(instruments, clip, there):
    clips = [random_labels(random.Random(i), instruments=(own,)) for i, own in enumerate(instruments.split())]
    brief = Brief("assistant", ("item_attribute_answer",), asks=("which:instrument:flute",), about=Name("Blue", "Ana"),
                  before=Name("Red", "Bo"), clips=(Clip("red", 0.0, 10.0), Clip("blue", 0.0, 10.0)))  # fmt: skip
    for seed in range(40):
        claims = subjects.find(say(brief, clips, random.Random(seed)), brief)
        assert [(c.kind, c.value, c.present, c.clip) for c in claims] == [("instrument", "flute", there, clip)]


def test_small_steps_are_told_where_they_are_asked_after():
    slow = random_labels(random.Random(3), tempo_bpm=100.0, instruments=("flute",), lead="flute", energy_value=0.4)
    near = random_labels(random.Random(3), tempo_bpm=106.0, instruments=("flute",), lead="flute", energy_value=0.4)
    for seed in range(20):
        rng = random.Random(seed)
        assert comparison(slow, near, "B", rng, asked=True, kind="tempo") and not comparison(slow, near, "B", rng, kind="tempo")
        assert comparison(slow, near, "B", rng, asked=True, kind="lead") is None


def test_a_sound_spoken_of_just_before_is_called_it():
    asked = {questions.question(ask, "B", random.Random(seed), it="bell") for seed in range(20)
             for ask in ("times:bell", "onset:bell", "duration:bell")}  # fmt: skip
    assert all(re.search(r"\bit\b", text) and "bell" not in text for text in asked)
    assert "bell" in questions.question("times:bell", "B", random.Random(0), it="siren")


def test_every_question_of_its_talk_is_one_of_its_sentences():
    asked = Counter()
    for seed in range(3000):
        brief, _, text = drawn(seed, role="user", intents=("item_attribute_question",), n_clips=1 + seed % 2)
        for ask in brief.asks:
            asked[ask.partition(":")[0]] += 1
            assert questions.asks_so(text, ask), (ask, text)
    assert {*asked} >= {"compare", "same", "which", "suits", "electric", "course", "instrument", "lead", "artist"}


@pytest.mark.parametrize(
    ("ask", "text"),
    [("compare:instrument", "Before I decide: does the same instruments?"), ("lead:flute", "About that one, is it a flute?"),
     ("same", "What's the two have in common?"), ("compare", 'What does it have "Rondo"?'),
     ("compare:tempo", "What tempo is it?"), ("which:instrument:flute", "Which of the do you hear a flute?"),
     ("electric", "Does it have an electric?"), ("times:bell", "How often does the bell?"),
     ("tempo", "What tempo is it for?"), ("mood", "Which sounds are there?")],
)  # fmt: skip
def test_what_is_nearly_a_question_is_none_of_them(ask, text):
    assert not questions.asks_so(text, ask)
    brief = Brief("user", ("item_attribute_question",), asks=(ask,), about=Name("Blue", "Ana"), before=Name("Rondo", "Bo"),
                  clips=(Clip("red", 0.0, 10.0), Clip("blue", 0.0, 10.0)))  # fmt: skip
    taught = "no sentence that this listener was taught"
    assert any(taught in fault.message for fault in faults(text, brief, by_the_book=True))
    assert not any(taught in fault.message for fault in faults(text, brief))


def test_every_word_of_its_talk_is_known_to_stand_there():
    for seed in range(400):
        brief, _, text = drawn(seed)
        found = language(Utterance(text, brief, by_the_book=True))
        assert not [fault for fault in found if fault.check == "language" and "taught" in fault.message], text
