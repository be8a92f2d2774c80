"""What accounts state in public of an agency: posts and their holders, authorised titles, training (B5, B6, B9)."""

from platekeeper_access_audit.accounts import storage
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.training import public
from platekeeper_common.events.public import Post, Posts, Statement
from platekeeper_common.ids import AgencyId


async def says(here: AccountsRoom, agency_id: AgencyId) -> list[Statement]:
    """The registers as they stand."""
    async with here.db.tx() as tx:
        agency = await storage.find_agency(tx, agency_id)
        standing = await incumbents.posts(tx, here, agency)
    posts = []
    for code, post in standing.items():
        if post.holder is not None:
            posts.append(Post(code=code, title=post.title, holder=post.holder.name, since=post.holder.since.date()))
        else:
            vacant = post.vacant_since and post.vacant_since.date()
            acting = post.acting_title if post.acting_post else None
            posts.append(Post(code=code, title=post.title, vacant_since=vacant, acting=acting))
    return [Posts(posts=tuple(posts)), *await public.statements(here, agency_id)]
