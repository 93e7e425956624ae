// How a visit went: the button that is tapped puts its outcome into the form that it sends.

export function heldOutcome(event) {
  const button = event.target.closest("[data-outcome]");
  if (!button) return;
  const { outcome, unchanged } = button.form.elements;
  outcome.value = button.dataset.outcome;
  unchanged.value = button.dataset.unchanged;
}
