"""What a message shows of its reactions is kept with it; a person's own ones are found by message.

Revision ID: 0008
Revises: 0007
"""

import json
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAMES = 8


def upgrade() -> None:
    op.add_column("messages", sa.Column("reactions", sa.Text))
    op.drop_index("ix_reactions_person", "reactions")
    op.create_index("ix_reactions_person_room_seq", "reactions", ["person", "room", "seq"])
    db = op.get_bind()
    rows = db.execute(sa.text("SELECT room, seq, emoji, nickname FROM reactions ORDER BY room, seq, at, person"))
    store = sa.text("UPDATE messages SET reactions = :reactions WHERE room = :room AND seq = :seq")
    for (room, seq), some in groupby(rows.all(), lambda row: (row.room, row.seq)):
        names: dict[str, list[str]] = {}
        for row in some:
            names.setdefault(row.emoji, []).append(row.nickname)
        summary = {emoji: [len(all_of_it), all_of_it[:NAMES]] for emoji, all_of_it in names.items()}
        db.execute(store, {"room": room, "seq": seq, "reactions": json.dumps(summary, ensure_ascii=False)})


def downgrade() -> None:
    op.drop_index("ix_reactions_person_room_seq", "reactions")
    op.create_index("ix_reactions_person", "reactions", ["person"])
    op.drop_column("messages", "reactions")
