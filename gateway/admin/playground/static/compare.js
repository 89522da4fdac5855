// A divider between two images, moved by the range input (keyboard, touch) or on the image.
"use strict";

const root = document.querySelector(".compare:has(.stage)");

if (root) {
  const stage = root.querySelector(".stage");
  const frame = root.querySelector(".frame");
  const scroller = root.querySelector(".scroller");
  const layers = root.querySelector(".layers");
  const under = root.querySelector(".under");
  const over = root.querySelector(".over");
  const divider = root.querySelector(".divider");
  const slider = root.querySelector(".slider");
  const right = root.querySelector(".tag.right");
  const chosen = (name) => root.querySelector(`input[name=${name}]:checked`).value;
  const names = { restored: "restored", stored: "stored", difference: "difference" };

  function place() {
    const part = Number(slider.value) / 100;
    const x = scroller.scrollLeft + part * scroller.clientWidth;
    const difference = chosen("side") === "difference";
    over.style.clipPath = difference ? "none" : `inset(0 0 0 ${x}px)`;
    divider.style.left = `${100 * part}%`;
    slider.setAttribute("aria-valuetext", `${slider.value} % uploaded`);
  }

  function fit() {
    const { naturalWidth: width, naturalHeight: height } = under;
    if (!width) return;
    const zoom = chosen("zoom");
    const room = root.clientWidth;
    const scale = zoom === "fit"
      ? Math.min(room / width, Math.max(280, 0.72 * window.innerHeight) / height, 3)
      : Number(zoom);
    layers.style.width = `${Math.round(width * scale)}px`;
    stage.classList.toggle("zoomed", zoom !== "fit");
    layers.classList.toggle("pixels", scale > 2);
    place();
  }

  function choose() {
    const side = chosen("side");
    const wanted = side === "stored" ? over.dataset.stored : over.dataset.restored;
    if (over.getAttribute("src") !== wanted) over.src = wanted;
    right.textContent = names[side];
    stage.classList.toggle("difference", side === "difference");
    slider.disabled = side === "difference";
    place();
  }

  function follow(event) {
    const box = scroller.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    slider.value = String(Math.round(100 * Math.min(1, Math.max(0, part))));
    place();
  }

  frame.addEventListener("pointerdown", (event) => {
    const onDivider = divider.contains(event.target);
    if (slider.disabled || event.button !== 0 || (stage.classList.contains("zoomed") && !onDivider)) return;
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    follow(event);
  });
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) follow(event);
  });
  slider.addEventListener("input", place);
  scroller.addEventListener("scroll", place, { passive: true });
  window.addEventListener("resize", fit);
  under.addEventListener("load", fit);
  for (const each of root.querySelectorAll("input[name=zoom]")) each.addEventListener("change", fit);
  for (const each of root.querySelectorAll("input[name=side]")) each.addEventListener("change", choose);
  root.classList.add("ready");
  fit();
  choose();
}
