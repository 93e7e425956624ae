// A project: where it stands, what it answers, takes, asks of whom, and what came of it. It closes only when nothing is missing.
import { $, bilingual, call, count, distance, el, hours, say, t, tn } from "./common.js";
import { save, touched } from "./forms.js";

const STEP = { planned: t("退回拟办"), running: t("开始办理"), again: t("返工"), done: t("办成"), closed: t("销号") };
const ORDER = ["planned", "running", "done", "closed"];

/** What a station or organisation can offer, as a row says it: open or not, when, how far, how many places are left. */
export function offerLine(offer) {
  const facts = [hours(offer.hours), offer.walk_m === null ? null : t("步行 {far}", { far: distance(offer.walk_m) }),
    offer.capacity === null ? t("不限名额") : t("余 {n} 个名额", { n: count(offer.left) })];
  return [el("span", { class: "grow" }, el("strong", { translate: "no", text: offer.name }), " ",
    el("span", { class: offer.open ? "badge good" : "badge", text: offer.open ? t("开放中") : t("未开放") }),
    el("span", { class: "small muted", text: ` ${facts.filter(Boolean).join(" · ")}` }))];
}

/** Make the card in an element. `shown` is told which project is open (null: none), `changed` what was done. */
export function projectCard(root, words, { areaName, shown, changed }) {
  const empty = [...root.childNodes];
  let project = null;
  let needs = null;
  let offers = null;
  let asked = 0;
  let later = false;

  const here = (tail = "") => `/api/projects/${encodeURIComponent(project.id)}${tail}`;
  const typing = () => [...root.querySelectorAll("form")].some(touched) || [...root.querySelectorAll(".places")].some((field) => field.value !== field.defaultValue);
  const message = () => $("[data-card-message]", root);

  const atWork = () => typing() || $("details[open] form", root) !== null || (root.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));

  /** Do something, show what came of it; who comes second is told and sees what the first did. */
  async function act(path, options, told) {
    try {
      await call(path, { stay: true, ...options });
      changed(told);
      await open(project.id, { keep: true });
    } catch (error) {
      const text = error.status === 412 ? t("这个项目刚被别人改过，已为您更新，请再看一眼") : error;
      await open(project.id, { keep: true }).catch(() => {});
      say(message(), text, error.status === 412 ? "warn" : "bad");
      message().scrollIntoView({ block: "nearest" });
    }
  }

  function button(text, handler, kind = "") {
    const node = el("button", { class: `button ${kind}`, type: "button" }, text);
    node.addEventListener("click", handler);
    return node;
  }

  // ---- Parts ----------------------------------------------------------------------------------------------------

  function part(name, title, rows, ...more) {
    return el("section", { "data-part": name }, el("h3", {}, title, el("span", { class: "small muted num", text: rows.length ? `(${rows.length})` : "" })),
      el("ul", { class: "items" }, ...(rows.length ? rows : [el("li", { class: "muted", text: t("还没有") })])), ...more);
  }

  const fixed = () => project.state === "closed";
  const mayChange = () => project.may_change && !fixed();

  function needsPart() {
    if (!words.may.needs) return el("section", { "data-part": "needs" }, el("h3", {}, t("需求")), el("p", { text: t("回应需求 {n} 件（按五取整）", { n: count(project.needs) }) }));
    const rows = (needs ?? []).map((need) => el("li", {},
      el("span", { class: "grow" }, el("a", { href: `/files/${encodeURIComponent(need.household)}`, translate: "no", text: need.household }), " ", el("span", { class: "small muted", text: `${areaName(need.grid) ?? ""} · ${need.opened_on}` })),
      need.closed_on ? el("span", { class: "badge good", text: t("已办结") }) : null,
      fixed() ? null : button(t("取消关联"), () => act(here(`/needs/${need.id}`), { method: "DELETE" }, t("已取消关联")))));
    const beyond = (project.needs ?? 0) > rows.length ? el("p", { class: "small muted", text: t("另有别的网格的需求") }) : null;
    return part("needs", t("需求"), rows, beyond, fixed() ? null : el("p", { class: "small muted", text: t("在“需求”清单里点“关联项目”即可加入") }));
  }

  function resourcesPart() {
    const rows = project.resources.map((taken) => el("li", {}, el("span", { class: "grow", translate: "no", text: taken.name }), el("span", { class: "small num", text: tn("{n} 个名额", taken.places) }),
      mayChange() ? button(t("释放"), () => act(here(`/resources/${taken.id}`), { method: "DELETE" }, t("已释放"))) : null));
    if (!mayChange() || project.state === "done") return part("resources", t("资源"), rows);
    const has = new Set(project.resources.map((taken) => taken.resource ?? taken.station));
    const list = el("ul", { class: "items", "data-offers": true }, ...(offers ?? []).filter((offer) => !has.has(offer.key)).map(offerRow));
    const find = button(t("谁能提供"), async () => {
      try {
        offers = (await call(here("/offers"), { stay: true })).items;
        draw();
        $("[data-offers] button", root)?.focus();
      } catch (error) {
        say(message(), error);
      }
    });
    return part("resources", t("资源"), rows, offers ? list : find, offers && !list.children.length ? el("p", { class: "muted small", text: t("没有别的单位提供这项服务") }) : null);
  }

  function offerRow(offer) {
    const places = el("input", { class: "places", type: "number", min: 0, value: 1, inputmode: "numeric", "aria-label": t("名额") });
    const take = button(t("占用"), () => act(here("/resources"), { method: "POST", json: { [offer.source]: offer.key, places: Number(places.value || 0) } }, t("已占用")));
    return el("li", {}, ...offerLine(offer), places, take);
  }

  function dutiesPart() {
    const rows = project.duties.map((duty) => el("li", {},
      el("span", { class: "grow" }, el("strong", { translate: "no", text: duty.task }), " ", el("span", { class: "small muted" }, el("span", { translate: "no", text: duty.party_name }), duty.due_on ? ` · ${t("期限 {day}", { day: duty.due_on })}` : "")),
      el("span", { class: "badge", text: t(words.roles[duty.role]) }),
      duty.done_on ? el("span", { class: "badge good", text: t("✓ {day} 完成", { day: duty.done_on }) }) : null,
      mayChange() ? button(duty.done_on ? t("改为未完成") : t("完成"), () => act(`/api/duties/${duty.id}`, { method: "PATCH", json: { done: !duty.done_on }, tag: duty.version }, t("已记"))) : null));
    const lead = project.duties.some((duty) => duty.role === "lead");
    return part("duties", t("责任"), rows, mayChange() ? adding(t("＋ 落实责任"), "/duties", t("已落实"), (id) => [
      field(id("party"), t("单位（承办单位编码或名称，不写个人）"), el("input", { name: "party", list: "desks", maxlength: 200 })),
      field(id("role"), t("角色"), el("select", { name: "role" }, ...Object.entries(words.roles).map(([key, label]) => el("option", { value: key, selected: key === (lead ? "joint" : "lead"), text: t(label) })))),
      field(id("task"), t("任务"), el("input", { name: "task", maxlength: 200 })),
      field(id("due_on"), t("期限"), el("input", { name: "due_on", type: "date" })),
    ]) : null);
  }

  function feedbackPart() {
    const rows = project.feedback.map((given) => el("li", { class: given.counts ? "" : "faded" },
      el("span", { class: `badge outcome-${given.outcome}`, text: t(words.outcomes[given.outcome]) }), el("span", { class: "grow", translate: "no", text: given.summary }),
      given.counts ? null : el("span", { class: "badge", text: t("返工前，不计入销号") }), el("span", { class: "small muted num", text: given.given_on })));
    return part("feedback", t("反馈"), rows, fixed() || project.state === "planned" ? null : adding(t("＋ 记录反馈"), "/feedback", t("已记录"), (id) => [
      field(id("outcome"), t("评价"), el("select", { name: "outcome" }, ...Object.entries(words.outcomes).map(([key, label]) => el("option", { value: key, text: t(label) })))),
      field(id("summary"), t("办得怎样（不写姓名）"), el("input", { name: "summary", maxlength: 200 })),
    ]));
  }

  function field(id, label, input) {
    input.id = id;
    return el("div", { class: "field" }, el("label", { for: id }, label), input);
  }

  function adding(title, tail, told, fields) {
    const form = el("form", { "data-save": "POST", "data-url": here(tail), "data-entry": "id", "data-done": told, novalidate: true, autocomplete: "off" },
      el("div", { class: "two" }, ...fields((name) => `c${tail.replace("/", "-")}-${name}`)), el("div", { class: "message", "data-message": true, role: "alert", hidden: true }),
      el("button", { class: "button primary", type: "submit" }, t("保存")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save(form, (_form, said) => { form.reset(); changed(said); open(project.id, { keep: true }); });
    });
    return el("details", {}, el("summary", {}, title), form);
  }

  // ---- The whole ------------------------------------------------------------------------------------------------

  function steps() {
    if (!project.may_change) return el("p", { class: "small muted", text: t("这个项目超出您的网格，由规划员办理") });
    const lacking = project.allowed.includes("closed") ? project.missing : [];
    return el("div", {}, el("div", { class: "steps", "data-steps": true }, ...project.allowed.map((to) => {
      const again = to === "running" && project.state === "done";
      const node = button(again ? STEP.again : STEP[to], () => act(here("/transitions"), { method: "POST", json: { to }, tag: project.version }, t("已到：{state}", { state: t(words.states[to]) })),
        ORDER.indexOf(to) > ORDER.indexOf(project.state) ? "primary" : "");
      node.dataset.to = to;
      return node;
    })), lacking.length ? el("div", { class: "message warn", "data-missing": true }, t("销号还缺："), el("ul", {}, ...lacking.map((each) => el("li", {}, bilingual(each))))) : null);
  }

  function draw() {
    const back = button(t("← 回到清单"), () => close(), "back");
    const reached = ORDER.indexOf(project.state);
    root.replaceChildren(el("article", { class: "project" }, back,
      el("h2", { tabindex: -1, translate: "no", text: project.title }),
      el("p", { class: "muted" }, [t(project.label), areaName(project.area), [project.starts_on, project.ends_on].filter(Boolean).join(" → "), project.reworks ? tn("返工 {n} 次", project.reworks) : null].filter(Boolean).join(" · ")),
      el("ol", { class: "track-steps" }, ...ORDER.map((state, index) => el("li", { class: index < reached ? "past" : "", "aria-current": index === reached ? "step" : null, text: t(words.states[state]) }))),
      el("div", { class: "message", "data-card-message": true, role: "alert", hidden: true }), steps(),
      needsPart(), resourcesPart(), dutiesPart(), feedbackPart()));
  }

  /** Show a project; `keep` leaves the focus where it is, `quiet` also whatever is being typed, also since it was asked for. */
  async function open(id, { keep = false, quiet = false } = {}) {
    asked += 1;
    const mine = asked;
    try {
      const [found, linked] = await Promise.all([
        call(`/api/projects/${encodeURIComponent(id)}`, { stay: keep }),
        words.may.needs ? call(`/api/projects/${encodeURIComponent(id)}/needs`, { stay: true }) : null,
      ]);
      if (mine !== asked) return;
      if (quiet && atWork()) { later = true; return; }
      if (project?.id !== id) offers = null;
      project = found;
      needs = linked?.items ?? null;
      later = false;
      draw();
      shown(project);
      if (!keep) { $("h2", root).focus(); root.scrollTo?.(0, 0); }
    } catch (error) {
      if (mine !== asked) return;
      const told = el("div", { class: "message", role: "alert" });
      say(told, error);
      root.replaceChildren(told);
    }
  }

  function close() {
    const id = project?.id;
    project = null;
    root.replaceChildren(...empty);
    shown(null);
    document.querySelector(`[data-list] [data-project="${id}"]`)?.focus();
  }

  // What somebody else has done is shown at once, unless somebody is typing here or has opened a form: then after that.
  const catchUp = () => { if (later) setTimeout(() => { if (later && !atWork() && project) open(project.id, { keep: true, quiet: true }); }, 0); };
  root.addEventListener("focusout", catchUp);
  root.addEventListener("toggle", catchUp, true); // it does not bubble
  return {
    id: () => project?.id ?? null,
    open,
    typing,
    refresh: () => {
      if (!project) return;
      if (atWork()) later = true;
      else open(project.id, { keep: true, quiet: true });
    },
  };
}
