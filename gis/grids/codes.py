"""Codes of areas and grids: 统计用区划代码 of 2+2+2+3+3 digits, and three more for a grid (domain.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("city", "county", "township", "community")


class BadCode(ValueError):
    """A code that is not of the place's form."""


@dataclass(frozen=True)
class CodeProfile:
    """The form of a place's codes.

    ``parts`` are the digits of province, city, county, township and community; an area's code has them all, with zeros below its
    level. A grid's code is its community's and ``grid_digits`` more.
    """

    parts: tuple[int, ...] = (2, 2, 2, 3, 3)
    grid_digits: int = 3

    @property
    def area_digits(self) -> int:
        """Digits of an area's code."""
        return sum(self.parts)

    def check_area(self, code: str) -> str:
        """Return the level that an area's code stands for.

        Raises:
            BadCode: not the right number of digits, or no level below the province is named.
        """
        if len(code) != self.area_digits or not code.isascii() or not code.isdigit():
            raise BadCode(
                f"区划编码应为 {self.area_digits} 位数字,得到 {code!r} / an area code has {self.area_digits} digits"
            )
        significant = self.prefix(code)
        named = [
            level
            for level, digits in zip(LEVELS, self._ends()[1:], strict=True)
            if digits <= len(significant)
        ]
        if not named:
            raise BadCode(f"编码 {code} 没有到市级 / code {code} names nothing below a province")
        return named[-1]

    def check_grid(self, code: str) -> None:
        """Check that a grid's code has its community's digits and its own.

        Raises:
            BadCode: it has not.
        """
        digits = self.area_digits + self.grid_digits
        if len(code) != digits or not code.isascii() or not code.isdigit():
            raise BadCode(
                f"网格编码应为 {self.area_digits}+{self.grid_digits} 位数字,得到 {code!r} / a grid code has {self.area_digits}+{self.grid_digits} digits"
            )
        if self.check_area(self.community_of(code)) != "community":
            raise BadCode(
                f"网格编码 {code} 的前 {self.area_digits} 位不是社区编码 / its first {self.area_digits} digits name no community"
            )

    def community_of(self, grid_code: str) -> str:
        """Return the code of the community that a grid belongs to."""
        return grid_code[: self.area_digits]

    def ancestors(self, area_code: str) -> list[tuple[str, str]]:
        """Return level and code of an area and of those above it, from the city down."""
        own = self.check_area(area_code)
        ends = dict(zip(LEVELS, self._ends()[1:], strict=True))
        chain = LEVELS[: LEVELS.index(own) + 1]
        return [(level, area_code[: ends[level]].ljust(self.area_digits, "0")) for level in chain]

    def prefix(self, area_code: str) -> str:
        """Return with what the codes inside an area begin: its digits without the zeros of the levels below."""
        for end in reversed(self._ends()):
            start = end - self.parts[self._ends().index(end)]
            if area_code[start:end].strip("0"):
                return area_code[:end]
        return ""

    def covers(self, area_code: str, code: str) -> bool:
        """Tell whether an area holds (or is) what ``code`` names."""
        return code.startswith(self.prefix(area_code))

    def _ends(self) -> list[int]:
        ends, total = [], 0
        for part in self.parts:
            total += part
            ends.append(total)
        return ends
