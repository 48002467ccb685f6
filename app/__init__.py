"""Parlor: chat rooms for anyone with a nickname. The map of the house, on one screen.

    __main__.py        the command line: serve, check-config, doctor, export, keep
    config.py          every setting once: name, type, default, help
    logs.py            one event, one line
    process.py         standard streams, addresses to listen on, file descriptors
    model.py           the nouns: Person, Member, Refused
    server.py          puts the parts together; the only module that knows them all
    export.py          what an operator does to a room: export, keep
    wsgi.py            one page, for a host that starts gunicorn: what to tell it instead
    chat/              THE RULES     everything a person can do; a newcomer starts in chat/verbs.py
    store/             THE MEMORY    SQLAlchemy, group commit, migrations
    engineio/          OUR ENGINE.IO 4 SERVER   HTTP long-polling and WebSocket; docs/engine.md
    socketio/          SOCKET.IO 5 ON IT        python-socketio's server, mended
    live/              THE SOCKETS   events in, and who hears which room
    web/               THE PAGES     aiohttp handlers and middlewares
    tools/             THE OUTSIDE   a Python client, the doctor: what talks to a server as a stranger would

The path of one message: engineio/, socketio/, live/socket.py, chat/verbs.py, chat/messages.py, store/,
live/broadcaster.py, and out by engineio/group.py. docs/contributing.md names every station.
"""

__version__ = "0.1.0"
