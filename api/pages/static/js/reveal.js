// One protected value, asked for with a reason, shown for a minute.
import { $, call, el, say, t } from "./common.js";

const SHOWN_MS = 60_000;
const dialog = $("[data-ask]");
const form = $("[data-ask-form]");
const message = $("[data-message]", form);
let asking = null;

/** Open the question for the value beside a button. */
export function ask(button) {
  asking = button;
  say(message, null);
  form.reset();
  $("[data-ask-what]").textContent = button.dataset.what;
  $("[data-ask-purpose]").hidden = !("child" in button.dataset);
  dialog.showModal();
}

function show(button, value) {
  const place = button.parentNode.querySelector("[data-value]");
  const masked = place.textContent;
  const shown = value ?? t("未登记");
  const isPhone = /phone/.test(button.dataset.field ?? "phone") && /\d{5}/.test(shown);
  place.replaceChildren(isPhone ? el("a", { href: `tel:${shown.replace(/[^\d+]/g, "")}`, text: shown }) : shown);
  place.classList.add("revealed");
  button.hidden = true;
  const hide = () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", whenLeft);
    place.textContent = masked;
    place.classList.remove("revealed");
    button.hidden = false;
  };
  // A call or another program covers the page: whoever looks at the phone next sees the mask again.
  const left = { at: 0 };
  const whenLeft = () => {
    if (document.hidden) left.at = Date.now();
    else if (left.at && Date.now() - left.at > SHOWN_MS) hide();
  };
  document.addEventListener("visibilitychange", whenLeft);
  const timer = setTimeout(hide, SHOWN_MS);
  place.setAttribute("tabindex", "-1");
  place.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const reason = event.submitter?.value || form.elements.reason.value.trim();
  if (reason.length < 2) {
    say(message, t("请说明原因"));
    form.elements.reason.focus();
    return;
  }
  const button = asking;
  const { reveal: url, field, resident } = button.dataset;
  const json = { reason };
  if (field) Object.assign(json, { field, resident: Number(resident) });
  if ("child" in button.dataset) json.purpose = form.elements.purpose.value;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await call(url, { method: "POST", json, stay: true });
    dialog.close();
    show(button, field ? answer.value : answer.phone);
  } catch (error) {
    say(message, error);
  }
  form.removeAttribute("aria-busy");
});
$("[data-ask-cancel]").addEventListener("click", () => dialog.close());
