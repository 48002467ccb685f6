"""Parlor's Python library: `from parlor import Client`. docs/clients.md has examples; app/tools/client is the code.

The wheel has this package beside `app`; in a clone, `make run` lets the venv's Python find it here.
"""

from app.tools.client import Client, File, Me, Message, Person, Refused, Room

__all__ = ["Client", "File", "Me", "Message", "Person", "Refused", "Room"]
