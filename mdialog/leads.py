"""Which instrument leads: "the flute carries the tune", "the theme is played on a violin, a flute and an oboe".

A part of the small grammar of English in :mod:`mdialog.clauses`, with the word lists of ``claims.toml``.
"""

import re

from mdialog.clauses import A_PART, any_of, last_match

_GAP = (
    rf"(?:(?: an?(?: \w+){{1,2}},(?= (?!{A_PART})\w+ (?:melod|tune|theme|solo)))?"
    rf" (?!chords?(?! melod)|riffs?|arpeggio(?! melod)|counter"
    r"|back(?!ground)|shadow(?:s|ed|ing)\b|rhythms?\b|under|over|behind"
    r"|with(?! the\b)|while|to\b(?! (?:play|be))|of\b|for\b|but\b|along|support|accompan"
    r"|(?:doubl|echo|mirror|answer|decorat|follow|harmoni[sz])(?:e?s|ed)?\b"
    r"|(?:vocals?|voice|singer|sung|flute|violin|cello|trumpet|oboe|clarinet|piano|sax\w*|organ|harp|banjo"
    r"|sitar|horn|box)(?:'s)?\b"
    r"|and(?! (?!synth)[\w']+ (?:(?:lead|main) )?(?:melod|tune|theme|solo)))[\w']+)"
)
_ASIDE_OF_LEAD = (
    rf"(?: that (?:was|is))?(?:, (?!(?:\w+ ){{1,2}}{A_PART})"
    r"(?:(?:which|who|that|muted|plucked|bowed|distorted|\w+ly|played|playing|panned)\b)[^,.;:]{0,40},)?"
)
_WITH_EFFECTS = (
    r"(?: panned to the \w+(?: side)?(?: of the (?:speakers?|mix|stereo image))?)?"
    r"(?: with(?: an?| a lot of| some)?(?: \w+){0,2} (?:effects?|distortion|reverb|delay)(?: on)?)?"
)
_JOINED = (  # both lead
    rf"(?:(?:, (?:the |an? )?{A_PART})*,? and (?:the |an? )?(?:\w+ ){{0,2}}{A_PART}(?: sections?)?"
    r"(?= (?:are|come|play(?:ing)?|carry|share|take|have|sing|provide|toss|trade|swap|pass"
    r"|lead(?=\W*$|[.;]| (?:the|it|this|here|together)\b))\b)"
    r"|(?:/\w+)+)?"
)
_LEADS = re.compile(
    rf"^(?:, not (?:the |an? )?\w+(?: \w+)?,)?{_ASIDE_OF_LEAD}{_JOINED}"
    r"(?:'s(?= the| got| right| up| out| in front))?(?:,? (?:that|which|who))?"
    r"(?: (?:is|are|was|has been|\w+n't|not|no longer|does|\w+ly|(?:appears?|seems?) to))*"
    rf"(?: {any_of('leads')}|{_WITH_EFFECTS}(?:'s| (?:melod|solo|theme|lead|tune))?{_GAP}{{0,8}}? {any_of('melody')}\b"
    r"(?! and harmon(?:y|ies)\b))",
    re.I,
)
_LED_BY = re.compile(
    rf"{any_of('melody')}(?: (?:is|are|being|was|played|carried|performed|sung))* (?:on|by)(?: an?| the| some)?"
    r"(?: \w+)?$", re.I
)
_LED = re.compile(
    rf"(?:(?<!counter ){any_of('melody')}(?:'s)?"
    r"(?: (?!(?:and|under|over|above|backed|accompanied|supported|shadowed|alongside|followed|joined|with a|while|along|as|when"
    r"|there|then|together|against|behind)\b)\w+){0,5}?"
    rf" (?:on|in|from|by|to|for|is|'s)|(?<!counter ){any_of('melody')}'s (?:on|in)"
    r"|(?<!backing is )(?<!rhythm is )(?<!harmony is )\b(?:led|carried|fronted|doubled) by"
    r"|\b(?:lead(?:ing)?|melodic)(?: instruments?(?: here)? (?:is|are))|\blead(?:ing)?|\bwhat you follow is"
    r"|\boutshine|\bon top (?:of it all )?sits"
    r"|\ball about"
    r"|\b(?:everything|it all|the (?:whole )?tune) rests on|\bin the foreground[:,]?|\btune (?:there is )?comes from"
    r"|\bin front (?:stands|sits|is|comes)|\b(?:melody|tune|theme|lead):)"
    r"(?: what (?:sounds|seems|appears)(?: to be| like))?(?: an?| the| some)?(?: \w+ layers of)?"
    r"(?: (?!(?:and|with|under|over|by|no|while|as|when|then|that|of|in|to|on|the|an?|is|are)\b)\w+){0,2}\s*$",
    re.I,
)


_ITEM = rf"(?: (?!on\b|by\b|with\b)\w+)? {A_PART}"
_SECOND = re.compile(
    rf"(?:{_ITEM}(?: \w+)?(?:, and|,| and)(?: an?| the)?"
    r"(?: (?!with\b|over\b|under\b|while\b|then\b)\w+(?: of)?)?)+ $", re.I
)
_LIST_ENDS = re.compile(
    rf"(?:(?:, and|,| and)(?: an?| the)?{_ITEM})*(?:\W*$|[.,;]| (?:in|with|over|at|while|along\w*|accompanied)\b)", re.I
)


def leads(before: str, after: str) -> bool:
    """Whether an instrument between these words is said to lead, alone or with another: "played on the flute and the oboe"."""
    if _LEADS.match(after) or _LED.search(before):
        return True
    first = _LIST_ENDS.match(after) and last_match(_SECOND, before)
    return bool(first and _LED_BY.search(before[: first.start()]))


def leads_not(after: str) -> bool:
    """Whether what follows an instrument denies that it leads: "doesn't carry", "is not in front"."""
    return bool(re.match(r"(?: (?:that|which|is))? (?:\w+n't|not|no longer|never|hardly|barely|scarcely)\b", after, re.I))
