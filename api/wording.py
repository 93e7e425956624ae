"""What pydantic finds wrong, in words for people: 中文 / English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MESSAGES = {
    "missing": "缺少必填项 / required",
    "int_parsing": "应为整数 / expected a whole number",
    "int_type": "应为整数 / expected a whole number",
    "float_parsing": "应为数字 / expected a number",
    "float_type": "应为数字 / expected a number",
    "finite_number": "应为有限的数 / expected a finite number",
    "bool_parsing": "应为 true 或 false / expected true or false",
    "string_type": "应为文字 / expected text",
    "string_too_short": "文字过短 / text too short (min {min_length})",
    "string_too_long": "文字过长 / text too long (max {max_length})",
    "string_pattern_mismatch": "格式不符 / does not match {pattern}",
    "greater_than": "应大于 {gt} / must be greater than {gt}",
    "greater_than_equal": "应不小于 {ge} / must be at least {ge}",
    "less_than": "应小于 {lt} / must be less than {lt}",
    "less_than_equal": "应不大于 {le} / must be at most {le}",
    "literal_error": "应为其中之一 / must be one of {expected}",
    "enum": "应为其中之一 / must be one of {expected}",
    "too_long": "项目过多 / too many items (max {max_length})",
    "too_short": "项目过少 / too few items (min {min_length})",
    "list_type": "应为列表 / expected a list",
    "dict_type": "应为对象 / expected an object",
    "model_attributes_type": "应为对象 / expected an object",
    "json_invalid": "不是有效的 JSON / not valid JSON",
    "date_from_datetime_parsing": "应为日期 YYYY-MM-DD / expected a date YYYY-MM-DD",
    "date_parsing": "应为日期 YYYY-MM-DD / expected a date YYYY-MM-DD",
    "uuid_parsing": "应为 UUID / expected a UUID",
    "extra_forbidden": "未知的字段 / unknown field",
}


def wording(fault: Mapping[str, Any]) -> str:
    """Return the message of one of pydantic's errors; a validator of ours has said it well already."""
    template = _MESSAGES.get(fault["type"])
    if template is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    return template.format_map(fault.get("ctx") or {})
