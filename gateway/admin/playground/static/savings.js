// The table is asked for again while somebody looks at it.
"use strict";

const live = document.querySelector(".live");
const status = document.querySelector(".status");
const pulse = document.querySelector(".pulse");
const PAUSE_MS = 3000;
let told = "";
let shown = "";

function tell(words) {
  // Told only when it changes: a screen reader would read the time again and again.
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
      tell("Live: read anew every 3 seconds.");
    } catch (error) {
      pulse.classList.remove("on");
      tell("The gateway does not answer; this is what it said last. Sign in again if need be.");
    }
  }
  setTimeout(ask, PAUSE_MS);
}

ask();
