"""Words that the tables and the interfaces share: each code with its 中文 and English name."""

from __future__ import annotations

AREA_LEVELS = {"city": "市", "county": "区县", "township": "街道/镇", "community": "社区"}

COLOURS = {"red": "红", "yellow": "黄", "green": "绿"}

AGE_GROUPS = {"0-12": "0–12岁", "13-59": "13–59岁", "60-79": "60–79岁", "80+": "80岁及以上"}
"""In the order of the bits in which a household's ages are told (migrations/sql, the file named after need_groups)."""

CARE_FLAGS = {
    "living_alone": "独居",
    "empty_nest": "空巢",
    "disabled_elder": "失能",
    "disability": "残疾",
    "child_in_difficulty": "困境儿童",
    "left_behind": "留守",
    "single_parent": "单亲",
    "low_income": "低收入",
    "dual_earner": "双职工",
}

SERVICES = {
    "meal": "助餐",
    "day_care": "日间照料",
    "child_care": "托育",
    "after_school": "课后托管",
    "health": "健康监测",
    "mediation": "调解",
    "errand": "代办",
    "home_help": "居家服务",
    "culture": "文化活动",
    "rest": "歇脚",
    "counselling": "心理疏导",
    "party_service": "党群服务",
}

NEED_ORIGINS = {"import": "导入", "worker": "网格员登记", "request": "居民诉求"}

ROLES = {
    "admin": "管理员",
    "planner": "规划员",
    "worker": "网格员",
    "screen": "大屏",
    "auditor": "审计员",
}

SIGN_IN_METHODS = {"password": "密码", "oidc": "统一身份认证", "key": "大屏密钥"}
SECOND_FACTORS = {"code": "动态验证码", "recovery": "恢复码", "provider": "统一身份认证的多因素"}

SEXES = {"male": "男", "female": "女"}

BACKDROP_KINDS = {"water": "水域", "green": "绿地"}

RENOVATION_STATES = {"not_started": "未开工", "started": "已开工", "finished": "已完工"}

GRID_REASONS = {"no position": "没有位置", "outside every grid": "不在任何网格内"}

IMPORT_KINDS = {
    "areas": "区划",
    "grids": "网格",
    "compounds": "小区",
    "buildings": "楼栋",
    "households": "户",
    "residents": "居民",
    "stations": "服务站点",
    "streets": "街道",
    "needs": "需求",
    "backdrop": "底图要素",
    "renovation": "小区改造",
    "street_units": "街区",
    "merchants": "商户",
    "things": "事物设施",
    "chiefs": "楼栋长",
    "contacts": "包户联系人",
}
IMPORT_STATES = ("queued", "running", "done", "failed", "cancelled")
IMPORT_PARTS = ("content", "rejected")

HEALTH_NEEDS = {
    "measuring": "健康监测",
    "medicine_reminder": "用药提醒",
    "medicine_delivery": "代取药品",
    "clinic_escort": "陪同就医",
    "family_doctor": "家庭医生随访",
    "home_nursing": "上门护理",
    "rehabilitation": "康复训练",
    "mobility_aid": "助行与辅具",
    "soft_diet": "软食或特殊膳食",
    "emergency_call": "一键呼叫",
}
"""健康服务需求: what help is needed, never why. No diagnosis has a place here."""

HISTORY_SUBJECTS = {
    "household": "户",
    "resident": "居民",
    "need": "需求",
    "contact": "包户联系",
    "door_code": "门牌码",
}
