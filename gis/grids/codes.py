"""Codes of areas and grids: 统计用区划代码 of 2+2+2+3+3 digits, and three more for a grid.

Source: 统计用区划代码和城乡划分代码编制规则 (National Bureau of Statistics, 2009): two digits each for province, city and
county, three each for township and community; zeros below the level that is named. Cities without counties (东莞 441900) have
zeros in the county's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

LEVELS = ("city", "county", "township", "community")
_NAMES = {"city": "市", "county": "区县", "township": "街道/镇", "community": "社区"}


class BadCode(ValueError):
    """A code that is not of the place's form."""


@dataclass(frozen=True)
class CodeProfile:
    """The form of a place's codes.

    Attributes:
        parts: digits of province, city, county, township and community; an area's code has them all, with zeros below its level.
        grid_digits: digits of a grid's own number, behind its community's code.
    """

    parts: tuple[int, ...] = (2, 2, 2, 3, 3)
    grid_digits: int = 3

    def __post_init__(self) -> None:
        if len(self.parts) != len(LEVELS) + 1 or min(self.parts) < 1 or self.grid_digits < 1:
            raise ValueError(
                "编码规则须给出省、市、区县、街道、社区各段与网格的位数 / "
                "a code profile gives the digits of province, city, county, township, community and grid"
            )

    @property
    def area_digits(self) -> int:
        """Digits of an area's code."""
        return sum(self.parts)

    def check_area(self, code: str) -> str:
        """Return the level that an area's code stands for: city, county, township or community.

        Raises:
            BadCode: not the right number of digits, or no level below the province is named.
        """
        self._check_digits(code, self.area_digits, "区划编码", "an area code")
        ends = self._ends()
        named = [level for level, start, end in zip(LEVELS, ends, ends[1:], strict=False) if code[start:end].strip("0")]
        if not named or not code[: ends[0]].strip("0"):
            raise BadCode(f"区划编码 {code} 没有具体到市级或以下 / area code {code} names nothing below a province")
        return named[-1]

    def check_grid(self, code: str) -> None:
        """Check that a grid's code is its community's digits and its own.

        Raises:
            BadCode: it is not.
        """
        self._check_digits(code, self.area_digits + self.grid_digits, "网格编码", "a grid code")
        community = self.community_of(code)
        level = self.check_area(community)
        if level != "community":
            raise BadCode(
                f"网格编码 {code} 的前 {self.area_digits} 位 {community} 是{_NAMES[level]}，不是社区 / "
                f"grid code {code} begins with {community}, which is a {level}, not a community"
            )

    def community_of(self, grid_code: str) -> str:
        """Return the code of the community that a grid belongs to."""
        return grid_code[: self.area_digits]

    def ancestors(self, area_code: str) -> list[tuple[str, str]]:
        """Return level and code of an area and of those above it, from the city down.

        A level that the code leaves at zero (the county of a city without counties) is left out.

        Raises:
            BadCode: it is no area's code.
        """
        self.check_area(area_code)
        ends = self._ends()
        return [
            (level, area_code[:end].ljust(self.area_digits, "0"))
            for level, start, end in zip(LEVELS, ends, ends[1:], strict=False)
            if area_code[start:end].strip("0")
        ]

    def prefix(self, area_code: str) -> str:
        """Return with what the codes inside an area begin: its digits without the zeros of the levels below."""
        start = 0
        kept = 0
        for end in self._ends():
            if area_code[start:end].strip("0"):
                kept = end
            start = end
        return area_code[:kept]

    def covers(self, area_code: str, code: str) -> bool:
        """Tell whether an area holds (or is) the area or grid that ``code`` names."""
        return code.startswith(self.prefix(area_code))

    def _ends(self) -> list[int]:
        return list(accumulate(self.parts))

    def _check_digits(self, code: str, digits: int, what: str, what_en: str) -> None:
        if len(code) != digits or not code.isascii() or not code.isdigit():
            shown = code if len(code) <= 40 else code[:37] + "…"
            raise BadCode(f"{what}应为 {digits} 位数字，得到“{shown}” / {what_en} has {digits} digits, not {shown!r}")
