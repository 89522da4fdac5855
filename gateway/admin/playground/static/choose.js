// Drop or choose an image, preview it, and show progress while the gateway works.
"use strict";

const form = document.querySelector("form.try");
const drop = form.querySelector(".drop");
const input = form.querySelector("input[type=file]");
const preview = form.querySelector(".preview");
const text = form.querySelector(".drop-text");
const note = form.querySelector(".drop-note");
const button = form.querySelector("button");
const status = form.querySelector(".status");
const asked = { text: text.innerHTML, note: note.textContent };
let clock = 0;

function show() {
  const files = [...input.files];
  const file = files[0];
  URL.revokeObjectURL(preview.src);
  preview.hidden = !file;
  drop.classList.toggle("chosen", Boolean(file));
  if (!file) {
    preview.removeAttribute("src");
    text.innerHTML = asked.text;
    note.textContent = asked.note;
    input.setCustomValidity("");
    return;
  }
  preview.src = URL.createObjectURL(file);
  const bytes = files.reduce((sum, each) => sum + each.size, 0);
  text.textContent = files.length > 1 ? `${files.length} images` : file.name;
  note.textContent = `${bytes.toLocaleString("en")} bytes, ${file.type || "unknown type"}`;
  const most = Number(form.dataset.maxBytes);
  const large = files.find((each) => each.size > most);
  const mebibytes = (size) => `${(size / 2 ** 20).toFixed(1)} MiB`;
  input.setCustomValidity(large ? `${large.name} has ${mebibytes(large.size)}: at most ${mebibytes(most)} are taken.` : "");
}

function wait() {
  const began = performance.now();
  button.disabled = true;
  const tick = () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    status.textContent = `Optimizing… ${seconds} s`;
  };
  status.textContent = "Optimizing…";
  clock = setInterval(tick, 1000);
}

input.addEventListener("change", show);
preview.addEventListener("error", () => { preview.hidden = true; });
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) {
    input.files = event.dataTransfer.files;
    show();
  }
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) {
    input.files = event.clipboardData.files;
    show();
  }
});
form.addEventListener("submit", wait);
// Reset the form when the page is shown again.
window.addEventListener("pageshow", () => {
  clearInterval(clock);
  button.disabled = false;
  status.textContent = "";
  show();
});
