// Import of files: upload with progress, follow every import of the place, cancel it, fetch the rejected rows.
import { $, Problem, Unreachable, bilingual, call, count, el, say, signInAgain, t } from "./common.js";

const STATES = {
  queued: [t("排队中"), ""], running: [t("导入中"), ""], done: [t("完成"), "good"],
  failed: [t("失败"), "bad"], cancelled: [t("已取消"), "warn"],
};
const SHOWN = 12;
const LOOK_EVERY_MS = 5000;
const form = $("[data-import]");
const jobs = $("[data-jobs]");
const errorBox = $("[data-import-error]");
const submit = $("button[type=submit]", form);
const known = new Set();

form.elements.crs.addEventListener("change", () => {
  $("[data-crs-other]").hidden = form.elements.crs.value !== "other";
});

/** Send the file; fetch tells no upload progress, XMLHttpRequest does. */
function upload(address, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file);
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Unreachable());
    request.onload = () => {
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch { /* told by the status alone */ }
      if (request.status === 401) signInAgain();
      if (request.status === 202) resolve(answer);
      else reject(new Problem(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    request.send(body);
  });
}

/** The card of one import and the function that draws its newest state. */
function card(job) {
  const state = el("span", { class: "badge" });
  const progress = el("progress", { max: 1, value: 0, "aria-label": t("进度 {name}", { name: job.name }) });
  const counts = el("p", { class: "small" });
  const details = el("div");
  const cancel = el("button", { class: "button danger", type: "button" }, t("取消"));
  const rejected = el("a", { class: "button", hidden: true, download: `${job.name}.rejected.csv` }, t("下载被拒的行"));
  const node = el("article", { class: "job" },
    el("div", { class: "top" }, el("span", { class: "file", text: job.name }), state),
    el("p", { class: "small muted", text: `${job.label}${job.dryRun ? ` · ${t("只检查")}` : ""}` }),
    progress, counts, details, el("div", { class: "actions" }, cancel, rejected));
  const draw = (now) => {
    const [label, tone] = STATES[now.state] || [now.state, ""];
    state.className = `badge ${tone}`;
    state.replaceChildren(label);
    progress.value = now.state === "done" ? 1 : now.progress ?? 0;
    const over = !["uploading", "queued", "running"].includes(now.state);
    progress.hidden = over;
    cancel.hidden = over || !job.id;
    const again = now.attempts > 1 && !over ? t("；被中断过，第 {n} 次", { n: now.attempts }) : "";
    if (now.read !== undefined) {
      counts.replaceChildren(t("读取 {read} 行，导入 {loaded} 行，拒绝 {rejected} 行", {
        read: count(now.read), loaded: count(now.loaded), rejected: count(now.rejected),
      }), again);
    }
    rejected.hidden = !(over && now.rejected > 0);
    if (job.id) rejected.href = `/api/imports/${encodeURIComponent(job.id)}/rejected`;
    details.replaceChildren(...notes(now));
  };
  return { node, draw, cancel };
}

function notes(now) {
  const out = [];
  const faults = now.errors || [];
  if (faults.length) {
    out.push(el("details", { open: now.state === "failed" }, el("summary", {}, t("问题 {n}", { n: faults.length })),
      el("ul", {}, ...faults.slice(0, 100).map((fault) => el("li", {}, el("strong", { text: `${fault.where} ` }), bilingual(fault.message))))));
  }
  if (now.notices?.length) {
    out.push(el("details", {}, el("summary", {}, t("提示 {n}", { n: now.notices.length })),
      el("ul", {}, ...now.notices.slice(0, 100).map((notice) => el("li", {}, bilingual(notice))))));
  }
  return out;
}

async function follow(job, view) {
  view.cancel.onclick = async () => {
    view.cancel.disabled = true;
    await call(`/api/imports/${encodeURIComponent(job.id)}`, { method: "DELETE" }).catch((error) => say(errorBox, error));
  };
  let wasWaitedFor = job.sent;
  for (let wait = 300; ; wait = Math.min(wait * 1.5, 3000)) {
    let now;
    try {
      now = await call(`/api/imports/${encodeURIComponent(job.id)}`);
    } catch (error) {
      if (error.status === 404) {
        view.node.remove();
        return;
      }
      now = null; // the network may come back: keep asking
    }
    if (now) {
      view.draw(now);
      if (!["queued", "running"].includes(now.state)) {
        if (now.state === "done" && !job.dryRun && wasWaitedFor) document.dispatchEvent(new CustomEvent("linli:imported", { detail: now }));
        return;
      }
      wasWaitedFor = true;
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}

function show(job) {
  $("[data-no-jobs]")?.remove();
  const view = card(job);
  jobs.prepend(view.node);
  return view;
}

/** Show the imports that are not on the page yet: of other sign-ins, and of the command line. */
async function look() {
  if (document.hidden || submit.disabled || jobs.offsetParent === null) return;
  const { items } = await call(`/api/imports?limit=${SHOWN}`).catch(() => ({ items: [] })); // asked again soon
  for (const found of items.reverse()) {
    if (known.has(found.id) || submit.disabled) continue;
    known.add(found.id);
    const label = form.elements.kind.querySelector(`[value="${CSS.escape(found.kind)}"]`)?.textContent ?? found.kind;
    const job = { id: found.id, name: found.file_name, label, dryRun: found.dry_run };
    const view = show(job);
    view.draw(found);
    follow(job, view);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { kind, file, crs, crs_text: text, dry_run: dryRun } = form.elements;
  if (!file.files.length) {
    say(errorBox, t("请先选择文件"));
    file.focus();
    return;
  }
  say(errorBox, null);
  submit.disabled = true;
  const query = new URLSearchParams({ kind: kind.value });
  const system = crs.value === "other" ? text.value.trim() : crs.value;
  if (system) query.set("crs", system);
  if (dryRun.checked) query.set("dry_run", "true");
  const job = { name: file.files[0].name, label: kind.selectedOptions[0].textContent, dryRun: dryRun.checked };
  const view = show(job);
  view.draw({ state: "uploading", progress: 0 });
  try {
    const answer = await upload(`/api/imports?${query}`, file.files[0], (share) => view.draw({ state: "uploading", progress: share }));
    job.id = answer.id;
    job.sent = true;
    known.add(job.id);
    follow(job, view);
    file.value = "";
  } catch (error) {
    view.node.remove();
    say(errorBox, error);
  } finally {
    submit.disabled = false;
  }
});

STATES.uploading = [t("上传中"), ""];
new IntersectionObserver(look).observe(form); // at once when the tab is opened
setInterval(look, LOOK_EVERY_MS);
