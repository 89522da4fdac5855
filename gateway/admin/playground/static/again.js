// Other settings take effect at once; the page returns to where it was. Copies the policy.
"use strict";
{
  const PLACE = "slimgate-place";
  const form = document.querySelector("form.again");
  const status = form.querySelector(".status");

  form.addEventListener("change", () => {
    if (!form.querySelector("input[name=tiers]:checked")) {
      status.textContent = "Choose at least one tier.";
      return;
    }
    form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    sessionStorage.setItem(PLACE, String(window.scrollY));
    status.textContent = "Optimizing…";
  });
  const place = sessionStorage.getItem(PLACE);
  sessionStorage.removeItem(PLACE);
  if (place !== null) window.addEventListener("load", () => window.scrollTo(0, Number(place)));

  const copy = document.querySelector("button.copy");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(".yaml").textContent);
    copy.textContent = "Copied";
  });
}
