"""Names that came to look the same by another rule, which rule that is, and topics without control characters.

Revision ID: 0005
Revises: 0004
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x2070)}  # writing turned over


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("version", sa.String(256), nullable=False),
    )
    op.rename_table("skeletons", "former_skeletons")
    op.drop_index("ix_skeletons_person", "former_skeletons")
    if op.get_bind().dialect.name == "postgresql":  # whose indexes, of keys too, have names for the whole database
        op.drop_constraint("pk_skeletons", "former_skeletons")
    op.create_table(
        "skeletons",
        sa.Column("skeleton", sa.String(1024), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False, server_default="0"),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_skeletons_person"), nullable=False),
    )
    op.create_index("ix_skeletons_person", "skeletons", ["person"])
    op.execute("INSERT INTO skeletons (skeleton, nth, person) SELECT skeleton, 0, person FROM former_skeletons")
    op.drop_table("former_skeletons")
    _clean_topics(op.get_bind())


def _clean_topics(db: sa.Connection) -> None:
    for name, topic in db.execute(sa.text("SELECT name, topic FROM rooms WHERE topic <> ''")).all():
        clean = "".join(char for char in topic if unicodedata.category(char) != "Cc" and ord(char) not in TURNS)
        if clean != topic:
            db.execute(sa.text("UPDATE rooms SET topic = :topic WHERE name = :name"), {"topic": clean, "name": name})


def downgrade() -> None:
    raise NotImplementedError("two names may look the same now; an older Parlor cannot hold them")
