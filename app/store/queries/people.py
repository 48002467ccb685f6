"""People: their tokens, their nicknames, when they left."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy import delete as remove

from app.model import Refused
from app.store.queries.rows import now, plain
from app.store.tables import people, skeletons, tokens

Name = tuple[str, Sequence[str]]  # a nickname, and the skeletons of its looks


def arrive(
    db: Connection, *, token: str, new_id: str, wish: Name | None, guests: Sequence[Name], held: int
) -> dict[str, Any]:
    """The person whose token has this fingerprint, made on the first visit: `{id, nickname, reserved}`.

    A wish that is taken is passed over: a known person keeps their name, a new one gets the first of `guests` that is
    free. held: milliseconds that a name stays its owner's after they left.
    """
    found = whose(db, token) or _newcomer(db, token, new_id)
    person, nickname = found["id"], found["nickname"]
    for name, looks in (*([wish] if wish else ()), *(() if nickname else guests)):
        if name != nickname and _free(db, person, looks, held):
            _bear(db, person, name, looks)
            found["nickname"] = name
            break
    stay(db, person)
    return found


def whose(db: Connection, token: str) -> dict[str, Any] | None:
    """The person whose token has this fingerprint: `{id, nickname, reserved}`."""
    wanted = (
        select(people.c.id, people.c.nickname, people.c.passphrase.is_not(None).label("reserved"))
        .join_from(people, tokens)
        .where(tokens.c.fingerprint == token)
    )
    found = db.execute(wanted).first()
    return plain(found) | {"reserved": bool(found.reserved)} if found else None


def _newcomer(db: Connection, token: str, new_id: str) -> dict[str, Any]:
    db.execute(insert(people).values(id=new_id, created_at=now()))
    db.execute(insert(tokens).values(fingerprint=token, person=new_id, created_at=now()))
    return {"id": new_id, "nickname": None, "reserved": False}


def claim(db: Connection, *, person: str, name: Name, held: int, spare: Sequence[Name]) -> None:
    """Give `person` the nickname. Raises `nickname_taken`, with the first of `spare` that is free as `suggestion`."""
    nickname, looks = name
    if not _free(db, person, looks, held):
        free = next((other for other, shapes in spare if _free(db, person, shapes, held)), None)
        extra: dict[str, Any] = {"suggestion": free} if free else {}
        if any(holder.passphrase for holder in _holders(db, person, looks)):
            extra["reserved"] = True
        raise Refused("nickname_taken", f"Somebody here is called “{nickname}”, or nearly so.", **extra)
    _bear(db, person, nickname, looks)


def _bear(db: Connection, person: str, nickname: str, looks: Sequence[str]) -> None:
    db.execute(remove(skeletons).where(skeletons.c.person == person))
    db.execute(insert(skeletons), [{"skeleton": look, "person": person} for look in looks])
    db.execute(update(people).where(people.c.id == person).values(nickname=nickname))


def _free(db: Connection, person: str, looks: Sequence[str], held: int) -> bool:
    """Is the name free for this person? One whose owner has been away too long is taken from them."""
    holders = _holders(db, person, looks)
    since = now() - held
    if any(one.passphrase or one.left_at is None or one.left_at > since for one in holders):
        return False
    for one in holders:
        db.execute(remove(skeletons).where(skeletons.c.person == one.id))
        db.execute(update(people).where(people.c.id == one.id).values(nickname=None))
    return True


def _holders(db: Connection, person: str, looks: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    """The others who bear a name that looks like this in one way or the other."""
    wanted = (
        select(people.c.id, people.c.left_at, people.c.passphrase)
        .join_from(people, skeletons)
        .where(skeletons.c.skeleton.in_(looks), people.c.id != person)
        .distinct()
    )
    return db.execute(wanted).all()


def reserve(db: Connection, *, person: str, passphrase: str | None) -> None:
    """Keep the person's nickname for them, for ever; None: no longer. `passphrase` is its argon2 hash."""
    since = now() if passphrase else None
    db.execute(update(people).where(people.c.id == person).values(passphrase=passphrase, reserved_at=since))


def reserved(db: Connection, looks: Sequence[str]) -> dict[str, Any] | None:
    """Who reserved a name that looks like this: `{id, nickname, passphrase}`."""
    wanted = (
        select(people.c.id, people.c.nickname, people.c.passphrase)
        .join_from(people, skeletons)
        .where(skeletons.c.skeleton.in_(looks), people.c.passphrase.is_not(None))
    )
    found = db.execute(wanted).first()
    return plain(found) if found else None


def hand_over(db: Connection, *, token: str, person: str) -> None:
    """From now on the token names `person`, who is here with it."""
    db.execute(update(tokens).where(tokens.c.fingerprint == token).values(person=person))
    stay(db, person)


def depart(db: Connection, person: str) -> None:
    db.execute(update(people).where(people.c.id == person).values(left_at=now()))


def stay(db: Connection, person: str) -> None:
    db.execute(update(people).where(people.c.id == person).values(left_at=None))


def nobody_is_here(db: Connection) -> None:
    """At start no socket is open: whoever a crash left behind as present has left."""
    db.execute(update(people).where(people.c.left_at.is_(None)).values(left_at=now()))
