"""How fast people walk and how far a service circle reaches: every figure of the accessibility wing with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

PROFILES: Mapping[str, str] = MappingProxyType({"adult": "成年人", "elder": "老年人", "wheelchair": "轮椅"})
GROUPS = ("households", "elders_60", "children_12")
"""Whom coverage counts. A household counts through an adult of it, a child through the adult who brings it."""

MIN_MINUTES = 1.0
MAX_MINUTES = 60.0


def check_minutes(minutes: float) -> float:
    """Return ``minutes`` if it lies within 1 to 60.

    Raises:
        ValueError: it does not.
    """
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:  # NaN fails both comparisons
        raise ValueError(f"分钟数须在 1 到 60 之间：{minutes} / minutes must be from 1 to 60: {minutes}")
    return float(minutes)


def group_profiles(profile: str) -> dict[str, str]:
    """Say at which profile's speed each group of `GROUPS` walks.

    Args:
        profile: ``adult``, ``elder`` or ``wheelchair`` for everyone, or ``own``: elders as elders, everyone else as adults.

    Returns:
        The profile of each group.

    Raises:
        ValueError: there is no such profile.
    """
    if profile == "own":
        return {"households": "adult", "elders_60": "elder", "children_12": "adult"}
    if profile not in PROFILES:
        known = "own, " + ", ".join(PROFILES)
        raise ValueError(f"没有这种步行方式：{profile}，可用：{known} / no such profile: {profile}, known: {known}")
    return dict.fromkeys(GROUPS, profile)


@dataclass(frozen=True)
class WalkPolicy:
    """The figures a place may set for itself.

    Attributes:
        speeds_mps: walking speed by profile. Adult 1.2 m/s: the walking speed of 4 ft/s by which pedestrian signals were long
            timed (MUTCD 2003, section 4E.10). Elder 0.8 m/s: the gait speed below which walking counts as impaired in old age
            (EWGSOP 2010, Age and Ageing 39:412–423). Wheelchair 0.67 m/s: the working figure for a manual chair on pavements
            that linli's terms give; no standard fixes it.
        buffer_m: radius in metres by minutes for an adult: 5 → 300 m, 10 → 500 m, 15 → 1,000 m, the living circles of
            GB 50180-2018, section 2.0 (15 minutes are 800–1,000 m; the upper end is taken).
        snap_cap_m: who stands further than this from every street is not joined to the network.
        network_reach_m: who stands further than this from every street is said to have no street network at all: that is a
            gap in the street data rather than a long garden path.
        circle_margin_m: how far a walking circle is widened to each side of the streets that are reached: a carriageway's half
            width and the fronts along it, so that the houses on a reached street lie inside.
    """

    speeds_mps: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"adult": 1.2, "elder": 0.8, "wheelchair": 0.67}), hash=False
    )
    buffer_m: Mapping[float, float] = field(
        default_factory=lambda: MappingProxyType({5.0: 300.0, 10.0: 500.0, 15.0: 1000.0}), hash=False
    )
    snap_cap_m: float = 150.0
    network_reach_m: float = 2000.0
    circle_margin_m: float = 25.0

    def __post_init__(self) -> None:
        """Refuse figures that contradict each other; all faults are named at once."""
        faults = [f"speeds_mps.{name}" for name in PROFILES if not _positive(self.speeds_mps.get(name, math.nan))]
        table = sorted(self.buffer_m.items())
        radii = [radius for _, radius in table]
        if not table or not all(_positive(minute) and _positive(radius) for minute, radius in table):
            faults.append("buffer_m")
        elif any(later <= earlier for earlier, later in pairwise(radii)):
            faults.append("buffer_m (radius must grow with the minutes)")
        faults += [
            name for name in ("snap_cap_m", "network_reach_m", "circle_margin_m") if not _positive(getattr(self, name))
        ]
        if not faults and self.network_reach_m < self.snap_cap_m:
            faults.append("network_reach_m < snap_cap_m")
        if faults:
            names = ", ".join(faults)
            raise ValueError(f"步行参数有误：{names} / wrong walking figures: {names}")

    def speed_mps(self, profile: str) -> float:
        """Return the walking speed of a profile.

        Raises:
            ValueError: there is no such profile.
        """
        if profile not in PROFILES:
            known = ", ".join(PROFILES)
            raise ValueError(f"没有这种步行方式：{profile}，可用：{known} / no such profile: {profile}, known: {known}")
        return float(self.speeds_mps[profile])

    def buffer_radius_m(self, minutes: float, profile: str = "adult") -> float:
        """Return the radius of the straight-line service circle.

        Linear between the entries of `buffer_m` and from 0, proportional to the minutes beyond the last; a profile other than
        adult reaches as far as the ratio of its speed to an adult's allows.

        Args:
            minutes: 1 to 60.
            profile: a name of `PROFILES`.

        Returns:
            The radius in metres.

        Raises:
            ValueError: the minutes or the profile are not allowed.
        """
        check_minutes(minutes)
        ratio = self.speed_mps(profile) / self.speed_mps("adult")
        table = [(0.0, 0.0), *sorted(self.buffer_m.items())]
        for (minute_0, radius_0), (minute_1, radius_1) in pairwise(table):
            if minutes <= minute_1:
                return ratio * (radius_0 + (radius_1 - radius_0) * (minutes - minute_0) / (minute_1 - minute_0))
        last_minute, last_radius = table[-1]
        return ratio * last_radius * minutes / last_minute

    def buffer_radii_m(self, minutes: float, profile: str) -> dict[str, float]:
        """Return the buffer radius in metres of each group of `GROUPS`; ``profile`` as for `group_profiles`."""
        return {group: self.buffer_radius_m(minutes, walks) for group, walks in group_profiles(profile).items()}

    def walk_distance_m(self, minutes: float, profile: str = "adult") -> float:
        """Return how far a profile walks in ``minutes`` (1 to 60), in metres."""
        return self.speed_mps(profile) * check_minutes(minutes) * 60.0

    def walk_reaches_m(self, minutes: float, profile: str) -> dict[str, float]:
        """Return how far each group of `GROUPS` walks, in metres; ``profile`` as for `group_profiles`."""
        return {group: self.walk_distance_m(minutes, walks) for group, walks in group_profiles(profile).items()}


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
