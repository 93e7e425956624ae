"""What a station offers, written in one line: ``meal@Mo-Fr 11:00-13:00;health#40@Sa,Su 09:00-11:00``.

Items are separated by ``;``. Each is a service kind, then optionally ``#`` and the places there are, then optionally ``@`` and
opening hours in OpenStreetMap's notation. Hours may hold ``;`` themselves (``meal@Mo 09:00-12:00; Tu 10:00-12:00``): a new item
begins only where a kind does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gis.accessibility.hours import check_hours

ALWAYS = "24/7"
_ITEM = re.compile(r"^(?P<kind>[^#@\s;]+)(?:#(?P<capacity>\d{1,7}))?(?:@(?P<hours>.*))?$", re.DOTALL)
_KIND = re.compile(r"^[a-z][a-z_]{1,40}$")


@dataclass(frozen=True)
class Offer:
    """One service of a station: its kind, its opening hours, and how many it can serve at once (None: not known)."""

    kind: str
    hours: str = ALWAYS
    capacity: int | None = None


def parse_offers(line: str, kinds: Mapping[str, str]) -> tuple[list[Offer], list[str]]:
    """Return the offers written in ``line``, and what is wrong with it.

    Args:
        line: as described above; full-width ``;`` is accepted.
        kinds: the known kinds, each with its 中文, which is accepted as well.
    """
    offers, faults = [], []
    for item in _items(line.replace("\uff1b", ";"), kinds):
        match = _ITEM.match(item)
        if match is None:
            faults.append(f"看不懂的服务“{item}” / cannot read the service {item!r}")
            continue
        offer, wrong = check_offer(
            match["kind"], match["hours"], int(match["capacity"]) if match["capacity"] else None, kinds
        )
        faults.extend(wrong)
        if offer is not None:
            offers.append(offer)
    return offers, faults + _repeated(offers)


def check_offer(
    kind: str, hours: str | None, capacity: int | None, kinds: Mapping[str, str]
) -> tuple[Offer | None, list[str]]:
    """Return an offer, or None and what is wrong with its parts."""
    by_label = {label: known for known, label in kinds.items()}
    kind = by_label.get(kind.strip(), kind.strip())
    faults = []
    if kind not in kinds and not _KIND.match(kind):
        faults.append(
            f"未知的服务类别“{kind}”；可用：{'、'.join(kinds)} / unknown service kind {kind!r}; known: {', '.join(kinds)}"
        )
    hours = (hours or "").strip() or ALWAYS
    try:
        check_hours(hours)
    except ValueError as error:
        faults.append(str(error))
    return (None, faults) if faults else (Offer(kind, hours, capacity), [])


def offers_line(offers: Iterable[Offer]) -> str:
    """Return the offers in one line, so that :func:`parse_offers` gives them back."""
    items = []
    for offer in offers:
        places = "" if offer.capacity is None else f"#{offer.capacity}"
        hours = "" if offer.hours == ALWAYS else f"@{offer.hours}"
        items.append(f"{offer.kind}{places}{hours}")
    return ";".join(items)


def _items(line: str, kinds: Mapping[str, str]) -> list[str]:
    """Split at the semicolons after which a service kind begins."""
    words = {*kinds, *kinds.values()}
    items: list[str] = []
    for part in line.split(";"):
        word = re.split(r"[#@]", part.strip(), maxsplit=1)[0].strip()
        begins = word in words or (_KIND.match(word) is not None and word != "off") or not items
        if begins and part.strip():
            items.append(part.strip())
        elif part.strip():
            items[-1] += ";" + part
    return items


def _repeated(offers: list[Offer]) -> list[str]:
    seen: set[tuple[str, str]] = set()
    faults = []
    for offer in offers:
        if (offer.kind, offer.hours) in seen:
            faults.append(f"服务 {offer.kind} 在同一时段重复 / {offer.kind} is given twice with the same hours")
        seen.add((offer.kind, offer.hours))
    return faults
