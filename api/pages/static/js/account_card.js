// One account of the admins' list: opened by its line, changed inside.
import { call, el, say, t } from "./common.js";
import { run, sessionRow } from "./sessions.js";

let made = 0;

/** Return the card of an account. `words` are the page's; `open` whether it is open; `reload` asks for the list again. */
export function accountCard(account, words, { open, reload }) {
  const box = el("div", { class: "message", role: "alert", hidden: true });
  const inside = el("div", { class: "inside" });
  const card = el("details", { class: "card account", "data-name": account.name, open },
    el("summary", {}, el("span", { class: "name", text: account.name }),
      el("span", { class: "badge", text: t(words.roles[account.role]) }), ...states(account)),
    inside);
  const work = {
    account, words, box, reload,
    path: `/api/accounts/${encodeURIComponent(account.name)}`,
    /** Do something on a button and show the list anew, or say what went wrong. */
    act: (button, act) => run(button, box, say, async () => { await act(); await reload(); }),
  };
  const fill = () => {
    if (inside.childElementCount) return;
    inside.append(box, ...(account.name === words.self ? [ownNote()] : [roleAndState(work)]),
      ...(account.role === "worker" ? [charges(work)] : []),
      ...(words.oidc && account.name !== words.self ? [identity(work)] : []), sessions(work));
  };
  card.addEventListener("toggle", () => card.open && fill());
  if (open) fill();
  return card;
}

function states(account) {
  const locked = account.locked_until && new Date(account.locked_until) > new Date();
  return [
    account.disabled && el("span", { class: "badge bad" }, t("已停用")),
    locked && el("span", { class: "badge warn" }, t("暂时锁定")),
    account.must_change_password && el("span", { class: "badge warn" }, t("待改密码")),
    account.second_factor_at && el("span", { class: "badge good" }, t("两步验证")),
    account.subject && el("span", { class: "badge" }, t("已关联统一身份认证")),
  ].filter(Boolean);
}

function ownNote() {
  return el("p", {}, t("这是您自己的账号，"), el("a", { href: "/account" }, t("在此修改")));
}

function button(label, kind = "") {
  return el("button", { class: `button ${kind}`, type: "button" }, label);
}

/** A button that acts at the second press: the first asks. */
function sure(label, act) {
  const it = button(label, "danger");
  let asked = false;
  it.addEventListener("click", () => {
    if (asked) return act(it);
    asked = true;
    it.replaceChildren(t("确定{what}？", { what: label }));
    return undefined;
  });
  it.addEventListener("blur", () => { asked = false; it.replaceChildren(label); });
  return it;
}

function field(label, input) {
  input.id = `card-${made += 1}`;
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

function roleAndState(work) {
  const { account, words, path, act, box } = work;
  const select = el("select", {}, ...Object.entries(words.roles).map(([role, label]) =>
    el("option", { value: role, selected: role === account.role, text: t(label) })));
  const save = button(t("改角色"));
  save.addEventListener("click", () => act(save, () => call(path, { method: "PATCH", tag: account.version, json: { role: select.value } })));
  const state = account.disabled ? button(t("启用")) : button(t("停用"), "danger");
  state.addEventListener("click", () => act(state, () => call(path, { method: "PATCH", tag: account.version, json: { disabled: !account.disabled } })));
  const reset = sure(t("重置密码"), (it) => run(it, box, say, async () => {
    const { password } = await call(`${path}/password`, { method: "POST", json: {} });
    say(box, t("新密码只显示这一次，本人登录后必须修改"), "good");
    box.append(el("br"), el("code", { class: "shown", text: password }));
  }));
  const factor = account.second_factor_at
    ? sure(t("重置两步验证"), (it) => act(it, () => call(`${path}/second-factor`, { method: "DELETE" }))) : null;
  const gone = sure(t("删除账号"), (it) => act(it, () => call(path, { method: "DELETE", tag: account.version })));
  return el("div", {},
    el("div", { class: "fields" }, field(t("角色"), select), el("div", { class: "field" }, save)),
    el("div", { class: "buttons" }, ...[state, reset, factor, gone].filter(Boolean)));
}

function charges(work) {
  const { account, path, act } = work;
  const rows = el("div", {});
  const row = (charge = {}) => {
    const grid = el("input", { list: "all-grids", value: charge.grid, autocomplete: "off", "data-grid": true });
    const since = el("input", { type: "date", value: charge.since, "data-since": true });
    const until = el("input", { type: "date", value: charge.until, "data-until": true });
    const gone = button(t("移除"));
    const it = el("div", { class: "charge" },
      field(charge.name ? t("网格 {name}", { name: charge.name }) : t("网格"), grid), field(t("自"), since), field(t("至（含）"), until), gone);
    gone.addEventListener("click", () => it.remove());
    return it;
  };
  rows.append(...account.charges.map(row));
  const more = button(t("添加网格"));
  more.addEventListener("click", () => { rows.append(row()); rows.lastElementChild.querySelector("input").focus(); });
  const save = button(t("保存网格"), "primary");
  save.addEventListener("click", () => act(save, () => call(`${path}/grids`, {
    method: "PUT",
    tag: account.version,
    json: {
      grids: [...rows.children].map((each) => ({
        grid: each.querySelector("[data-grid]").value.trim(),
        since: each.querySelector("[data-since]").value || null,
        until: each.querySelector("[data-until]").value || null,
      })).filter((each) => each.grid),
    },
  })));
  return el("section", {}, el("h3", {}, t("负责的网格")), rows, el("div", { class: "buttons" }, more, save));
}

function identity(work) {
  const { account, path, act } = work;
  const subject = el("input", { value: account.subject, maxlength: 255, autocomplete: "off", spellcheck: "false" });
  const save = button(t("保存关联"));
  save.addEventListener("click", () => act(save, () =>
    call(`${path}/identity`, { method: "PUT", tag: account.version, json: { subject: subject.value.trim() || null } })));
  return el("div", { class: "fields" }, field(t("统一身份认证标识（sub）"), subject), el("div", { class: "field" }, save));
}

function sessions(work) {
  const { path, box } = work;
  const rows = el("ul", { class: "rows" });
  const load = async () => {
    const { items } = await call(`${path}/sessions`);
    rows.replaceChildren(...items.map((each) => sessionRow(each, () =>
      run(all, box, say, async () => { await call(`${path}/sessions/${each.id}`, { method: "DELETE" }); await load(); }))));
    if (!items.length) rows.append(el("li", { class: "muted" }, t("目前没有登录")));
  };
  const all = button(t("结束全部登录"));
  all.addEventListener("click", () => run(all, box, say, async () => { await call(`${path}/sessions`, { method: "DELETE" }); await load(); }));
  load().catch((error) => say(box, error));
  return el("section", {}, el("h3", {}, t("登录")), rows, el("div", { class: "buttons" }, all));
}
