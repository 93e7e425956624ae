// Every account, for admins: a list of cards that open; what roles must show; the screens' keys.
import { $, call, el, say, t } from "./common.js";
import { accountCard } from "./account_card.js";
import { run } from "./sessions.js";

const words = JSON.parse($("[data-words]").textContent);
const list = $("[data-list]");
const find = $("[data-find]");
const findRole = $("[data-find-role]");
let accounts = [];
let policyVersion;

function shown() {
  const wanted = find.value.trim().toLowerCase();
  return accounts.filter((each) =>
    (!findRole.value || each.role === findRole.value)
    && (!wanted || each.name.toLowerCase().includes(wanted) || each.charges.some((charge) => charge.grid.includes(wanted) || charge.name.includes(wanted))));
}

function draw() {
  const found = shown();
  const open = new Set([...list.querySelectorAll("details.account[open]")].map((card) => card.dataset.name));
  list.replaceChildren(...found.map((each) => accountCard(each, words, { open: open.has(each.name), reload: load })));
  $("[data-count]").textContent = `${found.length} / ${accounts.length}`;
  list.removeAttribute("aria-busy");
}

async function load() {
  try {
    accounts = (await call("/api/accounts")).items;
    draw();
  } catch (error) {
    list.removeAttribute("aria-busy");
    say($(".accounts > [data-error]"), error);
  }
}

function onSubmit(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const box = $("[data-error]", form);
    run($("button[type=submit]", form), box, say, () => act(new FormData(form), box));
  });
}

/** Say a secret that is shown once, in a message that stays. */
function tellOnce(box, told, secret) {
  say(box, told, "good");
  box.append(el("br"), el("code", { class: "shown", text: secret }));
}

const add = $("[data-add]");
add.elements.role.addEventListener("change", () => { $("[data-add-grid]").hidden = add.elements.role.value !== "worker"; });
onSubmit(add, async (given, box) => {
  const worker = given.get("role") === "worker";
  const grids = worker && given.get("grid") ? [{ grid: given.get("grid").trim() }] : [];
  const made = await call("/api/accounts", { method: "POST", json: { name: given.get("name").trim(), role: given.get("role"), grids } });
  add.reset();
  $("[data-add-grid]").hidden = false;
  if (made.password) tellOnce(box, t("账号 {name} 已建立，密码只显示这一次", { name: made.name }), made.password);
  else say(box, t("账号 {name} 已建立，请在下方发放密钥", { name: made.name }), "good");
  await load();
});

const policy = $("[data-policy]");
async function loadPolicy() {
  const { second_factor_required: roles, version } = await call("/api/account-policy");
  policyVersion = version;
  for (const field of policy.querySelectorAll("input")) field.checked = roles.includes(field.value);
}
onSubmit(policy, async (given, box) => {
  await call("/api/account-policy", { method: "PUT", tag: policyVersion, json: { second_factor_required: given.getAll("role") } });
  say(box, t("已保存"), "good");
  await loadPolicy();
});

const keys = $("[data-keys]");
const keyForm = $("[data-key]");
function keyRow(each) {
  const used = each.last_used_on ? t("最近使用 {day}", { day: each.last_used_on }) : t("从未使用");
  const revoke = el("button", { class: "button danger", type: "button" }, t("停用"));
  revoke.addEventListener("click", () => run(revoke, $("[data-error]", keyForm), say, async () => {
    await call(`/api/screen-keys/${each.id}`, { method: "DELETE" });
    await loadKeys();
  }));
  return el("li", {},
    el("span", { class: "grow" }, el("strong", { text: each.label }), " ", each.account,
      el("span", { class: "detail" }, used)),
    each.revoked_at ? el("span", { class: "badge bad" }, t("已停用")) : revoke);
}
async function loadKeys() {
  keys.replaceChildren(...(await call("/api/screen-keys")).items.map(keyRow));
}
onSubmit(keyForm, async (given, box) => {
  const json = { account: given.get("account").trim(), label: given.get("label").trim() };
  const { key } = await call("/api/screen-keys", { method: "POST", json });
  keyForm.reset();
  tellOnce(box, t("密钥只显示这一次，请现在录入大屏"), key);
  await Promise.all([loadKeys(), load()]);
});

find.addEventListener("input", draw);
findRole.addEventListener("change", draw);
load();
loadPolicy().catch((error) => say($("[data-error]", policy), error));
loadKeys().catch((error) => say($("[data-error]", keyForm), error));
