"""What accounts state in public of an agency: posts and their holders, authorised titles, training (B5, B6, B9)."""

from platekeeper_access_audit.accounts import storage
from platekeeper_access_audit.accounts.agencies import policy_of
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.authorization import RULES
from platekeeper_common.events.public import AuthorisedTitle, Courses, Post, Posts, Statement, Titles
from platekeeper_common.ids import AgencyId


async def says(here: AccountsRoom, agency_id: AgencyId) -> list[Statement]:
    """The registers as they stand."""
    async with here.db.tx() as tx:
        agency = await storage.find_agency(tx, agency_id)
        standing = await incumbents.posts(tx, here, agency)
        accounts = [one for one in await storage.accounts(tx, agency_id) if one.disabled_at is None]
    policy = policy_of(here, agency)
    posts = []
    for code, post in standing.items():
        if post.holder is not None:
            posts.append(Post(code=code, title=post.title, holder=post.holder.name, since=post.holder.since.date()))
        else:
            vacant = post.vacant_since and post.vacant_since.date()
            acting = post.acting_title if post.acting_post else None
            posts.append(Post(code=code, title=post.title, vacant_since=vacant, acting=acting))
    may: dict[str, set[str]] = {}
    for account in accounts:
        acts = {action.value for action, rule in RULES.items() if rule.plate_data and rule.roles & set(account.roles)}
        may.setdefault(account.title, set()).update(acts)
    titles = tuple(AuthorisedTitle(title=title, may=tuple(sorted(acts))) for title, acts in sorted(may.items()))
    return [Posts(posts=tuple(posts)), Titles(titles=titles), Courses(owner=policy.certifier)]
