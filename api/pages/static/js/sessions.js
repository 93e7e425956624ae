// How a session is shown: since when, from where, how; the same to its holder and to an admin.
import { el, t } from "./common.js";

const WHEN = new Intl.DateTimeFormat("zh-CN", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Shanghai" });
const METHODS = { password: ["密码", "password"], oidc: ["统一身份认证", "single sign-on"], key: ["大屏密钥", "screen key"] };
const FACTORS = { code: ["验证码", "code"], recovery: ["恢复码", "recovery code"], provider: ["多因素", "several factors"] };

/** One session with its button; `end` is called with the session. */
export function sessionRow(each, end) {
  const [zh, en] = METHODS[each.method];
  const factor = FACTORS[each.second_factor];
  const seen = each.last_seen.length > 10 ? WHEN.format(new Date(each.last_seen)) : each.last_seen;
  const button = each.own
    ? el("span", { class: "badge good" }, t("就是这次", "this one"))
    : el("button", { class: "button", type: "button", on: { click: () => end(each) } }, t("结束", "End"));
  return el("li", {},
    el("span", { class: "grow" },
      el("strong", { text: WHEN.format(new Date(each.began_at)) }), " ",
      t(factor ? `${zh}＋${factor[0]}` : zh, factor ? `${en} + ${factor[1]}` : en),
      el("span", { class: "detail" }, t(`来自 ${each.address ?? "—"} · 最近使用 ${seen}`, "from · last used"))),
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
