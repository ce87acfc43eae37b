import dataclasses
import random

import plans
import pytest

from mdialog import brief as briefs
from mdialog import vocab
from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.checks import faults
from mdialog.plan import Clip
from mdialog.synth.labels import ClipLabels

BLUE, RIVER = Name("Blue Hour", "The Lamps"), Name("River", "Ana Sol")
CLIP = (Clip("t1", 0.0, 10.0),)
OFFER = Brief("assistant", ("passive_recommend",), offered=(BLUE, RIVER), about=BLUE, clips=CLIP)
ASK = Brief("user", ("add_filter",), new=(Attribute("genre", "reggae"),))
TALK = Brief("assistant", ("sympathetic_response",))


def of(text, brief, **options):
    return {fault.check for fault in faults(text, brief, **options)}


@pytest.mark.parametrize(
    ("text", "brief"),
    [
        ('How about "Blue Hour" by The Lamps? It has a warm organ.', OFFER),
        ("Blue Hour fits, I think: slow, with a choir.", OFFER),
        ('"Blue Hour" is slower than "River" by Ana Sol.', OFFER),
        ('Try "Blue Hour," then "River" by Ana Sol!', OFFER),
        ("Something reggae, please.", ASK),
        ("I'd love some reggae - the more off-beat the better…", ASK),
        ("Hello.", TALK),
        ("No drums, thanks.", Brief("user", ("add_filter",), new=(Attribute("instrument", "drums", "avoid"),))),
        ("Like River, but slower?", Brief("user", ("add_filter",), new=(Attribute("track", str(RIVER), "like"),))),
        ("Is it major or minor?", Brief("assistant", ("detail_attribute_request",), asks=("mode",))),
    ],
)
def test_good_utterances_pass(text, brief):
    assert faults(text, brief) == []


@pytest.mark.parametrize(
    ("text", "brief", "check"),
    [
        ("", TALK, "form"),
        ("   ", TALK, "form"),
        ("That sounds good", TALK, "form"),
        ("User: that sounds good.", TALK, "form"),
        ("Assistant: that sounds good.", TALK, "form"),
        ("That sounds good.<|im_end|>", TALK, "form"),
        ("That sounds good.\ndo: greeting.", TALK, "form"),
        ("That sounds \ufffd good.", TALK, "form"),
        ("That sounds \x07 good.", TALK, "form"),
        ('That "sounds good.', TALK, "form"),
        (", that sounds good.", TALK, "form"),
        ("It is good and " * 20 + "good.", TALK, "form"),
        ("good good good good.", TALK, "language"),
        ("Qorvik brelm sint vaskor dulm.", TALK, "language"),
        ("Xkcd hjklm brr.", TALK, "language"),
        ("That soundsGood to me.", TALK, "language"),
        ("12 34 56 78 ok.", TALK, "language"),
        ("Can you recommend me something?", TALK, "voice"),
        ("I'm looking for something nice.", TALK, "voice"),
        ("You might like some reggae.", ASK, "voice"),
        ("What kind of music do you like? Reggae?", ASK, "voice"),
        ("As an AI language model, I like it.", TALK, "phrases"),
        ("The tempo isn't specified.", TALK, "phrases"),
        ("You should hear this.", OFFER, "names"),
        ('How about "Blue Hours" by The Lamps?', OFFER, "names"),
        ('How about "blue hour" by the lamps?', OFFER, "names"),
        ("How about Blue Hour by Miles Davis?", OFFER, "names"),
        ("I hear what you say, and so does Bob.", TALK, "names"),
        ('"Blue Hour" adds drums, which "Blue Hour" lacks.', OFFER, "names"),
        ('"Blue Hour" suggests "Blue Hour."', OFFER, "names"),
        ("Something nice, please.", ASK, "attributes"),
        ("Some reggae from 1984.", ASK, "attributes"),
        ("Some reggae with a flute.", ASK, "attributes"),
        ("Some Jamaican reggae.", ASK, "attributes"),
        ("Some calm reggae.", ASK, "attributes"),
        ("Reggae for the gym.", ASK, "attributes"),
        ("Some drums.", Brief("user", ("add_filter",), new=(Attribute("instrument", "drums", "avoid"),)), "attributes"),
        ("Fine by me.", Brief("user", ("remove_filter",), dropped=(Attribute("genre", "jazz"),)), "attributes"),
        ("Reggae, perhaps?", Brief("assistant", ("detail_attribute_request",), asks=("genre",)), "attributes"),
        ("Would major do?", Brief("assistant", ("detail_attribute_request",), asks=("mode",)), "attributes"),
        ("So, a slow one.", Brief("assistant", ("parroting_response",), wanted=(Attribute("genre", "jazz"),)), "intents"),
        ("I would like that.", Brief("assistant", ("detail_attribute_request",), asks=("mode",)), "intents"),
        ("It is nice.", Brief("assistant", ("item_attribute_answer",), asks=("tempo",), about=BLUE, clips=CLIP), "intents"),
    ],
)  # fmt: skip
def test_bad_utterances_fail_by_the_right_check(text, brief, check):
    assert check in of(text, brief)


def test_what_is_heard_may_be_said_and_what_cannot_be_heard_may_not():
    assert not of('"Blue Hour" has a slow flute.', OFFER)
    assert "attributes" in of('"Blue Hour" is by a British band.', OFFER)
    assert "attributes" in of("A slow flute is nice.", TALK)


def test_a_full_stop_in_a_title_ends_no_sentence():
    said = dataclasses.replace(TALK, history=(("assistant", 'I found "Saffron, Pt. 3 of the Green Lamps" for you.'),))
    assert not of('Do you like "Saffron, Pt. 3 of the Green Lamps"?', dataclasses.replace(said, liked=(
        Name("Saffron, Pt. 3 of the Green Lamps", "The Lamps"),)))  # fmt: skip


def test_the_phrase_book_hardly_says_a_thing_twice():
    twice = [text for text, brief in phrase_book(1500, seed=8) if any("twice" in f.message for f in faults(text, brief))]
    assert len(twice) <= 0.005 * 1500, twice


def test_what_the_plan_keeps_for_later_is_not_said(tmp_path):
    plan = plans.plan(tmp_path)
    brief = briefs.build(plan, 0, [])
    good = 'Some reggae, like "Don\'t "Stop" Now".'
    assert faults(good, brief, plan=plan) == []
    assert "attributes" in of(good[:-1] + ", and slow.", brief, plan=plan)
    assert "names" in of(good + " Blue Hour too.", brief, plan=plan)
    offer = briefs.build(plan, 1, [good])
    assert not of('"Blue Hour" is slow.', offer, plan=plan, turn_index=1)  # heard, so it may be said early
    assert "names" in of('"Blue Hour" is no match for Ana Sol.', offer, plan=plan, turn_index=1)


def test_who_is_played_a_clip_does_not_say_that_it_was_not_heard():
    text = "I haven't heard it yet, to be honest."
    played = dataclasses.replace(TALK, about=BLUE, clips=CLIP)
    assert "phrases" in of(text, played) and "phrases" not in of(text, TALK)
    assert "phrases" not in of(text, dataclasses.replace(played, role="user"))


def test_what_is_said_of_a_track_heard_earlier_is_no_contradiction_of_this_one(tmp_path):
    plan = plans.plan(tmp_path)
    brief = briefs.build(plan, 4, [f"turn {k}" for k in range(4)])
    text = "The last one was slow; this one is not slow."
    assert "agreement" not in of(text, brief, plan=plan, turn_index=4)
    assert "agreement" in of("It is slow; it is not slow.", brief, plan=plan, turn_index=4)


@pytest.mark.parametrize("text", ["I'm not hearing any drums here.", "I've never heard drums hit harder."])
def test_hearing_that_something_is_not_there_is_hearing(text):
    assert "phrases" not in of(text, dataclasses.replace(TALK, about=BLUE, clips=CLIP))


def test_every_track_that_the_next_turn_may_react_to_is_named(tmp_path):
    plan, both = plans.plan(tmp_path), Brief("assistant", ("passive_recommend",), offered=(BLUE, RIVER))
    offer = dataclasses.replace(plan.turns[1], track_seq=("t1", "t2"), named=2)
    turns = (offer, dataclasses.replace(offer, named=None))
    two, one = (dataclasses.replace(plan, turns=(plan.turns[0], turn)) for turn in turns)
    assert "names" in of('How about "Blue Hour"?', both, plan=two, turn_index=1)
    assert not of('How about "Blue Hour"?', both, plan=one, turn_index=1)
    assert not of('How about "Blue Hour", or "River"?', both, plan=two, turn_index=1)


def labels(rng: random.Random) -> ClipLabels:
    v = vocab.load()
    bpm, energy, key = rng.uniform(50, 190), rng.random(), rng.choice(v["key"].names)
    instruments = tuple(rng.sample(v["instrument"].names, rng.randint(2, 5)))
    return ClipLabels(
        tempo_bpm=bpm, tempo=v["tempo"].word_for(bpm), key=key, mode=key.split()[1], genre=rng.choice(v["genre"].names),
        metre=rng.choice(v["metre"].names), instruments=instruments, lead=instruments[0],
        vocal=rng.choice(("choir", "instrumental")), energy=v["energy"].word_for(energy), energy_value=energy,
        course=rng.choice((None, "rising", "falling", "level")), moods=(rng.choice(v["mood"].names),),
    )  # fmt: skip


def phrase_book(n: int, seed: int) -> list[tuple[str, Brief]]:
    phrases = pytest.importorskip("mdialog.synth.phrases")
    rng = random.Random(seed)
    pairs = []
    for _ in range(n):
        heard = [labels(rng) for _ in range(rng.choice((0, 1, 1, 2)))]
        brief = phrases.random_brief(rng, len(heard))
        pairs.append((phrases.say(brief, heard, rng), brief))
    return pairs


def test_the_phrase_book_passes():
    pairs = phrase_book(1500, seed=3)
    failed = []
    for text, brief in pairs:  # in its descriptions it says less than others are to
        found = faults(text, brief, by_the_book="description" in brief.intents)
        failed += [(text, found)] if found else []
    assert len(failed) <= 0.01 * len(pairs), failed[:5]


def test_babble_of_its_own_subwords_fails():
    from tokenizers import ByteLevelBPETokenizer

    pairs, rng = phrase_book(1500, seed=4), random.Random(5)
    words = ByteLevelBPETokenizer()
    words.train_from_iterator([text for text, _ in pairs], vocab_size=1500, show_progress=False)
    passed = 0
    for _ in range(1500):
        ids = [rng.randrange(1500) for _ in range(rng.randint(2, 40))]
        passed += not faults(words.decode(ids).strip() + rng.choice((".", "?", "")), rng.choice(pairs)[1])
    assert passed <= 8


def test_an_utterance_for_another_brief_mostly_fails():
    pairs, rng = phrase_book(800, seed=6), random.Random(7)
    swapped = [(rng.choice(pairs), rng.choice(pairs)) for _ in range(1500)]
    passed = sum(not faults(text, brief) for (text, own), (_, brief) in swapped if own is not brief)
    assert passed <= 0.08 * len(swapped)


def test_a_title_keeps_its_artist():
    assert "names" not in of('How about "Blue Hour" by The Lamps, then "River" by Ana Sol?', OFFER)
    assert "names" in of('How about "Blue Hour" by Ana Sol?', OFFER)
    same = Name("River", "The Lamps")  # two tracks of one title
    both = Brief("assistant", ("passive_recommend",), offered=(RIVER, same), about=RIVER, clips=CLIP)
    assert "names" not in of('How about "River" by The Lamps, or the other "River" by Ana Sol?', both)


@pytest.mark.parametrize(
    ("role", "text", "good"),
    [
        ("user", "Is there a flute in it?", True),
        ("user", "Is it fast?", False),
        ("assistant", "Yes.", True),
        ("assistant", "No, I hear no flute.", True),
        ("assistant", "A cello leads.", True),
        ("assistant", "It is lovely.", False),
    ],
)
def test_who_is_asked_whether_it_is_so_says_so(role, text, good):
    intent = "item_attribute_question" if role == "user" else "item_attribute_answer"
    brief = Brief(role=role, intents=(intent,), asks=("lead:flute",), about=Name("Blue", "Ann"), clips=(Clip("t", 0.0, 10.0),))
    assert ("intents" in of(text, brief)) is not good


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [
        ("brightness", "A bright sound.", True),
        ("brightness", "It's loud.", False),
        ("loudness", "It's quiet throughout.", True),
        ("density", "Very sparse, a few notes at a time.", True),
        ("density", "It is lovely.", False),
        ("theme", "I'd play it for a workout.", True),
        ("theme", "It's fast.", False),
    ],
)
def test_who_is_asked_how_it_sounds_tells_of_that(ask, text, good):
    clips = (Clip("t", 0.0, 10.0),)
    brief = Brief("assistant", ("item_attribute_answer",), asks=(ask,), about=Name("Blue", "Ann"), clips=clips)
    assert of(text, brief) == (set() if good else {"intents"})


def test_what_a_track_is_good_for_is_told_where_it_is_asked():
    brief = Brief("assistant", ("item_attribute_answer",), asks=("mood",), about=BLUE, clips=CLIP)
    assert "attributes" in of("It's sad, and made for a workout.", brief)
    assert not of("I'd play it for a workout.", dataclasses.replace(brief, asks=("theme",)))


@pytest.mark.parametrize(
    ("text", "good"),
    [("A slow waltz with a flute.", True), ("Slow, sad, strings.", True), ("What a day.", False), ("Is it slow?", False),
     ('"Blue Hour", a slow waltz.', False)],
)  # fmt: skip
def test_a_description_speaks_of_the_sound_and_of_nothing_else(text, good):
    brief = Brief("assistant", ("description",), asks=("sentence",), about=BLUE, clips=CLIP)
    assert ("intents" in of(text, brief)) is not good


FOUR = "It's a slow waltz in minor with a flute, and strings behind it"


@pytest.mark.parametrize(
    ("length", "text", "by_the_book", "good"),
    [
        ("tag line", "A slow waltz.", False, True),
        ("tag line", "A slow waltz. With a flute.", False, False),
        ("tag line", f"{FOUR}, as one might hear it on a day that is long and that does not end.", False, False),
        ("sentence", f"{FOUR}.", False, True),
        ("sentence", "It's slow. It has a flute.", False, False),
        ("paragraph", "It's slow-paced, in minor.", False, False),
        ("paragraph", "It's slow-paced, in minor.", True, False),
        ("paragraph", "It's slow-paced, in minor, with a flute behind it.", True, True),
        ("paragraph", f"{FOUR}. Nobody sings on it, and I'd say that there is not much more to it than this.", False, True),
        ("paragraph", "It goes on as it does. " * 8, False, False),
        ("dense", "The pace is moderate.", True, False),
        ("dense", "The pace is moderate.", False, False),
        ("dense", "Slow, minor key, flute.", False, False),
        ("dense", "Slow, minor key, flute.", True, True),
        ("dense", "Slow pace, minor key, three-four, flute up front, strings behind it, no singing, no drums.", False, True),
        ("dense", "Slow, slow, slow, slow.", True, False),
        ("dense", "🎺.", True, False),
    ],
)
def test_a_description_is_as_long_as_it_is_to_be(length, text, by_the_book, good):
    brief = Brief("assistant", ("description",), asks=(length,), about=BLUE, clips=CLIP)
    assert (faults(text.strip(), brief, by_the_book=by_the_book) == []) is good


def test_a_paragraph_may_be_longer_than_an_utterance():
    text = f"{FOUR}. Nobody sings on it. " + " ".join(f"That is so for a while, {n}, as it goes on." for n in "abcdefghi")
    brief = Brief("assistant", ("description",), asks=("paragraph",), about=BLUE, clips=CLIP)
    assert len(text.split()) > 60 and "form" not in of(text, brief) and "form" in of(text, TALK)


LAMP = Name("Lamp Song", "Ivo")


def of_two(ask, manner="plain"):
    intents = ("item_attribute_answer",)
    return Brief("assistant", intents, manner=manner, asks=(ask,), about=BLUE, before=LAMP, clips=CLIP * 2)


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [
        ("same", "Both are slow.", True),
        ("same", "It is slow.", True),  # asked of both
        ("same", "It is faster.", False),
        ("same", "I'd have to hear it.", False),
        ("compare", "It is faster.", True),
        ("compare", 'Unlike "Lamp Song", it has a flute.', True),
        ("compare", "It is medium-paced.", False),
        ("compare:tempo", "It is faster.", True),
        ("compare:tempo", "The first is slow, this one is fast.", True),
        ("compare:tempo", "Both are slow.", True),
        ("compare:tempo", "It's slow, unlike the other one.", True),
        ("compare:tempo", "No voices cross it.", False),
        ("compare:tempo", "It lives in a major key.", False),
        ("compare:tempo", "It is medium-paced.", False),
        ("compare:tempo", "It has more energy than the other one.", False),
        ("compare:tempo", 'Unlike "Lamp Song", it has a flute.', False),
        ("compare:energy", 'It is louder than "Lamp Song".', True),
        ("compare:energy", "The energy is low.", False),
        ("compare:instrument", "This one has a flute, the other one has none.", True),
        ("compare:instrument", "It has a flute.", False),
    ],
)
def test_who_compares_tells_of_what_was_asked_and_of_both(ask, text, good):
    assert ("intents" in of(text, of_two(ask))) is not good


def test_the_bundled_listener_may_leave_it_to_the_question_that_the_other_is_not_so():
    for ask, text, good in (
        ("compare:instrument", "It has a flute.", True),
        ("compare", "It has a flute.", True),
        ("compare:instrument", "It's slow.", False),
        ("compare:instrument", "Let me see, it's instrumental.", False),
        ("compare:tempo", "It's slow.", False),
        ("same", "It's slower.", False),
    ):
        assert ("intents" in of(text, of_two(ask), by_the_book=True)) is not good, (ask, text)


def test_a_description_tells_no_seconds():
    brief = Brief("assistant", ("description",), asks=("sentence",), about=BLUE, clips=CLIP)
    assert "intents" in of("A slow piano piece in minor, and the piano lasts about 1 second.", brief)
    assert "intents" not in of("A slow piano piece in minor, and the piano lasts.", brief)


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [
        ("instrument:bass", "No, listen, there is no trumpet.", False),
        ("instrument:bass", "No, I don't hear any bass.", True),
        ("instrument:bass", "No, I don't hear any.", True),
        ("instrument:bass", "No, just a piano.", True),
        ("instrument:bass", "No, there is no such thing.", True),
        ("instrument:harp", "No, I don't hear any be heard.", False),
        ("lead:flute", "No, there is no flute.", True),
        ("lead:flute", "No, there are no drums.", False),
        ("vocal:choir", "No, it is slow.", False),
        ("vocal:choir", "No, nobody sings.", True),
        ("key:A major", "No, I don't hear any key.", False),
        ("key:A major", "No, it's in minor.", True),
        ("energy:high", "No, it's quiet.", True),
        ("instrument:drums", "Yes, and it's fast.", True),
        ("instrument", "Affirmative, and no drums on this one.", False),
        ("instrument", "Certainly, there's a piano.", True),
    ],
)
def test_no_denies_what_was_asked_after_and_yes_answers_no_open_question(ask, text, good):
    brief = dataclasses.replace(of_two(ask), before=None, clips=CLIP)
    assert ("intents" in of(text, brief)) is not good


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [("instrument", "There is a synth pad in both.", False), ("tempo", "Both are fast.", False),
     ("together:bell+rain", "Yes, both are heard at the same time.", True), ("instrument", "Both hands of a piano.", True)],
)  # fmt: skip
def test_nobody_answers_of_two_clips_where_one_plays(ask, text, good):
    brief = of_two(ask)
    both = dataclasses.replace(brief, before=None, clips=CLIP), brief
    said = [{fault.message for fault in faults(text, one)} for one in both]
    assert ("one clip plays, and the turn speaks of two" not in said[0]) is good
    assert "one clip plays, and the turn speaks of two" not in said[1]


def test_the_phrase_book_passes_where_it_compares_or_says_whether_it_is_so():
    phrases, questions = (pytest.importorskip(f"mdialog.synth.{name}") for name in ("phrases", "questions"))
    rng, failed, n = random.Random(1), [], 1500
    for i in range(n):
        two = [labels(rng), labels(rng)]
        ask = questions.draw_ask(rng, two[-1], compares=i % 3 == 0)
        brief, clips = of_two(ask, rng.choice(briefs.MANNERS)), two
        if not ask.startswith(("compare", "same", "suits", "which")):
            brief, clips = dataclasses.replace(brief, before=None, clips=CLIP), two[1:]
        text = phrases.say(brief, clips, rng)
        nothing = any(dodge in text.casefold() for dodge in ("not much that", "less than one", "couldn't name", "can't tell"))
        failed += [(ask, text, found)] if (found := faults(text, brief)) and not nothing else []
    assert len(failed) <= 0.01 * n, failed[:5]


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [
        ("lead:bass", "I hear a string section in it.", False),
        ("lead:bass", "There's a bass in it.", False),  # it need not lead
        ("lead:bass", "The bass carries the tune.", True),
        ("lead:bass", "The violin leads.", True),
        ("lead:bass", "No, the violin leads.", True),
        ("lead:bass", "Yes, the violin leads.", False),
        ("lead:bass", "No, the bass carries the tune.", False),
        ("lead:bass", "Yes, there is no bass in it.", False),
        ("instrument:flute", "I hear a string section in it.", False),
        ("instrument:flute", "No flute in it.", True),
        ("instrument:flute", "There's a flute.", True),
        ("instrument:sitar", "Yes yes, there are no sitar in it!", False),
        ("instrument:piano", "Oh yes, there is no piano in it.", False),
        ("instrument:piano", "Yes, and no surprise, there's a piano.", True),
        ("instrument:piano", "Oh no, there's no piano.", True),
        ("mood:calm", "It sounds tense.", False),
        ("genre:jazz", "This is reggae.", False),
        ("tempo:fast", "It's slow.", True),
        ("tempo:fast", "Yes, it's slow.", False),
        ("tempo:very fast", "Yes, it's fast.", True),
        ("mode:major", "Yes, it's in a minor key.", False),
        ("vocal:instrumental", "Right, there are no voices.", True),
        ("vocal:instrumental", "Yes, no voices at all.", True),
        ("vocal:instrumental", "Yes, somebody sings.", False),
        ("vocal:choir", "No voices on this one.", True),
    ],
)
def test_an_answer_is_to_the_value_asked_after_and_agrees_with_itself(ask, text, good):
    brief = Brief("assistant", ("item_attribute_answer",), asks=(ask,), about=BLUE, clips=CLIP)
    assert ("intents" in of(text, brief)) is not good


@pytest.mark.parametrize(
    ("text", "good"),
    [("A slow waltz, minor, with strings and a flute.", True), ("Instrumental, nobody sings.", True),
     ("Slow, strings, slow.", False), ("A slow waltz at a fast tempo.", False)],
)  # fmt: skip
def test_a_description_says_each_thing_once(text, good):
    brief = Brief("assistant", ("description",), asks=("sentence",), about=BLUE, clips=CLIP)
    assert ("repetition" in of(text, brief)) is not good


@pytest.mark.parametrize(
    ("text", "good"),
    [("No, it's rather low-energy.", False), ("Yes, it's low-energy.", True), ("No, it's high-energy.", True), ("Yes.", True)],
)
def test_yes_and_no_agree_with_what_follows(text, good):
    brief = Brief("assistant", ("item_attribute_answer",), asks=("energy:low",), about=BLUE, clips=CLIP)
    assert ("intents" in of(text, brief)) is not good


@pytest.mark.parametrize(
    ("role", "ask", "text", "good"),
    [
        ("user", "event", "What do you hear?", True),
        ("user", "event:siren", "Is there a siren in it?", True),
        ("user", "event:siren", "Is there a bell in it?", False),
        ("user", "onset:siren", "When does the siren start?", True),
        ("user", "onset:siren", "Is there a siren?", False),
        ("user", "onset:siren", "When does it start?", False),
        ("user", "order:bell+siren", "Which comes first, the bell or the siren?", True),
        ("user", "order:bell+siren", "What comes before the siren?", False),
        ("user", "order:bell+siren", "I hear a bell. Is the siren before the siren?", False),
        ("user", "order:bell+siren", "A bell and a siren. Which comes first?", True),
        ("assistant", "event", "A siren, and then a helicopter.", True),
        ("assistant", "event", "It is lovely.", False),
        ("assistant", "event:siren", "Yes.", True),
        ("assistant", "event:siren", "No, there's a siren.", False),
        ("assistant", "event:siren", "I hear no bell, but a siren.", True),
        ("assistant", "onset:siren", "About 4 seconds in.", True),
        ("assistant", "onset:siren", "The siren lasts 4 seconds.", False),
        ("assistant", "onset:siren", "There is no siren.", True),
        ("assistant", "times:gunshot", "Twice.", True),
        ("assistant", "order:bell+siren", "The bell comes before the siren.", True),
        ("assistant", "order:bell+siren", "The bell comes before the bell.", False),
        ("assistant", "together:bell+siren", "No, they overlap.", False),
        ("assistant", "together:bell+siren", "No, one after the other.", True),
    ],
)
def test_questions_about_events_name_them_and_answers_tell_of_them(role, ask, text, good):
    intent = "item_attribute_question" if role == "user" else "item_attribute_answer"
    assert (of(text, Brief(role, (intent,), asks=(ask,), about=BLUE, clips=CLIP)) == set()) is good


@pytest.mark.parametrize(
    ("role", "ask", "text", "good"),
    [
        ("user", "mood", "What mood would you call that?", True),
        ("user", "mood", "Do you hear a siren?", False),
        ("user", "instrument:brass", "Is there a horn section in it?", True),
        ("assistant", "instrument:brass", "Yes, horns.", True),
        ("assistant", "instrument:brass", "No brass, the alarm comes through.", False),
        ("assistant", "tempo", "It's walking-pace.", True),
        ("assistant", "tempo", "It's slow, for about 7 seconds.", False),
        ("assistant", "tempo", "It's slow, as it should be.", True),
    ],
)
def test_sounds_and_times_come_where_they_are_asked_after(role, ask, text, good):
    intent = "item_attribute_question" if role == "user" else "item_attribute_answer"
    assert (of(text, Brief(role, (intent,), asks=(ask,), about=BLUE, clips=CLIP)) == set()) is good


@pytest.mark.parametrize(
    ("ask", "text", "good"),
    [
        ("compare", 'What sets it apart from "Lamp Song"?', True),
        ("compare:tempo", "Is it faster than the last one?", True),
        ("same", "What do the two have in common?", True),
        ("same", "What mood is it?", False),
        ("compare:energy", "What's playing on it?", False),
        ("compare:tempo", "Before it fades, what do you hear?", False),
        ("compare:instrument", "How do the drums sound over the clarinet or the bass?", False),
        ("compare:tempo", "How fast is it, beside the one before?", True),
    ],
)
def test_who_is_to_ask_about_two_clips_does(ask, text, good):
    before = Name("Lamp Song", "Ivo")
    brief = Brief("user", ("item_attribute_question",), asks=(ask,), about=BLUE, before=before, clips=CLIP * 2)
    assert ("intents" not in of(text, brief)) is good


def test_a_sound_that_was_asked_about_just_before_may_be_it(tmp_path):
    plan = plans.plan(tmp_path)
    first, answer = plan.turns[:2]
    turns = [dataclasses.replace(first, intents=("item_attribute_question",), attributes=(), asks=(ask,))
             for ask in ("onset:siren", "times:siren", "times:bell")]  # fmt: skip
    for later, good in ((turns[1], True), (turns[2], False)):
        asked = dataclasses.replace(plan, turns=(turns[0], answer, later))
        brief = Brief("user", ("item_attribute_question",), asks=later.asks, about=BLUE, clips=CLIP)
        assert ("intents" not in of("Does it come in again?", brief, plan=asked, turn_index=2)) is good


def test_words_of_events_are_known_only_where_they_are_asked_about():
    brief = Brief("assistant", ("item_attribute_answer",), asks=("event",), about=BLUE, clips=CLIP)
    assert not of("A helicopter.", brief)
    assert "language" in of("A helicopter.", TALK)


@pytest.mark.parametrize("slip", ["pleasedial", "shirst", "a deserrane evening", "half-scraid"])
def test_who_talks_by_the_book_makes_up_no_words(slip):
    text = f"Thanks for the {slip}, that sounds really good to me."
    assert faults(text, TALK) == []
    assert {fault.check for fault in faults(text, TALK, by_the_book=True)} == {"language", "slips"}


def test_words_of_wishes_and_names_are_no_slips():
    wish = Brief("user", ("add_filter",), new=(Attribute("culture", "Zapotec"), Attribute("artist", "Rhibert Grelm")))
    assert faults("Something Zapotec by Rhibert Grelm, my niece's idea.", wish, by_the_book=True) == []


def test_the_phrase_book_passes_where_it_speaks_of_events():
    happened = pytest.importorskip("test_happenings")
    phrases = pytest.importorskip("mdialog.synth.phrases")
    rng, failed, n = random.Random(8), [], 600
    for i in range(n):
        role, clip = ("user", "assistant")[i % 2], happened.random_clip(rng)
        intent = "item_attribute_question" if role == "user" else "item_attribute_answer"
        ask, manner = happened.happenings.draw_ask(rng, clip.events), rng.choice(briefs.MANNERS)
        brief = Brief(role, (intent,), asks=(ask,), manner=manner, about=BLUE, clips=CLIP)
        text = phrases.say(brief, [clip], rng)
        failed += [(text, found)] if (found := faults(text, brief)) else []
    assert len(failed) <= 0.01 * n, failed[:5]


def test_which_of_two_suits_a_purpose_is_asked_by_name_and_answered_by_a_choice():
    one, two = Name("Lamp Song", "Ivo"), Name("River", "Ana Sol")
    clips = (Clip("t1", 0.0, 10.0), Clip("t2", 0.0, 10.0))

    def found(role, intent, text):
        brief = Brief(role=role, intents=(intent,), asks=("suits:sleep",), about=two, before=one, clips=clips)
        return [f.text for f in faults(text, brief)]

    assert found("user", "item_attribute_question", 'Which suits bedtime better, this or "Lamp Song"?') == []
    assert "suits:sleep" in found("user", "item_attribute_question", 'Which is better, this or "Lamp Song"?')
    for answer in ("This one suits it better.", 'I\'d take "Lamp Song".', "Neither, to my ears.", "Both would do."):
        assert found("assistant", "item_attribute_answer", answer) == [], answer
    assert found("assistant", "item_attribute_answer", "Let me think about it.") == ["suits:sleep"]


@pytest.mark.parametrize(
    "text",
    ["I can't hear any audio.", "I cannot hear it.", "I can't hear you.", "I'm unable to hear.", "I don't have access to it.",
     "I can’t hear it, but it's slow.", "I have no way of hearing it.", "I cannot listen to it.", "No audio was provided.",
     "I wasn't able to, the clip won't play."],
)  # fmt: skip
def test_who_says_that_it_cannot_hear_is_rejected(text):
    for role in ("assistant", "user"):
        assert "phrases" in {f.check for f in faults(text, Brief(role=role, intents=("others",)))}


@pytest.mark.parametrize(
    "text",
    ["I haven't got it here to listen to", "I don't have it in front of me", "I haven't heard it yet", "I’ve never heard it",
     "Without hearing it, I can't tell", "I'd have to hear it first", "I only have the title", "Going by the title"],
)  # fmt: skip
def test_who_recommends_says_nothing_of_what_was_not_heard(text):
    brief = Brief(role="assistant", intents=("others",))
    assert not {"voice", "phrases"} & {f.check for f in faults(f"{text}.", brief)}
    for states in (". It's instrumental all the way here.", ", but there is a flute.", ": I'd say it's slow."):
        assert "voice" in {f.check for f in faults(text + states, brief)}
        assert not {"voice", "phrases"} & {f.check for f in faults(text + states, Brief(role="user", intents=("others",)))}


@pytest.mark.parametrize(
    "text",
    ["I can't hear any siren in it.", "I can't hear a flute.", "I can't listen to metal today.", "I don't hear it.",
     "I don't have the patience to listen to long songs.", "I haven't heard a better flute.", "Heidi can't hear enough of it."],
)  # fmt: skip
def test_what_is_not_heard_in_a_track_may_be_said(text):
    for role in ("assistant", "user"):
        assert not {"phrases", "voice"} & {f.check for f in faults(text, Brief(role=role, intents=("others",)))}, role


def test_a_name_that_goes_on_after_a_point_is_another_name():
    one = Name("Study", "Endless Notebook")
    brief = Brief(role="assistant", intents=("passive_recommend",), offered=(one,), about=one, clips=(Clip("t1", 0.0, 10.0),))

    def found(text):
        return {f.check for f in faults(text, brief)}

    assert "names" in found('"Study" by Endless Notebook.dial is fast.')
    assert found('"Study" by Endless Notebook. It is fast.') == found('I have "Study" by Endless Notebook.') == set()


def test_nobody_says_of_one_track_that_it_is_so_and_that_it_is_not():
    one, two = Name("Lamp Song", "Ivo"), Name("River", "Ana Sol")
    clips = (Clip("t1", 0.0, 10.0),)
    brief = Brief(role="assistant", intents=("passive_recommend",), offered=(one, two), about=one, clips=clips)

    def found(text, brief=brief):
        return [f.text for f in faults(text, brief) if f.check == "agreement"]

    assert found('Here is "Lamp Song" by Ivo. Drums keep it moving, and there are no drums.') == ["drums"]
    assert found('Here is "Lamp Song" by Ivo. Drums keep it moving.') == []
    assert found('"Lamp Song" by Ivo has drums, "River" by Ana Sol has no drums.') == []  # of two tracks
    both_play = dataclasses.replace(brief, before=two)
    assert found("The first has drums, the second has no drums.", both_play) == []
    assert found("Both have drums, but the first has no drums.", both_play) == ["drums"]


@pytest.mark.parametrize(
    ("asks", "text", "good"),
    [
        (("compare",), "How does the tempo compare with the last one?", False),
        (("compare",), "How do the two compare?", True),
        (("compare:tempo",), "How does the tempo compare with the last one?", True),
        (("course",), "What's the time signature?", False),
        (("key",), "Is it major or minor?", True),
        (("mode",), "Which key is it in?", True),
        (("tempo:fast",), "Is it fast?", True),
        (("instrument", "tempo"), "What plays, and what's the tempo like?", True),
        (("instrument",), "I like the tempo. What plays there?", True),
        (("instrument",), "What genre is that?", False),
    ],
)
def test_a_question_asks_after_what_it_is_to_ask_and_nothing_else(asks, text, good):
    brief = Brief("user", ("item_attribute_question",), asks=asks, about=BLUE, before=RIVER, clips=CLIP * 2)
    assert ("intents" not in of(text, brief)) is good


def test_the_phrase_book_asks_after_nothing_else():
    from mdialog.checks import _asks_elsewhere
    from mdialog.utterance import Utterance

    asked = [(text, brief) for text, brief in phrase_book(1500, seed=3) if "item_attribute_question" in brief.intents]
    assert len(asked) > 40 and not [text for text, brief in asked if _asks_elsewhere(Utterance(text, brief))]


def test_the_second_one_is_no_time():
    answer = Brief("assistant", ("item_attribute_answer",), asks=("compare:tempo",), about=BLUE, before=RIVER, clips=CLIP * 2)
    assert "intents" not in of("The second one is faster than the first.", answer)
    assert "intents" in of("It is faster at second one.", answer)


@pytest.mark.parametrize("name", ['like "River"', "like River", "like Ana Sol", 'like "River" by Ana Sol'])
def test_a_track_that_plays_ahead_is_not_named(tmp_path, name):
    plan = plans.looks_ahead(plans.plan(tmp_path))
    brief = briefs.build(plan, 2, ["One.", "Two."])
    assert faults("Lovely, now something slow with drums, please.", brief, plan=plan, turn_index=2) == []
    assert "names" in of(f"Lovely, now something slow {name}, please.", brief, plan=plan, turn_index=2)


def test_sound_ahead_of_no_clip_is_not_spoken_of(tmp_path):
    plan = plans.looks_ahead(plans.plan(tmp_path))
    brief = dataclasses.replace(briefs.build(plan, 2, ["One.", "Two."]), clips=(), about=None)
    assert "attributes" in of("Lovely, now something slow with a flute, please.", brief, plan=plan, turn_index=2)
