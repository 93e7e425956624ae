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
      el("span", { class: "badge", text: words.roles[account.role] }), ...states(account)),
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
    account.disabled && el("span", { class: "badge bad" }, t("已停用", "disabled")),
    locked && el("span", { class: "badge warn" }, t("暂时锁定", "locked for a while")),
    account.must_change_password && el("span", { class: "badge warn" }, t("待改密码", "must change password")),
    account.second_factor_at && el("span", { class: "badge good" }, t("两步验证", "second factor")),
    account.subject && el("span", { class: "badge" }, t("已关联统一身份认证", "linked")),
  ].filter(Boolean);
}

function ownNote() {
  return el("p", {}, t("这是您自己的账号，", "Your own account: "), el("a", { href: "/account" }, t("在此修改", "change it here")));
}

function button(zh, en, kind = "") {
  return el("button", { class: `button ${kind}`, type: "button" }, t(zh, en));
}

/** A button that acts at the second press: the first asks. */
function sure(zh, en, act) {
  const it = button(zh, en, "danger");
  let asked = false;
  it.addEventListener("click", () => {
    if (asked) return act(it);
    asked = true;
    it.replaceChildren(t(`确定${zh}？`, `Really ${en.toLowerCase()}?`));
    return undefined;
  });
  it.addEventListener("blur", () => { asked = false; it.replaceChildren(t(zh, en)); });
  return it;
}

function field(label, english, input) {
  input.id = `card-${made += 1}`;
  return el("div", { class: "field" }, el("label", { for: input.id }, t(label, english)), input);
}

function roleAndState(work) {
  const { account, words, path, act, box } = work;
  const select = el("select", {}, ...Object.entries(words.roles).map(([role, label]) =>
    el("option", { value: role, selected: role === account.role, text: `${label} ${role}` })));
  const save = button("改角色", "Change role");
  save.addEventListener("click", () => act(save, () => call(path, { method: "PATCH", json: { role: select.value } })));
  const state = account.disabled ? button("启用", "Enable") : button("停用", "Disable", "danger");
  state.addEventListener("click", () => act(state, () => call(path, { method: "PATCH", json: { disabled: !account.disabled } })));
  const reset = sure("重置密码", "Reset password", (it) => run(it, box, say, async () => {
    const { password } = await call(`${path}/password`, { method: "POST", json: {} });
    say(box, "新密码只显示这一次，本人登录后必须修改 / the new password is shown this once and must be changed", "good");
    box.append(el("br"), el("code", { class: "shown", text: password }));
  }));
  const factor = account.second_factor_at
    ? sure("重置两步验证", "Reset second factor", (it) => act(it, () => call(`${path}/second-factor`, { method: "DELETE" }))) : null;
  const gone = sure("删除账号", "Delete account", (it) => act(it, () => call(path, { method: "DELETE" })));
  return el("div", {},
    el("div", { class: "fields" }, field("角色", "Role", select), el("div", { class: "field" }, save)),
    el("div", { class: "buttons" }, ...[state, reset, factor, gone].filter(Boolean)));
}

function charges(work) {
  const { account, path, act } = work;
  const rows = el("div", {});
  const row = (charge = {}) => {
    const grid = el("input", { list: "all-grids", value: charge.grid, autocomplete: "off", "data-grid": true });
    const since = el("input", { type: "date", value: charge.since, "data-since": true });
    const until = el("input", { type: "date", value: charge.until, "data-until": true });
    const gone = button("移除", "Remove");
    const it = el("div", { class: "charge" },
      field(charge.name ? `网格 ${charge.name}` : "网格", "grid", grid), field("自", "from", since), field("至（含）", "to, included", until), gone);
    gone.addEventListener("click", () => it.remove());
    return it;
  };
  rows.append(...account.charges.map(row));
  const more = button("添加网格", "Add a grid");
  more.addEventListener("click", () => { rows.append(row()); rows.lastElementChild.querySelector("input").focus(); });
  const save = button("保存网格", "Save grids", "primary");
  save.addEventListener("click", () => act(save, () => call(`${path}/grids`, {
    method: "PUT",
    json: {
      grids: [...rows.children].map((each) => ({
        grid: each.querySelector("[data-grid]").value.trim(),
        since: each.querySelector("[data-since]").value || null,
        until: each.querySelector("[data-until]").value || null,
      })).filter((each) => each.grid),
    },
  })));
  return el("section", {}, el("h3", {}, t("负责的网格", "Grids")), rows, el("div", { class: "buttons" }, more, save));
}

function identity(work) {
  const { account, path, act } = work;
  const subject = el("input", { value: account.subject, maxlength: 255, autocomplete: "off", spellcheck: "false" });
  const save = button("保存关联", "Save link");
  save.addEventListener("click", () => act(save, () =>
    call(`${path}/identity`, { method: "PUT", json: { subject: subject.value.trim() || null } })));
  return el("div", { class: "fields" }, field("统一身份认证标识（sub）", "subject at the provider", subject), el("div", { class: "field" }, save));
}

function sessions(work) {
  const { path, box } = work;
  const rows = el("ul", { class: "rows" });
  const load = async () => {
    const { items } = await call(`${path}/sessions`);
    rows.replaceChildren(...items.map((each) => sessionRow(each, () =>
      run(all, box, say, async () => { await call(`${path}/sessions/${each.id}`, { method: "DELETE" }); await load(); }))));
    if (!items.length) rows.append(el("li", { class: "muted" }, t("目前没有登录", "nobody is signed in")));
  };
  const all = button("结束全部登录", "End all sessions");
  all.addEventListener("click", () => run(all, box, say, async () => { await call(`${path}/sessions`, { method: "DELETE" }); await load(); }));
  load().catch((error) => say(box, error));
  return el("section", {}, el("h3", {}, t("登录", "Sessions")), rows, el("div", { class: "buttons" }, all));
}
