"""What accounts state in public of an agency: posts and their holders, authorised titles, training (B5, B6, B9)."""

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.agencies import policy_of
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.authorization import RULES
from platekeeper_common.events.public import AuthorisedTitle, Courses, Post, Posts, Statement, Titles
from platekeeper_common.ids import AgencyId


async def says(here: AccountsRoom, agency_id: AgencyId) -> list[Statement]:
    """The registers as they stand."""
    async with here.db.tx() as tx:
        agency = await storage.find_agency(tx, agency_id)
        held, left = await storage.holders(tx, agency_id), await storage.vacant_since(tx, agency_id)
        accounts = [one for one in await storage.accounts(tx, agency_id) if one.disabled_at is None]
    policy = policy_of(here, agency)
    posts = []
    for code, title in domain.posts(policy).items():
        term, vacant = held.get(code), left.get(code)
        if term is not None:
            posts.append(Post(code=code, title=title, holder=term.name, since=term.since.date()))
        else:
            posts.append(Post(code=code, title=title, vacant_since=vacant and vacant.date()))
    may: dict[str, set[str]] = {}
    for account in accounts:
        acts = {action.value for action, rule in RULES.items() if rule.plate_data and rule.roles & set(account.roles)}
        may.setdefault(account.title, set()).update(acts)
    titles = tuple(AuthorisedTitle(title=title, may=tuple(sorted(acts))) for title, acts in sorted(may.items()))
    return [Posts(posts=tuple(posts)), Titles(titles=titles), Courses(owner=policy.certifier)]
