"""Where the web addresses in a text are, and how far they reach. Only http and https are addresses.

linkify-it knows how far an address reaches in plain English text. Here it is told where one may begin and where one
ends at the latest, for the writing of other languages and for what somebody puts around an address.
"""

import ipaddress
from collections.abc import Iterator

import regex
from linkify_it import LinkifyIt

_links = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
# Right behind any letter, for many scripts know no blanks between words; `www.` only where a word begins.
_BEGIN = regex.compile(r"https?://|(?<![\p{Latin}\p{N}.@/:-])(?<![\p{Latin}\p{N}]_)www\.(?=[^.\s])", regex.IGNORECASE)
# Quotation marks, brackets and whatever ends a sentence, of all scripts but our own (linkify-it weighs those); what
# turns the writing over or cannot be seen, aside from joiners within words and what chooses the look of a character.
_END = regex.compile(
    r"(?![\x21-\x7e])[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Quotation_Mark}\p{Terminal_Punctuation}\p{Z}\p{Cc}\p{Bidi_Control}"
    r"\u2014\u2015\u2025\u2026\u22ef\u2e3a\u2e3b\u301c\uff5e\uff5c"
    r"\ufff9-\uffff\u2800]|[<>]|(?![\u200c\u200d\p{Variation_Selector}])\p{Default_Ignorable_Code_Point}"
)
_TRAILING = regex.compile(r"(?r)(?:[.,:;!?]|(?![\x21-\x7e])[\p{Po}\p{Pd}])+$")  # from the right, once
_OPENED = {  # marks that people put around words, where they begin
    mark: regex.compile(rf"(?:^|[\s\p{{P}}\p{{S}}]){regex.escape(mark)}") for mark in "*_~`|"
}
_AFTER = ".,;:!?)]}'\""  # that may follow such a mark
MAX_BEFORE = 200  # characters in front of a link in which a mark around it may begin
_IPV6 = regex.compile(r"//\[([0-9A-Fa-f:.]{2,45})\]")
_ROOT = regex.compile(r"//[^/?#:@\s]*[^/?#:@.\s]\.(?=[:/?#])")  # a host's name with the dot of the root behind it
_HOST = regex.compile(r"[^/?#]*")
MAX_HOST = 320  # characters: 253 of a name, and what may stand around it
_TLD = regex.compile(r"\.[a-z]{2,}(?=[^\x00-\x7f])", regex.IGNORECASE)
_NAMED = regex.compile(r"www\.[^.@/?#:]+(?:\.[^.@/?#:]+)*\.\p{L}[^.@/?#:]+(?=[:/?#]|$)", regex.IGNORECASE)


def begins_in(text: str) -> list[int]:
    """Where addresses may begin."""
    return [found.start() for found in _BEGIN.finditer(text)]


def addresses(text: str, begins: list[int]) -> Iterator[tuple[int, int, str]]:
    """Where each link begins and ends, and its address."""
    end = 0
    for begin in begins:
        if begin < end:  # an address within another
            continue
        if address := _address(text, begin):
            end = begin + len(address)
            yield begin, end, address if "://" in address[:8] else f"http://{address}"


def _address(text: str, begin: int) -> str:
    """The address that begins there, as it was typed; empty where there is none. A top-level domain is of one script:
    what follows it without a blank is the next word."""
    stop = _END.search(text, begin)
    raw = text[begin : stop.start() if stop else len(text)]
    scheme, slashes, rest = raw.partition("//") if raw[:4].lower() != "www." else ("", "//", raw)
    rest = _without_marks(text[max(0, begin - MAX_BEFORE) : begin], rest)
    host = _HOST.match(rest)[0]
    if len(host) > MAX_HOST:
        return ""
    if glued := _TLD.match(host, max(0, host.rfind("."))):
        rest = rest[: glued.end()]
    length = _length(f"//{rest}") - 2
    if length <= 0:
        return ""
    address = _TRAILING.sub("", scheme + (slashes if scheme else "") + rest[:length])
    return address if scheme or _NAMED.match(address) else ""


def _length(tail: str) -> int:
    """Of an address from its two slashes on, as linkify-it has it. It knows no IPv6, and no dot behind a host: another
    host stands for one."""
    if found := _IPV6.match(tail):
        try:
            ipaddress.IPv6Address(found[1])
        except ValueError:
            return 0
        tail = f"//{'a' * (found.end() - 2)}{tail[found.end() :]}"
    elif found := _ROOT.match(tail):
        tail = f"{tail[: found.end() - 1]}a{tail[found.end() :]}"
    length: int = _links.test_schema_at(tail, "http:", 0)
    return length


def _without_marks(before: str, address: str) -> str:
    """Without the marks at its end that began in front of it, in the same line."""
    line = before[before.rfind("\n") + 1 :]
    while True:
        inner = address.rstrip(_AFTER)
        opened = _OPENED.get(inner[-1:])
        if opened is None or not opened.search(line):
            return address
        address = inner.rstrip(inner[-1])
