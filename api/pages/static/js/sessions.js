// How a session is shown: since when, from where, how; the same to its holder and to an admin.
import { LOCALE, TIME_ZONE, el, t } from "./common.js";

const WHEN = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short", timeZone: TIME_ZONE });
const METHODS = { password: t("密码"), oidc: t("统一身份认证"), key: t("大屏密钥") };
const FACTORS = { code: t("验证码"), recovery: t("恢复码"), provider: t("多因素") };

/** One session with its button; `end` is called with the session. */
export function sessionRow(each, end) {
  const factor = FACTORS[each.second_factor];
  const seen = each.last_seen.length > 10 ? WHEN.format(new Date(each.last_seen)) : each.last_seen;
  const button = each.own
    ? el("span", { class: "badge good" }, t("就是这次"))
    : el("button", { class: "button", type: "button", on: { click: () => end(each) } }, t("结束"));
  return el("li", {},
    el("span", { class: "grow" },
      el("strong", { text: WHEN.format(new Date(each.began_at)) }), " ",
      [METHODS[each.method], factor].filter(Boolean).join(" + "),
      el("span", { class: "detail" }, t("来自 {address} · 最近使用 {seen}", { address: each.address ?? "—", seen }))),
    button);
}

/** Run an act of a form or a button: shut while it runs, errors said in `box`. Returns what the act returned, or undefined. */
export async function run(button, box, say, act) {
  button.disabled = true;
  say(box, null);
  try {
    return await act();
  } catch (error) {
    say(box, error);
    box.scrollIntoView({ block: "nearest" });
    return undefined;
  } finally {
    button.disabled = false;
  }
}
