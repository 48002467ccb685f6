"""A Python client that loses nothing: it reconnects, catches up, and sends again what was not confirmed.

    async with Client("http://localhost:8000", "alice") as alice:
        lobby = await alice.enter("lobby")  # lobby.messages: the last page, and from now on everything
        message = await lobby.say("hello")  # as stored: {"seq": 1, "rev": 1, "id": "...", ...}
        async for message in lobby.new_messages():  # each once, in order, through any restart
            print(message["nickname"], message["text"])

After every kind of failure it does the same: connect, join each room after the rev it has, sync until there is no more,
then send what has no ack yet, with its old id. A connection that does not answer counts as lost.

client.py (what one uses), room.py (a room of it), session.py (the connection, again and again), connection.py (one of
them), copy.py (what is known of a room), outbox.py (what is not confirmed), uploading.py (files), shapes.py.
"""

from app.model import Refused
from app.tools.client.client import Client
from app.tools.client.room import Room
from app.tools.client.session import pause_after
from app.tools.client.shapes import File, Me, Message, Person

__all__ = ["Client", "File", "Me", "Message", "Person", "Refused", "Room", "pause_after"]
