// A loupe that follows the pointer: the same place of both images, side by side.
"use strict";
{
  const root = document.querySelector(".compare:has(.loupe)");
  const POWER = 4;

  if (root) {
    const find = (selector) => root.querySelector(selector);
    const [frame, layers, loupe, wanted] = [".frame", ".layers", ".loupe", "input[name=loupe]"].map(find);
    const halves = [[".loupe .before", ".under"], [".loupe .after", ".over"]].map((pair) => pair.map(find));

    function show(event) {
      if (!wanted.checked || !halves[0][1].naturalWidth) return;
      const image = layers.getBoundingClientRect();
      const box = frame.getBoundingClientRect();
      const [x, y] = [(event.clientX - image.left) / image.width, (event.clientY - image.top) / image.height];
      loupe.hidden = false;
      loupe.style.left = `${event.clientX - box.left}px`;
      loupe.style.top = `${event.clientY - box.top}px`;
      for (const [half, picture] of halves) {
        const [width, height] = [POWER * picture.naturalWidth, POWER * picture.naturalHeight];
        half.style.backgroundImage = `url("${picture.currentSrc}")`;
        half.style.backgroundSize = `${width}px ${height}px`;
        half.style.backgroundPosition =
          `${half.clientWidth / 2 - x * width}px ${half.clientHeight / 2 - y * height}px`;
      }
    }

    frame.addEventListener("pointermove", show);
    frame.addEventListener("pointerleave", () => { loupe.hidden = true; });
    wanted.addEventListener("change", () => { loupe.hidden = true; });
  }
}
