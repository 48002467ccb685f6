"""Text -> a small tree of safe nodes.

A tree is a list; a node is a string, or an object named by its first key: `{"link": href, "words": [...]}`. Only http
and https become links, so that no page has to ask itself whether an address is safe to click.
"""

from typing import Any

from linkify_it import LinkifyIt

Tree = list[Any]

MOST_LINKS = 50  # in one text; what has more is no conversation, and finding them would cost everybody's time

_links = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
for _schema in ("ftp:", "//", "mailto:"):
    _links.add(_schema, None)


def words(text: str) -> Tree | None:
    """The tree of a text; None where it is plain."""
    if not 0 < text.count("://") <= MOST_LINKS:
        return None
    found = _links.match(text)
    if not found:
        return None
    tree: Tree = []
    end = 0
    for link in found:
        if link.index > end:
            tree.append(text[end : link.index])
        tree.append({"link": link.url, "words": [link.raw]})
        end = link.last_index
    if end < len(text):
        tree.append(text[end:])
    return tree
