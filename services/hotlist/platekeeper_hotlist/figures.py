"""What operators see of hotlist."""

from typing import get_args

from platekeeper_common.events.hotlist import MatchKind
from platekeeper_common.metrics import FLAG, counter, gauge

HITS = counter(
    "platekeeper_hotlist_hits",
    "Hits raised, by kind of match; late ones are no live alerts (E2).",
    kind=get_args(MatchKind),
    late=FLAG,
)
LISTENERS = gauge("platekeeper_hotlist_listeners", "Open streams of hits.")
