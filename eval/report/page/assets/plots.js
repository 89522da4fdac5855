// Bytes against fidelity: a plot of all images and one for each class, drawn as SVG at the size that there is.
(() => {
  const holder = document.getElementById("plots-data");
  const grid = document.getElementById("plot-grid");
  if (!holder || !grid) return;
  const data = JSON.parse(holder.textContent);
  const tooltip = document.getElementById("tooltip");
  const {SHAPES, svg, html, ticks, shares, scale} = drawing;
  const HEIGHT = 250;
  const PAD = {left: 46, right: 10, top: 12, bottom: 36};
  const BAND = 16; // above the axis, where images with identical pixels are
  const REACH = 24; // pixels from a point within which the pointer is at it
  const shown = new Set();
  let measure = 0;

  // The shape says what is written, what is inside says how.
  const DOT = "M-.8 0a.8 .8 0 1 0 1.6 0a.8 .8 0 1 0-1.6 0Z";
  const BAR = "M-2.5 .6h5";
  const INSIDE = {
    bytes: DOT, psnr: BAR, "tier-lossless": DOT, "tier-recode": BAR,
  };
  const FILLED = new Set(["fixed", "tier-downscale"]);

  function mark(strategy, x, y, parent) {
    const {name, family, codec} = data.strategies[strategy];
    const filled = FILLED.has(family) || FILLED.has(name) ? " filled" : "";
    return svg("path", {
      d: SHAPES[codec] + (INSIDE[family] ?? INSIDE[name] ?? ""), class: `mark ${codec}${filled}`,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    }, parent);
  }

  function point(raw) {
    const [strategy, image, tier, uploaded, stored, identical, ...measures] = raw;
    return {strategy, image, tier, uploaded, stored, identical, measures,
      share: Math.max(stored / uploaded, 1e-4)};
  }

  function visible(points) {
    return points.filter(each => shown.has(each.strategy)
      && (each.identical || each.measures[measure] !== null));
  }

  function limits(points) {
    const {floor} = data.measures[measure];
    const values = points.filter(each => !each.identical).map(each => each.measures[measure]);
    if (floor !== null) values.push(floor);
    if (!values.length) values.push(0, 1);
    const low = values.reduce((least, value) => Math.min(least, value));
    const high = values.reduce((most, value) => Math.max(most, value));
    const margin = (high - low || 1) * 0.06;
    return [low - margin, high + margin];
  }

  function draw(plot) {
    const points = visible(plot.points);
    const width = Math.max(260, plot.svg.parentElement.clientWidth);
    // All plots have the same axes, so that classes can be compared.
    const everything = visible(plots[0].points);
    const least = everything.reduce((share, each) => Math.min(share, each.share), 0.5) * 0.9;
    const [low, high] = limits(everything);
    const across = scale(Math.log(least), 0, PAD.left, width - PAD.right);
    const up = scale(low, high, HEIGHT - PAD.bottom, PAD.top + BAND);
    plot.svg.replaceChildren();
    plot.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    plot.svg.setAttribute("height", HEIGHT);
    axes(plot.svg, width, least, across, [low, high], up);
    if (points.some(each => each.identical)) {
      svg("text", {x: PAD.left - 6, y: PAD.top + BAND / 2 + 4, "text-anchor": "end"}, plot.svg, "=");
    }
    plot.drawn = points.map(each => ({
      ...each,
      x: across(Math.log(each.share)),
      y: each.identical ? PAD.top + BAND / 2 : up(each.measures[measure]),
    })).sort((a, b) => a.x - b.x || a.y - b.y);
    // The policy is drawn last, over the others.
    for (const each of [...plot.drawn].sort((a, b) => b.strategy - a.strategy)) {
      mark(each.strategy, each.x, each.y, plot.svg);
    }
    plot.ring = svg("circle", {r: 8, class: "chosen", visibility: "hidden"}, plot.svg);
    plot.at = -1;
  }

  function axes(parent, width, least, across, [low, high], up) {
    const {title, unit, floor} = data.measures[measure];
    const bottom = HEIGHT - PAD.bottom;
    const right = width - PAD.right;
    for (const share of shares(least)) {
      const x = across(Math.log(share));
      svg("path", {d: `M${x} ${PAD.top + BAND}V${bottom}`, class: "tick"}, parent);
      svg("text", {x, y: bottom + 14, "text-anchor": "middle"}, parent,
        `${Number((100 * share).toPrecision(2))}`);
    }
    for (const value of ticks(low, high, 5)) {
      svg("path", {d: `M${PAD.left} ${up(value)}H${right}`, class: "tick"}, parent);
      svg("text", {x: PAD.left - 6, y: up(value) + 4, "text-anchor": "end"}, parent,
        String(Number(value.toPrecision(6))));
    }
    svg("path", {d: `M${PAD.left} ${PAD.top}V${bottom}H${right}`, class: "axis"}, parent);
    if (floor !== null) {
      svg("path", {d: `M${PAD.left} ${up(floor)}H${right}`, class: "floor"}, parent);
    }
    svg("text", {x: PAD.left + 4, y: PAD.top + 10}, parent, unit ? `${title}, ${unit}` : title);
    svg("text", {x: right, y: HEIGHT - 6, "text-anchor": "end"}, parent,
      "stored, % of the upload");
  }

  function tell(plot, at) {
    plot.at = at;
    const each = plot.drawn[at];
    if (!each) return hush(plot);
    plot.ring.setAttribute("cx", each.x);
    plot.ring.setAttribute("cy", each.y);
    plot.ring.setAttribute("visibility", "visible");
    const {title, unit, digits} = data.measures[measure];
    const value = each.identical ? "same pixels"
      : `${title} ${format.number(each.measures[measure], digits)}${unit && " " + unit}`;
    tooltip.replaceChildren();
    html("strong", tooltip, data.images[each.image]);
    html("div", tooltip, `${data.strategies[each.strategy].title}: ${data.tiers[each.tier]}`);
    html("div", tooltip, `${format.number(each.stored, 0)} of ${format.number(each.uploaded, 0)}`
      + ` bytes (${format.number(100 * each.share, 1)} %)`);
    html("div", tooltip, value);
    tooltip.hidden = false;
    beside(plot, each);
  }

  function beside(plot, each) {
    const box = plot.svg.getBoundingClientRect();
    const zoom = box.width / plot.svg.viewBox.baseVal.width;
    const [width, height] = [tooltip.offsetWidth, tooltip.offsetHeight];
    const x = box.left + each.x * zoom + 12;
    const y = box.top + each.y * zoom + 12;
    const left = x + width > innerWidth - 8 ? Math.max(8, x - width - 24) : x;
    const top = y + height > innerHeight - 8 ? Math.max(8, y - height - 24) : y;
    tooltip.style.transform = `translate(${left}px, ${top}px)`;
  }

  function hush(plot) {
    plot.at = -1;
    plot.ring?.setAttribute("visibility", "hidden");
    tooltip.hidden = true;
  }

  function nearest(plot, event) {
    const box = plot.svg.getBoundingClientRect();
    const zoom = plot.svg.viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    let [found, least] = [-1, REACH];
    plot.drawn.forEach((each, number) => {
      const away = Math.hypot(each.x - x, each.y - y);
      if (away < least) [found, least] = [number, away];
    });
    return found;
  }

  function step(plot, event) {
    const last = plot.drawn.length - 1;
    const to = {
      ArrowRight: Math.min(last, plot.at + 1), ArrowLeft: Math.max(0, plot.at - 1),
      Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") hush(plot);
    if (to === undefined) return;
    event.preventDefault();
    tell(plot, to);
  }

  function add(described) {
    const figure = html("figure", grid);
    const points = described.points.map(point);
    const images = new Set(points.map(each => each.image)).size;
    html("figcaption", figure, `${described.kind || "All images"} (${images})`);
    const plot = {points, drawn: [], at: -1, ring: null};
    plot.svg = svg("svg", {
      role: "application", tabindex: 0, "aria-roledescription": "plot",
      "aria-label": `${described.kind || "All images"}: ${images} images, bytes against fidelity.`
        + " Arrow keys step through the points.",
    }, figure);
    plot.svg.addEventListener("pointermove", event => tell(plot, nearest(plot, event)));
    plot.svg.addEventListener("pointerdown", event => tell(plot, nearest(plot, event)));
    plot.svg.addEventListener("pointerleave", () => hush(plot));
    plot.svg.addEventListener("keydown", event => step(plot, event));
    plot.svg.addEventListener("blur", () => hush(plot));
    return plot;
  }

  function legend(redraw) {
    const lists = ["plot-more", "plot-legend"].map(id => document.getElementById(id));
    data.strategies.forEach((strategy, number) => {
      const label = html("label", lists[Number(shown.has(number))]);
      const box = html("input", label);
      box.type = "checkbox";
      box.checked = shown.has(number);
      box.addEventListener("change", () => {
        if (box.checked) shown.add(number); else shown.delete(number);
        redraw();
      });
      const key = svg("svg", {width: 12, height: 12, "aria-hidden": "true"}, label);
      mark(number, 6, 6, key);
      label.append(strategy.title);
    });
  }

  const first = new Set(["policy", "avif-floor", "jpeg-floor", "bicubic-floor"]);
  data.strategies.forEach((strategy, number) => {
    if (first.has(strategy.name)) shown.add(number);
  });
  const whole = {kind: "", points: data.plots.flatMap(each => each.points)};
  const plots = (data.plots.length > 1 ? [whole, ...data.plots] : data.plots).map(add);
  const redraw = () => plots.forEach(draw);
  const choice = document.getElementById("plot-measure");
  data.measures.forEach(({title}, number) => {
    html("option", choice, title).value = String(number);
  });
  choice.addEventListener("change", () => {
    measure = Number(choice.value);
    redraw();
  });
  legend(redraw);
  document.getElementById("plot-controls").hidden = false;
  let width = grid.clientWidth;
  redraw();
  new ResizeObserver(() => {
    if (width === grid.clientWidth) return;
    width = grid.clientWidth;
    tooltip.hidden = true;
    redraw();
  }).observe(grid);
  // Focusing a plot scrolls to it: the tooltip stays with its mark.
  const follow = () => plots.filter(plot => plot.at >= 0)
    .forEach(plot => beside(plot, plot.drawn[plot.at]));
  addEventListener("scroll", follow, {passive: true});
})();
