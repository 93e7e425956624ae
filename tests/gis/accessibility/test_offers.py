import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.accessibility.offers import Offer, check_offer, offers_line, parse_offers

KINDS = {"meal": "助餐", "health": "健康监测", "mediation": "调解"}


def test_a_line_by_hand():
    offers, faults = parse_offers("meal@Mo-Fr 11:00-13:00;health#40@Sa,Su 09:00-11:00;mediation", KINDS)
    assert faults == []
    assert offers == [Offer("meal", "Mo-Fr 11:00-13:00"), Offer("health", "Sa,Su 09:00-11:00", 40), Offer("mediation")]


def test_hours_may_hold_semicolons_and_kinds_may_be_chinese():
    offers, faults = parse_offers("助餐@Mo 09:00-12:00; Tu 10:00-12:00\uff1b健康监测#5", KINDS)
    assert faults == []
    assert offers == [Offer("meal", "Mo 09:00-12:00; Tu 10:00-12:00"), Offer("health", capacity=5)]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Unknown", "unknown service kind"),
        ("meal@每天", "opening hours not understood"),
        ("meal;meal", "given twice"),
        ("meal#many", "cannot read"),
    ],
)
def test_what_is_wrong_is_named(line, named):
    _, faults = parse_offers(line, KINDS)
    assert any(named in fault for fault in faults)


def test_one_offer_with_wrong_hours_is_none():
    offer, faults = check_offer("meal", "Mo-Xx", None, KINDS)
    assert offer is None and len(faults) == 1


@given(
    st.lists(
        st.builds(
            Offer,
            st.sampled_from(sorted(KINDS)),
            st.sampled_from(
                ["24/7", "Mo-Fr 11:00-13:00", "Mo 09:00-12:00; Tu 10:00-12:00", "Mo-Su 08:00-20:00; PH off"]
            ),
            st.none() | st.integers(0, 500),
        ),
        unique_by=lambda offer: (offer.kind, offer.hours),
    )
)
def test_what_is_written_is_read_again(offers):
    assert parse_offers(offers_line(offers), KINDS) == (offers, [])
