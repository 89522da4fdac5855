// Refresh the table while the page is visible.
"use strict";

const live = document.querySelector(".live");
const status = document.querySelector(".status");
const pulse = document.querySelector(".pulse");
const PAUSE_MS = 3000;
let told = "";
let shown = "";

function tell(words) {
  // Update only on changes: a screen reader announces every update.
  if (words !== told) status.textContent = told = words;
}

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch(live.dataset.source, { headers: { Accept: "*/*" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (text !== shown) live.innerHTML = shown = text;
      pulse.classList.add("on");
      tell("Live: updates every 3 seconds.");
    } catch (error) {
      pulse.classList.remove("on");
      tell("The gateway does not respond: these numbers may be outdated. Sign in again if necessary.");
    }
  }
  setTimeout(ask, PAUSE_MS);
}

ask();
