"""Parlor: chat rooms for anyone with a nickname. A map of the code, on one screen.

    __main__.py        the command line: serve, check-config, doctor, export, keep, own, copy, say, read, chat
    config.py          every setting once: name, type, default, help
    logs.py            logging: one line for each event
    process.py         standard streams, file descriptors, addresses to listen on
    ending.py          the end after a signal, which nothing keeps from coming
    workers.py         several processes on one port, and their parent
    model.py           the nouns: Person, Connection, Member, Owner, Refused
    languages/         sentences in other languages: their catalogues, dates and numbers
    server.py          starts the parts and stops them; the only module that knows them all, with three of its own:
    routes.py          the aiohttp application
    takeover.py        the database at a start, and who serves it
    joined.py          what joins several processes to one
    advice.py          settings that work, but probably not as they were meant
    export.py          what an operator does to a room: export, keep, own
    copy.py            a whole history moved into another database
    wsgi.py            one page, for a host that starts gunicorn: the right startup command
    chat/              the rules: everything a person can do; a newcomer starts in chat/verbs.py
    store/             the database: SQLAlchemy, group commit, migrations
    engineio/          an Engine.IO 4 server: HTTP long-polling and WebSocket; docs/engine.md
    socketio/          Socket.IO 5 on it: python-socketio's server, with its faults repaired
    live/              the chat's sockets: events in, broadcasts out; with live/redis/, those of several processes
    files/             what people send: what it is, pictures made anew, where the bytes are kept
    web/               the pages: aiohttp handlers and middlewares
    tools/             outside of the server: the Python library, the terminal, the doctor

The path of one message: engineio/, socketio/, live/socket.py, chat/verbs.py, chat/messages.py, store/,
live/broadcaster.py, and out by engineio/group.py. docs/contributing.md lists every step.
"""

__version__ = "0.1.0"
