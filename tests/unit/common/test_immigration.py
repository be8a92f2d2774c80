"""Texts that speak of immigration enforcement, however they are written (J4)."""

import pytest

from platekeeper_common.errors import Refused
from platekeeper_common.immigration import refuse_immigration


@pytest.mark.clause("J4")
@pytest.mark.parametrize(
    "text",
    [
        "Immigration sweep",
        "ICE_detainer  26-1",
        "immi-gration",
        "im\u00admi\u200bgration",
        "\uff49\uff4d\uff4d\uff49\uff47\uff52\uff41\uff54\uff49\uff4f\uff4e",
        "Immigr\u00e1tion",
        "immi\u0301gration",
        "\u0456mm\u0456gr\u0430ti\u043en",
        "\u0399\u039c\u039cIGRATION",
        "I.M.M.I.G.R.A.T.I.O.N.",
        "i m m i g r a t i o n",
        "1mm1gration",
        "lmmigration",
        "de\u2011port",
        "DEP0RT",
        "I.C.E. hold",
        "ICE/ERO",
        "bor-der   patrol",
        "admin. warrant",
        "enforcement & removal operations",
        "Locate subject for ICE",
        "helping I.C.E. find a car",
        "IC\u20ac detainer",
        "lCE pick up",
        "ICEdetainer",
        "ICE",
        "DHS ERO target",
        "La Migra asked",
        "imigration check",
        "287(g) assistance",
        "administrative removal warrant",
    ],
)
def test_no_way_of_writing_hides_it(text: str) -> None:
    with pytest.raises(Refused) as refused:
        refuse_immigration(None, text)
    assert (refused.value.code, refused.value.clause) == ("immigration_refused", "J4")
    assert text not in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "Homicide investigation 26-5520",
        "Jimmi Grant",
        "De Portola Road, robbery",
        "black ice, collision DR 4110-3",
        "Ice cream truck robbery, stopped for ice cream",
        "struck by ice that fell from a truck, slid due to ice",
        "Victim stabbed with ice pick at Ice House bar",
        "I 5 at exit 4 in a ditch",
        "administrative services",
        "\u0414\u0435\u043b\u043e 17, Jos\u00e9 N\u00fa\u00f1ez",
        "",
        None,
    ],
)
def test_other_texts_pass(text: str | None) -> None:
    refuse_immigration(text)
