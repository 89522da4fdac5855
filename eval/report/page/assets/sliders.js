// Before and after: a line between two images, moved by pointer or by the slider under them.
(() => {
  const titles = {restored: "Restored", stored: "As stored", difference: "Difference × 8"};

  function place(pair, slider) {
    pair.style.setProperty("--at", `${slider.value}%`);
  }

  function follow(pair, slider) {
    const move = event => {
      const box = pair.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      slider.value = String(Math.round(100 * Math.min(1, Math.max(0, share))));
      place(pair, slider);
    };
    pair.addEventListener("pointerdown", event => {
      pair.setPointerCapture(event.pointerId);
      move(event);
    });
    pair.addEventListener("pointermove", event => {
      if (pair.hasPointerCapture(event.pointerId)) move(event);
    });
  }

  function choose(exhibit, pair, mode) {
    const difference = mode === "difference";
    const shown = difference ? exhibit.dataset.difference ?? "restored" : mode;
    for (const image of pair.querySelectorAll("[data-state]")) {
      image.hidden = image.dataset.state !== shown;
    }
    pair.classList.toggle("difference", difference);
    exhibit.querySelector("[data-slider]").disabled = difference;
    exhibit.querySelector("[data-right]").textContent = titles[mode] ?? mode;
  }

  for (const exhibit of document.querySelectorAll("[data-exhibit]")) {
    const pair = exhibit.querySelector("[data-pair]");
    const slider = exhibit.querySelector("[data-slider]");
    const modes = exhibit.querySelector(".modes");
    modes.hidden = false;
    slider.addEventListener("input", () => place(pair, slider));
    modes.addEventListener("change", event => choose(exhibit, pair, event.target.value));
    follow(pair, slider);
    place(pair, slider); // a browser may have kept the value of an earlier visit
    const chosen = modes.querySelector("input:checked");
    if (chosen) choose(exhibit, pair, chosen.value);
  }
})();
