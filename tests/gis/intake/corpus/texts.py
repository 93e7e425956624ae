"""Tables of text that are not what they seem: encodings, line ends, quotes, headings, giants."""

from __future__ import annotations

import codecs

from tests.gis.intake.corpus.case import GOOD, REFUSED, Case, csv, homes, row

_PLACE_WORDS = "昆明市官渡区幸福里小区一号楼二单元三零一室住户养老助餐服务站点网格员社区居委会"
_TRADITIONAL = "昆明市官渡區幸福里小區一號樓二單元三零一室住戶養老助餐服務站點網格員社區居委會"


def _rooms(words: str, count: int = 12) -> str:
    rows = [row("households", 10 + n, room=words[n : n + 6], colour="green") for n in range(count)]
    return csv(rows).decode()


def cases() -> list[Case]:
    return [*_encodings(), *_shapes(), *_headings(), *_missing_columns(), *_giants(), *_cuts()]


def _encodings() -> list[Case]:
    plain, latin = _rooms(_PLACE_WORDS), _rooms("café-rôtisserie-über-straße-naïve-ñandú-crème")
    wide = "utf-16"
    utf8, gb = _rooms(_PLACE_WORDS).encode(), _rooms(_PLACE_WORDS).encode("gb18030")
    head, *tail = utf8.splitlines(keepends=True)
    gb_tail = gb.splitlines(keepends=True)[1:]
    found = [
        ("utf-16 with a BOM", plain.encode(wide), "", (12, 12), ""),
        ("utf-16 big-endian with a BOM", codecs.BOM_UTF16_BE + plain.encode("utf-16-be"), "", (12, 12), ""),
        ("utf-16 little-endian without a BOM", plain.encode("utf-16-le"), "没有 BOM 的 UTF-16.*CSV UTF-8", None, "1"),
        ("utf-16 big-endian without a BOM", plain.encode("utf-16-be"), "没有 BOM 的 UTF-16.*CSV UTF-8", None, "1"),
        ("utf-32 with a BOM", plain.encode("utf-32"), "UTF-16|没有", None, ""),
        ("utf-16 cut in a character", plain.encode(wide)[:-1], "截断|不是", None, r"\d+"),
        ("big5", _rooms(_TRADITIONAL).encode("big5"), "像是 big5|不是 UTF-8 / GB 18030", (12, 12), ""),
        ("latin-1", latin.encode("latin-1"), "像是|不是 UTF-8 / GB 18030", None, ""),
        ("shift-jis", _rooms("カタカナひらがなトウキョウオオサカナゴヤ").encode("shift-jis"), "像是|不是 UTF-8 / GB 18030", (12, 12), ""),
        ("utf-8 then gb 18030", head + b"".join(tail[:6]) + b"".join(gb_tail[6:]), "第 8 行不是 UTF-8", None, "8"),
        ("gb 18030 then utf-8", head + b"".join(gb_tail[:6]) + b"".join(tail[6:]), "像是|不是|乱码", None, ""),
        ("utf-8 BOM before gb 18030", codecs.BOM_UTF8 + gb, "不是 UTF-8", None, r"\d+"),
        ("two BOMs", codecs.BOM_UTF8 * 2 + utf8, "", (12, 12), ""),
        ("utf-8 cut in a character", utf8[: utf8.rindex("室".encode()) + 1] if "室".encode() in utf8 else utf8[:-30], "截断|不是", None, r"\d+"),
        ("double-encoded utf-8", plain.encode().decode("latin-1").encode(), "控制字符", (12, 0), "2:room"),
        ("an image", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "不是|没有", None, ""),
        ("a program", b"\x7fELF" + bytes(2000), "二进制|不是", None, ""),
        ("noise", bytes((n * n * 7 + n * 13) % 251 for n in range(5000)), "不是|缺少|空字符", None, ""),
    ]  # fmt: skip
    return [
        Case("encodings", name, "households", "户.csv", content, says, outcome or REFUSED, where=where)
        for name, content, says, outcome, where in found
    ]  # fmt: skip


def _shapes() -> list[Case]:
    """Line ends, quotes, NULs and ragged rows."""
    good = homes(6)
    lines = good.splitlines()
    mixed = b"".join(
        line + end for line, end in zip(lines, [b"\r\n", b"\n", b"\r\n", b"\n", b"\r\n", b"\n", b""], strict=True)
    )
    long, short = lines[2] + b",more,cells", lines[2].rsplit(b",", 2)[0]
    open_quote = lines[3].replace(b"N12", b'"N12')
    found = [
        ("mixed line ends", mixed, "", (6, 6), ""),
        ("lone carriage returns", b"\r".join(lines), "", (6, 6), ""),
        ("a NUL in a cell", good.replace(b"N12", b"N\x0012"), "空字符", (6, 5), "4:code"),
        ("NULs at the end", good + b"\0" * 500, "空字符|列", (7, 6), ""),
        ("NULs after a power cut", good[:200] + b"\0" * 4096, "空字符|列", (5, 4), ""),
        ("a row too long", b"\n".join([*lines[:2], long, *lines[3:]]), "应有 7 列，实有 9 列", (6, 5), "3:"),
        ("a row too short", b"\n".join([*lines[:2], short, *lines[3:]]), "应有 7 列，实有 5 列", (6, 5), "3:"),
        ("all rows too short", b"\n".join([lines[0], *(line.rsplit(b",", 1)[0] for line in lines[1:])]), "应有 7 列，实有 6 列", (6, 0), "2:"),
        ("an open quote", b"\n".join([*lines[:3], open_quote, *lines[4:]]), "引号|列", (3, 2), ""),
        ("an open quote at the end", good + b'"N99,B1', "引号|列", (7, 6), ""),
        ("a quote inside a cell", good.replace(b"N12", b'N"12'), "", (6, 6), ""),
        ("a line end inside a cell", good.replace("2室".encode(), '"2\n室"'.encode()), "", (6, 6), ""),
        ("blank lines between", b"\n\n".join(lines), "", (6, 6), ""),
        ("rows of commas", b"\n".join([*lines, b",,,,,,", b",,,,,,"]), "", (6, 6), ""),
        ("full-width commas", good.decode().replace(",", "，").encode(), "中文逗号", None, "1"),
        ("full-width commas in the heading", good.replace(b",", "，".encode(), 6), "中文逗号", None, "1"),
        ("semicolons", good.replace(b",", b";"), "", (6, 6), ""),
        ("tabs", good.replace(b",", b"\t"), "", (6, 6), ""),
        ("pipes", good.replace(b",", b"|"), "缺少必需的列：code.*文件中有", None, "code"),
        ("two separators", b"\n".join([lines[0], *(line.replace(b",", b";") for line in lines[1:])]), "应有 7 列，实有 1 列", (6, 0), "2:"),
        ("a page of HTML", b"<html><body><table><tr><td>code</td></tr></table></body></html>", "缺少必需的列", None, "code"),
        ("JSON in a CSV", b'{"code": "N1", "building": "B1"}', "缺少必需的列", None, "code"),
        ("a workbook named .csv", b"PK\x03\x04" + bytes(100), "不是|二进制|UTF-16", None, ""),
        ("conflict marks", b"<<<<<<< HEAD\n" + good, "", (6, 6), ""),
    ]  # fmt: skip
    return [
        Case("tables", name, "households", "户.csv", content, says, outcome or REFUSED, where=where)
        for name, content, says, outcome, where in found
    ]  # fmt: skip


def _headings() -> list[Case]:
    good = homes(3)
    body = good.split(b"\n", 1)[1]
    return [
        Case("headings", "empty file", "households", "户.csv", b"", "空文件"),
        Case("headings", "only a BOM", "households", "户.csv", codecs.BOM_UTF8, "空文件|没有标题行"),
        Case("headings", "only line ends", "households", "户.csv", b"\r\n\r\n\r\n", "空文件|没有标题行"),
        Case("headings", "only blanks", "households", "户.csv", b"   ", "空文件|没有标题行"),
        Case("headings", "only a heading", "households", "户.csv", good.split(b"\n")[0], "只有标题行", (0, 0)),
        Case("headings", "only a heading and blank rows", "households", "户.csv", good.split(b"\n")[0] + b"\n,,,,,,\n\n", "只有标题行", (0, 0)),
        Case("headings", "no heading", "households", "户.csv", body, "缺少必需的列：code"),
        Case("headings", "twice the same", "households", "户.csv", b"code,code,building\nN1,N2,B1\n", "都表示 code，只留一列", where="code"),
        Case("headings", "twice the same in two languages", "households", "户.csv", "户编码,编码,楼栋\nN1,N2,B1\n".encode(), "都表示 code", where="code"),
        Case("headings", "three of a kind", "stations", "站.csv", "code,name,kind,services,x,lng,经度,lat\nS1,站,食堂,meal,102,102,102,25\n".encode(), "都表示 lon，只留一列", where="lon"),
        Case("headings", "unknown columns", "households", "户.csv", b"code,building,shoe_size\nN1,B1,44\n", "未使用的列：shoe_size", (1, 1)),
        Case("headings", "a title above", "households", "户.csv", "昆明市户籍表,,\n\ncode,building,colour\nN1,B1,red\n".encode(), "", (1, 1)),
        Case("headings", "the wrong kind of file", "residents", "人.csv", good, "缺少必需的列：household|code", crs=None),
        Case("headings", "blank heading", "households", "户.csv", b",building\nN1,B1\n", "缺少必需的列：code"),
    ]  # fmt: skip


NEEDED = {
    "renovation": "compound",
    "chiefs": "building",
    "contacts": "household",
    "residents": "household",
    "needs": "household",
    "backdrop": "kind",
}
"""The first column that a kind cannot do without, where it is no code."""


def _missing_columns() -> list[Case]:
    missing = [(kind, NEEDED.get(kind, "code"), ".*文件中有") for kind in GOOD if kind != "streets"]
    missing += [
        (kind, column, "")
        for kind, column in (
            ("buildings", "lat"), ("stations", "lon"), ("stations", "services"), ("needs", "opened_on"),
            ("grids", "geometry"), ("areas", "geometry"), ("streets", "geometry"),
        )
    ]  # fmt: skip
    found = []
    for kind, needed, more in missing:
        content = csv([{column: cell for column, cell in row(kind, 11).items() if column != needed}])
        says, crs = f"缺少必需的列：.*{needed}{more}", None if kind in ("residents", "needs") else "EPSG:4326"
        found.append(Case("headings", f"no column {needed}", kind, "缺.csv", content, says, crs=crs, where=needed))
    return found


def _giants() -> list[Case]:
    rows = csv([row("households", 11, room="A" * (10 << 20)), row("households", 12)])
    wide = ",".join(f"c{n}" for n in range(20_000))
    return [
        Case("giants", "10 MB in one cell", "households", "户.csv", rows, "引号没有成对，或单元格过大|超过 100 个字符", REFUSED),
        Case("giants", "1.5 MB in one cell", "households", "户.csv", csv([row("households", 11, room="A" * (3 << 19)), row("households", 12)]), "超过 100 个字符|过大", (2, 1)),
        Case("giants", "10 MB in a heading", "households", "户.csv", b"code," + b"x" * (10 << 20) + b"\nN1,1\n", "标题行过长", REFUSED),
        Case("giants", "20,000 columns", "households", "户.csv", f"code,{wide}\nN1,{wide}\n".encode(), "未使用的列", (1, 1)),
        Case("giants", "a quote open over 10 MB", "households", "户.csv", homes(3) + b'N90,"' + b"N1,B1\n" * (2 << 20), "引号没有成对", REFUSED),
        Case("giants", "10 MB without a line end", "households", "户.csv", b"code,building," * (10 << 16), "都表示", REFUSED),
        Case("giants", "one number of 300,000 digits", "households", "户.csv", csv([row("households", 11, lon="1" * 300_000)]), "不是数字|经度", (1, 0)),
        Case("giants", "a date of 100,000 digits", "needs", "需.csv", csv([row("needs", 11, opened_on="2" * 100_000)]), "日期无法识别", (1, 0), None),
        Case("giants", "20,000 services", "stations", "站.csv", csv([row("stations", 11, services=";".join(["meal"] * 20_000))]), "meal|助餐", (1, 0)),
        Case("giants", "50,000 care flags", "residents", "人.csv", csv([row("residents", 11, care_flags=";".join(["x"] * 50_000))]), "未知的关怀标识", (1, 0), None),
    ]  # fmt: skip


def _cuts() -> list[Case]:
    """A CSV cut at several places keeps its whole rows."""
    whole = homes(12)
    found = []
    for share in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        cut = whole[: int(len(whole) * share)]
        rows = cut.count(b"\n")
        found.append(
            Case(
                "cuts",
                f"at {share:.0%}",
                "households",
                "户.csv",
                cut,
                "应有 7 列",
                (rows, rows - 1),
                where=f"{rows + 1}:",
            )
        )
    return found
