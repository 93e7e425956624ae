"""Old workbooks (XLS): read like the others, and refused where a cell far away would take all memory."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest

from gis.errors import Invalid
from gis.intake.formats.xlsx import open_xlsx
from tests.gis.intake.formats.test_csv import read, recognise

# Written by Excel's older form: code, lon and lat of three households.
PACKED = (
    "c-"
    "rk)O=wd=5dQYPr1_yulbQ;RP(sC4V?k;UdTC!3YQ0#h7k>~mX#z?^BB2*OXtm}jD4rBSD!m9&>!m6R>P=9n=s^$)sUF3HsNkW=b9UaQCYnP7TK"
    "w5B?6>n~cV;KMv-"
    "^Ht%!dk7cOr}U0sSyhvVCZ%&<QHO@<kBTZrf5U*Ip{N#$N@Wmlm?YjR#H7J#r1@dN0Djtm_Fe@RrJ9oWO84lZvh)c5)1HA!Fzx7Pv;50NOaJ7U"
    "ogrHO#lU=R@WJ)?8rjqrL@k2=mr(Y`e<h14ak81t9(2Wt%sw=|L-"
    "=$}B!}Q8<0w*pWLPPyd+>?XE^lgVt>*l}Y8|=>o#EfYbP5M}g1fo%%Sc^{cBFApO^By{Cr$vf%<IU?1fK&%=*rCNHqqmRLfJH=``nYc!ioQCm8"
    "jksKeVY~9@>X{)4OzdV|GD+jB#aucU`BXJVVEQdJJgLGIg-Te4+Ph!M6!kP&_zMVsUgNzF{&Poe14seT$Sq2zmi_OgE*y}o$Bg|n+PpUgdT9vS"
    "ClKY(J)=nCym+{K#s*pF5oPWRfUVHwXwTa}Jp~X|-"
    "nb+17I_Rd8BzyUrM7QV`SFcFix5~9p2f_k#+fRps*9fZEZFMJWMiG7%L(I;VoE@=zWvIE5)}n^BU~4%aCe4sw>qplkTNZ8|95`*rcIjb#m*c^x"
    ";lW@JF6F^lo!Q*6OCOX6qsoI>!-"
    "L5l+{%N=9&QZIeJUys=CX%=qXlzvKsp}3!w(G&4Gj$q4GoR|3W6VWoyU6lAnH~x4j%Pgr%0uwKa>2k*oQ3r#_7d$5E-g-"
    "I9XTztc6>YeTfy?l)o2B?5ELl7(;^N7^^#f>BUb}{+|^a27lcas(1WSJ#qf#@xK8!?bPJ"
)
GOOD = zlib.decompress(base64.b85decode(PACKED))
LAST = struct.pack("<HH", 3, 2)


def opened(tmp_path: Path, raw: bytes):
    path = tmp_path / "f.xls"
    path.write_bytes(raw)
    return open_xlsx(path, "f.xls", recognise)


def test_what_old_programs_write(tmp_path: Path) -> None:
    source = opened(tmp_path, GOOD)
    assert source.headings == ["code", "lon", "lat"]
    assert read(source)[0] == {n + 1: [f"H{n}", str(102.7 + n / 1000), "25.04"] for n in (1, 2, 3)}


@pytest.mark.parametrize(("row", "column"), [(65_535, 65_535), (65_535, 255)])
def test_a_cell_far_away_ends_nobody(tmp_path: Path, row: int, column: int) -> None:
    """The first would end the process that reads it, the second would take it a gigabyte."""
    at = GOOD.index(LAST)
    with pytest.raises(Invalid) as refused:
        opened(tmp_path, GOOD[:at] + struct.pack("<HH", row, column) + GOOD[at + 4 :])
    assert "CSV UTF-8" in refused.value.faults[0].message


def test_what_is_damaged_is_told_as_damaged(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        opened(tmp_path, GOOD[:600] + bytes(2000))
    assert "不是可读的" in refused.value.faults[0].message
