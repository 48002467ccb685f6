"""Tokens that take the place of others, and the key by which all are signed.

A token that a browser is given in place of another (`replaces`) is confirmed when somebody comes with it: only then is
the former one revoked, so that an answer that is lost locks nobody out.
"""

from sqlalchemy import Connection, insert, select, update

from app.store.changes import Changes, changes
from app.store.queries.rows import insert_or_not, now
from app.store.tables import secrets, tokens

SIGNING_KEY = "tokens"  # its name among the secrets
MAX_FORMER = 32  # tokens of one browser, one in place of the other, that are looked at


def signing_key(db: Connection) -> str | None:
    """In hexadecimal digits; None where there is none yet."""
    found: str | None = db.scalar(select(secrets.c.value).where(secrets.c.name == SIGNING_KEY))
    return found


@changes(Changes.PEOPLE)
def keep_signing_key(db: Connection, key: str) -> str:
    """The one that is kept: this one, unless another process was faster."""
    db.execute(insert_or_not(secrets).values(name=SIGNING_KEY, value=key).on_conflict_do_nothing())
    return signing_key(db) or key


def is_renewal(db: Connection, token: str, replaces: str) -> bool:
    """True where this token may be given in place of that one, which is still good."""
    wanted = select(tokens.c.fingerprint).where(
        tokens.c.fingerprint == token, tokens.c.replaces == replaces, tokens.c.revoked_at.is_(None)
    )
    revoked = select(tokens.c.fingerprint).where(tokens.c.fingerprint == replaces, tokens.c.revoked_at.is_not(None))
    return db.scalar(wanted) is not None and db.scalar(revoked) is None


def confirm(db: Connection, token: str, replaces: str, person: str) -> None:
    """Somebody has come with `token`, which is this person's: the one that it replaces is good no longer."""
    at = now()
    db.execute(update(tokens).where(tokens.c.fingerprint == token).values(confirmed_at=at))
    revoked = update(tokens).where(tokens.c.fingerprint == replaces).values(revoked_at=at)
    if not db.execute(revoked).rowcount:  # nothing was ever stored of its person
        db.execute(insert(tokens).values(fingerprint=replaces, person=person, created_at=at, revoked_at=at))


def knew(db: Connection, token: str, person: str) -> bool:
    """Has the browser with this token ever been this person's, by this token or a former one?"""
    former: str | None = token
    for _ in range(MAX_FORMER):
        wanted = select(tokens.c.person, tokens.c.replaces).where(tokens.c.fingerprint == former)
        found = db.execute(wanted).first()
        if found is None:
            return False
        if found[0] == person:
            return True
        former = found[1]
    return False
