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
_BEGIN = regex.compile(r"https?://|(?<![\p{Latin}\p{N}.@/-])(?<![\p{Latin}\p{N}]_)www\.(?=[^.\s])", regex.IGNORECASE)
# Quotation marks, brackets and whatever ends a sentence, of all scripts but our own (linkify-it weighs those); what
# turns the writing over or cannot be seen, aside from joiners within words and what chooses the look of a character.
_END = regex.compile(
    r"(?![\x21-\x7e])[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Quotation_Mark}\p{Terminal_Punctuation}\p{Z}\p{Cc}\p{Bidi_Control}"
    r"\u2014\u2015\u2025\u2500-\u257f\u2026\u22ef\u2e3a\u2e3b\u301c\uff5e\uff5c"
    r"\u275b-\u2760\u276e\u276f\U0001f676-\U0001f678\ufff9-\uffff\u2800]|[<>\"`]|(?![\u200c\u200d\p{Variation_Selector}])\p{Default_Ignorable_Code_Point}"
)
# Another address of a list, and the signs of escaped HTML.
_NEXT = regex.compile(r"[,;|](?=https?://)|&(?:lt|gt|quot|apos|nbsp|#0*3[49]|#x0*2[27]);", regex.IGNORECASE)
_ENTITY = regex.compile(r"&#?[A-Za-z0-9]{1,31};$")
_TRAILING = regex.compile(
    r"(?r)(?:[.,:;!?\\\u00b4\u200c\u200d\u2190-\u21ff]|(?![\x21-\x7e])[\p{Po}\p{Pd}])+$"
)  # from the right, once
_OPENED = {  # marks that people put around words, where they begin
    mark: regex.compile(rf"(?:^|[\s\p{{P}}\p{{S}}]){regex.escape(mark)}") for mark in "*_~`|"
}
_AFTER = ".,;:!?)]}'\""  # that may follow such a mark
_CELLS = ("|", "<", "[")  # of a table, and of `<address|words>`: there a stroke ends an address
MAX_BEFORE = 200  # characters in front of a link in which a mark around it may begin
_IPV6 = regex.compile(r"//(?:[^@/?#\s\[\]]*@)?\[([0-9A-Fa-f:.]{2,45})\]")
# A host's name with the dot of the root behind it, or with the colon of a port and none.
_ROOT = regex.compile(r"//[^/?#:@\s]*[^/?#:@.\s](?:\.(?=[:/?#])|:(?=[/?#]))")
_NOT_YET = regex.compile(r"https?:/", regex.IGNORECASE)  # a scheme in front of another
# Behind what linkify-it takes for a host: the host goes on, so that it was none.
_BROKEN = regex.compile(
    r"\.\.(?=[\p{L}\p{N}/])|:[0-9A-Fa-f]*:+[0-9A-Fa-f]|:[0-9A-Fa-f]+::|@(?=[\p{L}\p{N}/])|%[0-9A-Fa-f]{2}"
)
_WITHIN = regex.compile(r"(?![\p{Bidi_Control}\u200b])\p{Default_Ignorable_Code_Point}[\p{L}\p{N}]")
_UNDERLINE = regex.compile(r"(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])")
_BEHIND_BRACKET = regex.compile(r"[:/?#]|$")
_HOST = regex.compile(r"[^/?#]*")
MAX_HOST = 320  # characters: 253 of a name, and what may stand around it
_TLD = regex.compile(r"\.[a-z]{2,}(?=[^\x00-\x7f])", regex.IGNORECASE)
_MACHINE = regex.compile(  # a name without dots, four numbers or a port, and another writing right behind it
    r"(?:[a-z0-9-]+|(?:\d{1,3}\.){3}\d{1,3}|(?:\[[0-9a-f:.]+\]|[^@:]*):\d{1,5})(?=(?!\p{Latin})[^\x00-\x7f][^.]*\.?$)",
    regex.IGNORECASE,
)
_NAMED = regex.compile(r"www\.[^.@/?#:]+(?:\.[^.@/?#:]+)*\.\p{L}[^.@/?#:]+(?=(?::\d*)?(?:[/?#]|$))", regex.IGNORECASE)


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
    if after := _NEXT.search(rest):
        rest = rest[: after.start()]
    rest = _without_marks(text[max(0, begin - MAX_BEFORE) : begin], _ENTITY.sub("", rest))
    host = _HOST.match(rest)[0]
    if (
        len(host) > MAX_HOST
        or _NOT_YET.match(rest)
        or (len(host) == len(rest) and _WITHIN.match(text, begin + len(raw)))
    ):
        return ""
    if glued := _TLD.match(host, max(0, host.rfind("."))) or _MACHINE.match(host):
        rest = rest[: glued.end()]
    length = _length(f"//{rest}") - 2
    if length <= 0 or (length < len(host) and (_BROKEN.match(rest, length) or "@" in host[length:])):
        return ""
    while rest[length : length + 1] == ")" and rest.count("(", 0, length) > rest.count(")", 0, length):
        length += 1  # of parentheses within each other linkify-it sees the inner ones
    address = _TRAILING.sub("", scheme + (slashes if scheme else "") + rest[:length])
    return address if scheme or _NAMED.match(address) else ""


def _length(tail: str) -> int:
    """Of an address from its two slashes on, as linkify-it has it. It knows no IPv6, no underline in a host and no dot
    behind it: another host stands for one."""
    if found := _IPV6.match(tail):
        try:
            ipaddress.IPv6Address(found[1])
        except ValueError:
            return 0
        if not _BEHIND_BRACKET.match(tail, found.end()):
            return int(found.end())
        tail = f"//{'a' * (found.end() - 2)}{tail[found.end() :]}"
    elif found := _ROOT.match(tail):
        tail = f"{tail[: found.end() - 1]}a{tail[found.end() :]}"
    end = _HOST.match(tail, 2).end()
    tail = _UNDERLINE.sub("a", tail[:end]) + tail[end:]
    length: int = _links.test_schema_at(tail, "http:", 0)
    return length


def _without_marks(before: str, address: str) -> str:
    """Without the marks at its end that began in front of it, in the same line."""
    line = before[before.rfind("\n") + 1 :]
    if line[-1:] in _CELLS:
        address = address.partition("|")[0]
    while True:
        inner = address.rstrip(_AFTER)
        opened = _OPENED.get(inner[-1:])
        if opened is None or not opened.search(line):
            return address
        address = inner.rstrip(inner[-1])
