// A divider between two images, moved by the range input (keyboard, touch) or on the image.
"use strict";
{
  const root = document.querySelector(".compare:has(.stage)");
  const FLICKER_MS = 600;

  if (root) {
    const find = (selector) => root.querySelector(selector);
    const [stage, frame, scroller, over] = [".stage", ".frame", ".scroller", ".over"].map(find);
    const [divider, slider, right] = [".divider", ".slider", ".tag.right"].map(find);
    const titles = { heat: "where it differs" };
    let flicker = 0;

    const side = () => find("input[name=side]:checked").value;
    const divided = () => ["restored", "stored"].includes(side());

    function place() {
      const part = Number(slider.value) / 100;
      const x = scroller.scrollLeft + part * scroller.clientWidth;
      over.style.clipPath = divided() ? `inset(0 0 0 ${x}px)` : "none";
      divider.style.left = `${100 * part}%`;
      slider.setAttribute("aria-valuetext", `${slider.value} % uploaded`);
    }

    function swap() {
      const shown = over.style.visibility === "hidden";
      over.style.visibility = shown ? "" : "hidden";
      right.textContent = shown ? "restored" : "uploaded";
    }

    function choose() {
      const name = side();
      const wanted = name === "stored" ? over.dataset.stored : over.dataset.restored;
      if (wanted && over.getAttribute("src") !== wanted) over.src = wanted;
      clearInterval(flicker);
      over.style.visibility = "";
      right.textContent = titles[name] ?? name;
      stage.classList.toggle("difference", name === "difference");
      stage.classList.toggle("whole", !divided());
      slider.disabled = !divided();
      if (name === "flicker") {
        right.textContent = "restored";
        flicker = setInterval(swap, FLICKER_MS);
      }
      root.dispatchEvent(new CustomEvent("side", { detail: name }));
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
      const zoomed = stage.classList.contains("zoomed");
      if (slider.disabled || event.button !== 0 || (zoomed && !onDivider)) return;
      event.preventDefault();
      frame.setPointerCapture(event.pointerId);
      follow(event);
    });
    frame.addEventListener("pointermove", (event) => {
      if (frame.hasPointerCapture(event.pointerId) && !frame.dataset.pans) follow(event);
    });
    slider.addEventListener("input", place);
    scroller.addEventListener("scroll", place, { passive: true });
    root.addEventListener("zoomed", place);
    for (const each of root.querySelectorAll("input[name=side]")) each.addEventListener("change", choose);
    root.classList.add("ready");
    choose();
  }
}
