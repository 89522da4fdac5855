// Zoom by radio button, or by the wheel with Ctrl (pinching, on a touchpad); pan by dragging.
"use strict";
{
  const root = document.querySelector(".compare:has(.stage)");
  const MOST = 8;
  const SPEED = 1 / 300;

  if (root) {
    const find = (selector) => root.querySelector(selector);
    const [stage, frame, scroller, layers] = [".stage", ".frame", ".scroller", ".layers"].map(find);
    const [under, divider] = [".under", ".divider"].map(find);
    let scale = 0; // 0: as large as fits
    let from = null;

    function fitting() {
      const room = Math.max(280, 0.72 * window.innerHeight);
      return Math.min(root.clientWidth / under.naturalWidth, room / under.naturalHeight, 3);
    }

    function apply(wanted, x = scroller.clientWidth / 2, y = scroller.clientHeight / 2) {
      if (!under.naturalWidth) return;
      const before = layers.clientWidth || 1;
      const [left, top] = [scroller.scrollLeft + x, scroller.scrollTop + y];
      scale = wanted;
      layers.style.width = `${Math.round(under.naturalWidth * (scale || fitting()))}px`;
      stage.classList.toggle("zoomed", scale !== 0);
      layers.classList.toggle("pixels", (scale || fitting()) > 2);
      const grown = layers.clientWidth / before;
      scroller.scrollTo(left * grown - x, top * grown - y);
      for (const each of root.querySelectorAll("input[name=zoom]")) {
        each.checked = each.value === (scale ? String(scale) : "fit");
      }
      root.dispatchEvent(new Event("zoomed"));
    }

    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      const box = scroller.getBoundingClientRect();
      const least = fitting();
      const wanted = Math.min(MOST, (scale || least) * Math.exp(-event.deltaY * SPEED));
      apply(wanted <= least ? 0 : wanted, event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => {
      if (!scale || event.button !== 0 || event.pointerType === "touch" || divider.contains(event.target)) return;
      event.preventDefault();
      frame.setPointerCapture(event.pointerId);
      frame.dataset.pans = "1";
      from = { x: event.clientX + scroller.scrollLeft, y: event.clientY + scroller.scrollTop };
    });
    frame.addEventListener("pointermove", (event) => {
      if (from) scroller.scrollTo(from.x - event.clientX, from.y - event.clientY);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      frame.addEventListener(name, () => {
        from = null;
        delete frame.dataset.pans;
      });
    }
    for (const each of root.querySelectorAll("input[name=zoom]")) {
      each.addEventListener("change", () => apply(each.value === "fit" ? 0 : Number(each.value)));
    }
    window.addEventListener("resize", () => apply(scale));
    under.addEventListener("load", () => apply(scale));
    apply(0);
  }
}
