"""Reserved nicknames: several looks of one name, several tokens of one person, a passphrase.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_tokens_person"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_tokens_person", "tokens", ["person"])
    op.create_table(
        "skeletons",
        sa.Column("skeleton", sa.String(1024), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_skeletons_person"), nullable=False),
    )
    op.create_index("ix_skeletons_person", "skeletons", ["person"])
    op.execute("INSERT INTO tokens (fingerprint, person, created_at) SELECT token, id, created_at FROM people")
    op.execute("INSERT INTO skeletons (skeleton, person) SELECT skeleton, id FROM people WHERE skeleton IS NOT NULL")
    with op.batch_alter_table("people") as people:
        people.drop_constraint("uq_people_token", type_="unique")
        people.drop_constraint("uq_people_skeleton", type_="unique")
        people.drop_column("token")
        people.drop_column("skeleton")
        people.add_column(sa.Column("passphrase", sa.String(256)))
        people.add_column(sa.Column("reserved_at", sa.BigInteger))


def downgrade() -> None:
    raise NotImplementedError("a person may have several tokens now; an older Parlor cannot hold them")
