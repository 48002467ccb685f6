"""What a message shows of the page to which it links.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("card", sa.Text))
    op.add_column("removed", sa.Column("card", sa.Text))


def downgrade() -> None:
    op.drop_column("removed", "card")
    op.drop_column("messages", "card")
