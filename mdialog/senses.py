"""What a word claims where it stands: "slow" of a track, a solo, a person or a roll of drums, denied or compared.

A word of :mod:`mdialog.claims` speaks of sound only in some of its senses; the words around it, read with
:mod:`mdialog.clauses` and the lists of claims.toml, tell in which.
"""

import re

from mdialog import clauses
from mdialog.leads import leads, leads_not

Sense = tuple[str, str, bool, str | None]  # kind, value, whether it is there, comparison

# Kinds that speak of a track as a whole: said of one instrument or of a voice they claim nothing about the track.
_OF_WHOLE = {"energy", "loudness", "brightness", "density", "course", "mode"}
# Kinds that carry over from a part to the track, but not from anything else.
_OF_PART = {"tempo", "mood", "genre"}
# The pole that "more" points to; a comparison by the other pole turns round.
POLES = {"tempo": "fast", "energy": "high", "loudness": "loud", "brightness": "bright", "density": "dense"}
_TURNED = {"more": "less", "less": "more", "same": "same"}
REACH = 300  # letters on either side of a word that can change what it claims

_NOT_OF_TEMPO = re.compile(
    rf"^(?: little)? (?:(?!(?:{clauses.any_of('stop')}"
    rf"|{clauses.any_of('whole')})\b)\w+ ){{0,2}}?{clauses.any_of('quick')}", re.I
)
_NUMBERED = re.compile(r"\d|\b(?:bpm|beats?)\b", re.I)  # a tempo that is counted
_RAPPED = re.compile(
    r"\bstrumm(?:ed|ing)(?: \w+ly| an? \w+)? $|\b(?:rap|vocals?|rapping|runs?|licks?|chords?|strumming)(?: vocals?)?"
    r" (?:is|are)(?: \w+)? $", re.I
)
_ADVERB = re.compile(r"(?<!live)(?<!treb)ly$|^(?:twinkl|sparkl|shimmer|glitter|glisten|gleam|glint)e?s$", re.I)
_DROP = re.compile("drop", re.I)  # as a noun: "prepares an energetic drop"
_IN_Y = re.compile(r"(?!country)\w+y", re.I)  # "jazzy drumming" is no genre of the track
_NAMED_WHOLE = re.compile(r"energy(?! \w)", re.I)  # "high energy, drums": speaks of no drums
_BESIDE_A_THING = re.compile(r" (?:guest|movie|film|novel|stor|train|motor|ride|issue|manage)", re.I)  # "a mystery guest"
_WARM_SOUND = re.compile(
    r"\b(?:the|its) (?:sound|recording|quality|audio|tone|mix|timbre) (?:is|sounds)\b[^.;:!?]*$", re.I
)
_OF_CHORDS = re.compile(  # "the opening chord is E minor"
    r"\bchords? (?:is|are|moves?|goes|go|changes?|alternates?)\b(?:(?!,| and the| but | in )[^.;:])*$", re.I
)
_IS_NOT = re.compile(  # "loud it is not"
    r" (?:it|this|that|they|there) (?:(?:is|are|was|were) not|isn't|aren't|wasn't|ain't)\W*(?:$|[.,;])", re.I
)
_SLOW_TO_DO = re.compile(  # "quick to reply"
    r" to (?!(?:begin|start) with|\w+(?: asleep)? to\b"
    r"|the\b|an?\b|me\b|my\b|mid|med|mod|fast|slow|very|dance|sing|play)\w+", re.I
)
_NO_MORE = re.compile(r"\bno $|\b(?:not|never|\w+n't)(?: \w+)? $", re.I)  # "no louder", "never quite as fast"
_ONE_IS = re.compile(  # who is slow today
    r"\b(?:i'm|i am|i was|you're|we're) (?:(?:an?(?: (?:bit|little))?|too|so|just) )?$", re.I
)
_TAUGHT = re.compile(r"\b(?:about|teach\w*|practi[sc]\w+|explain\w*|learn\w*|teacher playing)(?: the| an?| of)* $", re.I)
_TOPIC = re.compile(rf"{clauses.any_of('topic')}(?: the| an?| his| her)* $", re.I)
_OCCASION = re.compile(
    r"\b(?:i'm|i am|i was|(?:makes?|made|leaves?|left|keeps?|gets?|puts) (?:me|us|you)|you're|i feel|feeling(?! of)"
    r"|for an?|during an?|at an?|such as|like an?|(?:me|you|us|one|listeners?) in(?:to)? an?) (?:\w+ )?$",
    re.I,
)
_OF_PEOPLE = re.compile(
    r" (?:(?!voiced?\b|sounding\b)\w+ )?(?:m[ae]n|wom[ae]n|people|person|kids?|children|guys?|fans?|crowd|audience"
    r"|(?:kings?|queens?|hero(?:es|ines?)?|lovers?)\b(?! (?:song|track|piece|tune|theme)))\b"
    r"(?!'s| (?:is |are |was |were )?(?:\w+ly )?(?:sing|voice|vocal|chant|rap|croon|choir))", re.I
)
_PEOPLE_ARE = re.compile(
    r"\b(?:audience|crowd|people|fans|listeners) (?:looked|looks?|were|was|are|is|felt|seemed?)(?: \w+)? $", re.I
)
_FEELINGS = re.compile(r" (?:up )?(?:suspense|tension|anticipation|excitement|fear)", re.I)
_FEELING_BEFORE = re.compile(r"\b(?:suspense|tension|anticipation|excitement|fear) $", re.I)
_OBJECT = re.compile(
    r" into (?:an?|the) (?:section|verse|chorus|bridge|part|groove|beat|loop)\b|"
    r"(?:(?: (?:wholly|entirely|largely|mainly|mostly|solely|purely))? (?:on(?= \w)|where)|(?: \w+ly)? (?:into (?!an?\b"
    r"|the\b|silence|nothing)|asleep|short|flat|apart|behind(?! it)|new))\b"
    r"|(?: on)? the (?!way\b|whole|last|entire|first|second|more|energy|volume|level|intensity|dynamics|music|sound|track"
    r"|song|mood"
    r"|end|start|middle)\w"
    r"| (?:an?|my|our|your|his|her|their) (?!crescendo|climax|peak|awful|bit|little|lot|touch|whisper)",
    re.I,
)
_A_NOUN = re.compile(rf"\b(?:an?|the|no)(?: (?!{clauses.A_PART})\w+)? $", re.I)
_A_VERB = re.compile(r"^\w+s\b|^(?:get|becom|grow)", re.I)
_BECOMES = re.compile(
    r"\b(?:gets?|getting|got|becom\w+|became|grows?|growing|grew)(?: (?:\w+ly|even|much|a bit|and|\w+er))* $", re.I
)
# What rises or drops in pitch, or in tempo, has no course.
_OF_PITCH = re.compile(
    r" (?:and (?:falling|rising|climbing) )?(?:in (?:pitch|tempo|speed)|(?:\w+ )?(?:melod\w+|pitch|lines?|notes?|scales?|tunes?"
    r"|phrases?|intervals?|patterns?|arpeggi\w+|harmon\w+|figures?))\b"
    rf"|(?:ing)? of (?:\w+ ){{0,2}}?{clauses.A_PART}",
    re.I,
)
_PITCHED = re.compile(
    r"\b(?:melod(?:y|ies)|tune|lines?|notes?|scale|harmon(?:y|ies)|chords?|pitch|range|register|key)\b[^.;:!?,]*$", re.I
)
_MOVES = re.compile(r"r[io]s|f[ae]ll|climb|drop|sink|descend", re.I)
_CHANGED = re.compile(r"\b(?:tempo|pace|speed|pitch|beat)(?:'s| is)?(?: (?:\w+ly|then|never|hardly|always|soon|just))* $", re.I)
# "More drums!" wishes; "more drums than before" tells.
_BARE_MORE = re.compile(
    r"^\W*(?:(?:a|some|just|only|even|little|bit|lot|much|far|way|and|maybe) )*(?:more|less|fewer) (?:\w+ )?$", re.I
)
# What only sounds like it: "chanting like a choir", "a synth that imitates a flute", "a flute-like sound".
_LIKENED_TO = re.compile(
    rf"{clauses.any_of('likened')} (?:(?!and\b|the\b)\w+ ){{0,2}}(?:or (?:an? )?(?:\w+ )?)?(?:\w+/)?$", re.I
)
_LIKE = re.compile(
    r" -?(?:like|sounding)(?: sounding)? (?:sound|instrument|tone|timbre|pad|synth|effect|lead|noise|voice|sample)s?\b", re.I
)
_AGAINST = re.compile(r"\b(?:than|before|time|here|now|last|too)\b", re.I)
_OWNED = re.compile(r"\b(?:my|your|our) (?:(?!favou?rite)\w+ )?$", re.I)  # things, not sounds
_FINGERED = re.compile(
    r"\b(?:pick|pluck|strumm|scrap|slapp|hitt|touch|mut|bend)ing (?:of )?(?:the |on the )?$"
    r"|\b(?:fingers?|hands?|nails?|pick)\b[^.;:!?,]{0,25} the $"
    r"|\b(?:guitar|banjo|violin|cello|nylon|steel|metal|open|loose) $", re.I
)
_OF_ONE = re.compile(rf" (?:creak|squeak|rattl|snap|break)\w*| of (?:the|an?|his|her|its) (?:\w+ )?{clauses.A_PART}", re.I)
_ELSEWHERE = re.compile(
    r" in (?:this|that) (?:pub|bar|room|office|cafe|kitchen|train|club|gym|shop)\b(?! (?:track|song|tune|mix))| of (?:an?"
    r"|war|my|your"
    r"|the (?:state|church|government|party))\b| at (?:home|school|church|weddings|parties|funerals)\b"
    r"| at work\b| could have been\b"
    r"| (?:in|with|for|at) (?:an?|my|his|her|their|our)(?: \w+(?:'s)?)* (?:band|orchestra|group|quartet|school|church)\b"
    r"| (?:on|in) (?:another|the (?:other|next|original|live)) (?:version|album|record|take|song|track)\b"
    r"| (?:(?:is|are|was|were) )?(?:in|at|from) (?:my|our|your|his|her|their|the (?:corner|drawer|attic|shop|window|church))\b",
    re.I,
)
_OF_TIMBRE = re.compile(r"\b(?:sound|recording|quality|audio|tone)s?\b[^.;:!?]*$", re.I)  # what sounds thin is not sparse
_TO_TASTE = re.compile(r" (?:is|was|isn't|wasn't|ain't)(?: \w+){0,2} (?:my|your|his|her|their)\b", re.I)
_FOR_A = re.compile(r"\b(?:for|at|during|from) (?:(?:an?|the) )?(?:\w+ )?$", re.I)
_EVENT = re.compile(
    r" (?:dances?|documentar\w+|magazine|party|parties|festival|concert|scene|film|show|bar|gig|wedding|class|club)\b", re.I
)
_AS_SUCH = re.compile(  # a genre as the bare subject of a sentence: "Reggae always cheers me up"
    r" (?:(?:always|never|really|just|usually|often|still|music) )*(?:is(?! what)|isn't|runs in|was|wasn't|has|had|will"
    r"|would|can|can't"
    r"|does|doesn't|came|comes|died|lives|began|makes?|gives?|leaves?|brings?|bores?|cheers?|helps?|relaxes|calms|changed)\b",
    re.I,
)
_MISSING = re.compile(  # told after the word; what never comes in before something else does come in
    r": (?:none|no)\b|,? there (?:is|are) none\b| ha(?:s|ve) (?:vanished|disappeared)\b|, (?:there|it) (?:isn't|aren't"
    r"|is not|are not|hasn't got|hasn't"
    r"|doesn't have) (?:one|any)\b"
    r"| (?:(?:is|are|was|were|ha(?:s|ve) been) (?:\w+ly )?(?:missing|absent|omitted|left out|removed|stripped (?:away|out)"
    r"|non ?existent|nowhere|gone|vanished|disappeared|lacking(?=\W*$|[.,;])|conspicuous by|out\b(?! in))|(?:is not|are not"
    r"|isn't|aren't)"
    r"(?:\W*$|(?: \w+)? (?:there|here|present|in|on|playing|used|heard|included|featured|part|audible|around|involved)\b)"
    r"|free\b|less(?=\W*$|[,.;]))"
    r"| (?:(?:is|are) )?(?:never|(?:do|does|did)(?:n't| not)(?: (?:ever|actually|even))?)"
    r" (?:(?:comes?|joins?|kicks?) in|enters?|arrives?|appears?|(?:shows?|turns?) up|materiali[sz]es?|makes? an appearance"
    r"|plays?(?=\W*$|[,.;]| (?:here|at all|on this|a note)\b))\b(?! (?:too|so|as|with|back|over|like)\b)"
    r"(?![^.;:!?]*\b(?:until|till|before)\b)", re.I
)
_SINGS_ITSELF = re.compile(  # an instrument that "really sings"
    r"\b(?:guitars?|violins?|fiddles?|cellos?|sax\w*|flutes?|clarinets?|oboes?|trumpets?|pianos?|organs?|harmonicas?"
    r"|accordions?"
    r"|strings|bass)(?: (?:really|just|almost|nearly|simply|absolutely|truly|positively|practically|that|which))* $", re.I
)
_BACKED = re.compile(r"\b(?:vocals? and|playback|(?:in|to|behind) the) $")
_AS_SUBJECT = re.compile(  # "the instrumental is": what is under a voice
    r" (?:is|are|was|sounds?|feels?|has|have|consists?)\b", re.I
)
_BENEATH = re.compile(r"\b(?:of|over) (?:an?|the) $", re.I)
_UNDER_A_VOICE = re.compile(
    r"(?: playing| beat| track| cover)?(?:\W*(?:$|in the background)| that (?:consists|features|contains|is)\b)"
)
_BACKING = re.compile(  # a part that nobody sings
    r" (?:backing|factors?|elements?|layers?|parts?|sections?|accompaniment|breaks?|interludes?)\b", re.I
)
_AT_TIMES = re.compile(r"\b(?:when|whenever|where|while|until) (?:he|she|they|it|the)\b[^.;:!?,]*$", re.I)
_SINGS_NOT = re.compile(
    r"\b(?:voices?|singers?|vocalists?|wom[ae]n|m[ae]n|he|she) (?:do|does|did)(?:n't| not)(?: \w+)? $", re.I
)
_SPOKEN = re.compile(
    r" out the\b|(?: (?:can be heard|is|are|was|were|being|being heard|starts?(?: to)?|begins?(?: to)?|that|who))*(?: \w+ly)?"
    rf" {clauses.any_of('spoken')}", re.I
)
_SPEAKS = re.compile(rf"{clauses.any_of('speaks')} $", re.I)
_VERSION = re.compile(r" (?:version|cover|take|remix|rendition|arrangement) of\b", re.I)  # of what is not heard
_DREARY = re.compile(  # with these beside it, it is the mood that is dark
    r"(?:,? ?(?:and )?\w+){0,3}?,? ?(?:and )?"
    r"(?:sinister|scary|grim|bleak|dreary|ominous|menacing|serious|dangerous|creepy|eerie)\b"
    r"|,? (?:and )?(?:mysterious|suspenseful|haunting|gloomy|moody|calming)\b", re.I
)
_DREARY_BEFORE = re.compile(
    r"\b(?:sinister|scary|grim|bleak|ominous|menacing|creepy|eerie|mysterious|suspenseful)(?:,| and) $", re.I
)
_OF_MOOD = re.compile(
    r"\b(?:mood|vibes?|atmosphere|feel|feeling)\b[^.;,]*\b(?:is|are|was|gets|stays|turns)(?: \w+)? $"
    r"|\b(?:mood|vibe|atmosphere|feel)'s(?: \w+)? $", re.I
)


def read(text: str, start: int, kind: str, value: str, at: tuple[int, int], comparison: str | None) -> Sense | None:
    """What a word claims where it stands, or None.

    Parameters
    ----------
    text : str
        Up to the end of what is stated; `start` is where that begins.
    start : int
    kind, value : str
        What the word means by itself.
    at : (int, int)
        Where it stands.
    comparison : {'more', 'less', 'same'} or None

    Returns
    -------
    (kind, value, present, comparison) or None
    """
    before, after = text[max(start, at[0] - REACH) : at[0]], text[at[1] : at[1] + REACH]
    if _says_nothing(kind, text[slice(*at)], before, after):
        return None
    if comparison and re.search(r"\bcould(?:n't| not) be $", before, re.I):
        return kind, POLES.get(kind, value) if comparison == "more" else _FAR_ENDS[kind], True, None
    if comparison and (clauses.beyond_measure(after) or clauses.within_track(before, after) or _VERSION.match(after)):
        return None
    present = not (_NO_MORE.search(before) if comparison else clauses.denied(before))
    if not comparison and kind in _COMPARABLE and not value.isdigit():
        quality = not _A_THING.search(kind + text[slice(*at)])
        comparison = clauses.compared(before, after, quality=quality and kind != "genre")
        if kind == "genre" and not clauses.BESIDE_A_TRACK.search(after):
            comparison = None
        if comparison:
            present = not re.search(r"\bno (?:more|less) $", before, re.I)
            if kind in POLES:
                comparison = comparison if value in (POLES[kind], "very fast") else _TURNED[comparison]
                value = POLES[kind]
    if value == "dark" and text[slice(*at)].lower() == "dark" and (
        _OF_MOOD.search(before) or _DREARY.match(after) or _DREARY_BEFORE.search(before)
    ):
        kind, value = "mood", "mysterious"
    present = present and not _IS_NOT.match(after)
    if kind == "vocal":
        return _vocal(value, present, before, after)
    if kind == "instrument":
        if leads(before, after):
            unmatched = re.search(r"\boutshine (?:an?|the) $", before, re.I)
            kind, present = "lead", bool(unmatched) or present and not leads_not(after)
        present = present and not _MISSING.match(after) and not text[slice(*at)].endswith("less")
    return kind, value, present, comparison


# "More tension" needs something to be compared with, "tenser" does not.
_A_THING = re.compile(
    r"^instrument|(?:ion|ness|suspense|mystery|joy|sorrow|gloom|melancholy|nostalgia|euphoria|triumph|anger|menace"
    r"|urgency)$", re.I
)
_COMPARABLE = {"energy", "loudness", "brightness", "density", "tempo", "mood", "genre", "instrument"}
_FAR_ENDS = {"tempo": "slow", "energy": "low", "loudness": "quiet", "brightness": "dark", "density": "sparse"}


def _says_nothing(kind: str, word: str, before: str, after: str) -> bool:
    """Whether a word does not speak of a track where it stands."""
    of_track = kind == "mode" and (" " in word or before.endswith(" in "))  # no instrument is in major
    if kind in _OF_WHOLE | _OF_PART and not of_track and not _NUMBERED.search(word):
        noun = not _A_VERB.search(word) and _A_NOUN.search(before)
        verb = kind == "course" and not noun or kind in _OF_WHOLE and _as_verb(word, before, after)
        if noun and _DROP.fullmatch(word):
            return True
        bare = _A_THING.search(kind + word) and not _BESIDE_A_THING.match(after) or _NAMED_WHOLE.search(word + after[:2])
        whose = clauses.described(before, "" if bare else after, verb=verb)
        if kind == "genre" and whose == "part" and _IN_Y.fullmatch(word):
            return True
        if whose == "other" or whose == "part" and kind in _OF_WHOLE:
            return True
    if kind == "tempo":
        becomes = word.endswith("er") and _BECOMES.search(before)  # a change of tempo is no tempo
        of_other = _SLOW_TO_DO.match(after) or _NOT_OF_TEMPO.match(after) or _RAPPED.search(before) or _ONE_IS.search(before)
        return bool(of_other or becomes)
    if kind == "mood" and word.lower() == "warm" and _WARM_SOUND.search(before):
        return True
    if word.lower() == "thin" and _OF_TIMBRE.search(before):
        return True
    if kind == "mood":
        return bool(_OCCASION.search(before) or _OF_PEOPLE.match(after) or _PEOPLE_ARE.search(before))
    if kind == "density" and _SLOW_TO_DO.match(after):  # "too busy to listen"
        return True
    if kind in ("density", "loudness") and _ELSEWHERE.match(after):
        return True
    if kind == "course":
        of_pitch = _OF_PITCH.match(after) or _PITCHED.search(before) and _MOVES.match(word) or _CHANGED.search(before)
        of_other = _FEELING_BEFORE.search(before) or before.endswith(("~ ", " like "))  # "my energy" is a figure of speech
        return bool(of_pitch or of_other or _FEELINGS.match(after) or _OBJECT.match(after))
    if kind in ("instrument", "vocal") and (
        _LIKENED_TO.search(before) or _LIKE.match(after) or _BARE_MORE.search(before) and not _AGAINST.search(after)
    ):
        return True
    if kind == "vocal" and word.lower().startswith("sing") and _SINGS_ITSELF.search(before):
        return True
    if kind == "instrument":
        if word.lower() == "strings" and (_FINGERED.search(before) or _OF_ONE.match(after)):
            return True
        return bool(_OWNED.search(before) or _ELSEWHERE.match(after) or _TOPIC.search(before))
    # "more jazz than rock", "less a rock song than", "less minor than it seems"
    beside = {"genre": r"\bthan (?:an? )?$|(?<!or )\bless an? $", "mode": r"\b(?:less|more) $"}.get(kind)
    if beside and re.search(beside, before, re.I):
        return True
    if kind == "genre" and _FOR_A.search(before) and _EVENT.match(after):
        return True
    if kind == "genre" and (_TO_TASTE.match(after) or not re.search(r"\w", before) and _AS_SUCH.match(after)):
        return True
    if kind in ("mode", "key") and _OF_CHORDS.search(before):
        return True
    return kind in ("mode", "key", "genre") and bool(_TAUGHT.search(before))


def _as_verb(word: str, before: str, after: str) -> bool:
    """Whether a word tells what its subject does: "played loudly", "a celesta twinkles", "trumpets blaring"."""
    ends = re.search(r"\w $", before) and not re.match(r" \w", after)
    return bool(_ADVERB.search(word) or ends and word.lower().endswith("ing"))


def _vocal(value: str, present: bool, before: str, after: str) -> Sense | None:
    """A claim about voices: "no singing" is instrumental; an instrumental that someone sings over is none."""
    if value == "voice" and (not present or _MISSING.match(after)):
        if _AT_TIMES.search(before) or _SINGS_NOT.search(before) and re.match(r" (?!here|at all|on|in|at|once)\w", after):
            return None
        value, present = "instrumental", True
    backing = _BACKED.search(before) or re.search(r"\bthe $", before, re.I) and _AS_SUBJECT.match(after)
    if value == "instrumental" and backing:
        return None
    under = value == "instrumental" and re.search(r"\b(?:an?(?: simple)?|the|over an?(?: \w+)?|quiet|covering|this) $", before)
    if under and (_UNDER_A_VOICE.match(after) or _BENEATH.search(before)) and re.search(r"sing|vocal|voice|over", before):
        return None
    if _SPOKEN.match(after) or _SPEAKS.search(before) if value == "voice" else _BACKING.match(after):
        return None
    return "vocal", value, present, None
