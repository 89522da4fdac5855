// Bytes that codecs need for a score: one plot for each class. The table has the same figures.
(() => {
  const holder = document.getElementById("curves-data");
  const grid = document.getElementById("curve-grid");
  if (!holder || !grid) return;
  const {SHAPES, svg, html, shares, scale} = drawing;
  const data = JSON.parse(holder.textContent);
  const HEIGHT = 260;
  const PAD = {left: 34, right: 12, top: 24, bottom: 36};

  function mark(codec, x, y, parent, title) {
    const element = svg("path", {
      d: SHAPES[codec], class: `mark ${codec}`,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    }, parent);
    if (title) svg("title", {}, element, title);
    return element;
  }

  const percent = share => `${format.number(100 * share, share < 0.1 ? 2 : 1)} %`;

  function draw({group, picture}) {
    const width = Math.max(260, picture.parentElement.clientWidth);
    const all = [group.policy[0], ...group.needed.flat()];
    const least = Math.min(0.5, ...all) * 0.9;
    const [low, high] = [
      Math.min(data.scores[0], group.policy[1] - 2), Math.max(95, group.policy[1] + 2),
    ];
    const across = share => scale(Math.log(least), 0, PAD.left, width - PAD.right)(Math.log(share));
    const up = scale(low, high, HEIGHT - PAD.bottom, PAD.top);
    picture.replaceChildren();
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    picture.setAttribute("height", HEIGHT);
    axes(picture, width, least, across, up);
    group.needed.forEach((needed, number) => line(picture, needed, number, across, up));
    const [share, score] = group.policy;
    svg("title", {}, svg("path", {
      d: SHAPES.policy, class: "mark policy", "data-policy": "",
      transform: `translate(${across(share).toFixed(1)} ${up(score).toFixed(1)}) scale(1.4)`,
    }, picture), `The policy: ${percent(share)} at a mean score of ${format.number(score, 1)}`);
  }

  function line(parent, needed, number, across, up) {
    const {codec, title} = data.codecs[number];
    // Where every image counts as the upload, no quality reaches the score.
    const end = needed.findIndex(share => share >= 1);
    const shown = end < 0 ? needed : needed.slice(0, end);
    if (!shown.length) return;
    const points = shown.map((share, at) =>
      `${across(share).toFixed(1)} ${up(data.scores[at]).toFixed(1)}`);
    svg("path", {d: `M${points.join("L")}`, class: `curve ${codec}`}, parent);
    for (const score of data.named) {
      const share = shown[data.scores.indexOf(score)];
      if (share !== undefined) {
        mark(codec, across(share), up(score), parent, `${title}: ${percent(share)} for ${score}`);
      }
    }
  }

  function axes(parent, width, least, across, up) {
    const bottom = HEIGHT - PAD.bottom;
    const right = width - PAD.right;
    for (const share of shares(least)) {
      const x = across(share);
      svg("path", {d: `M${x} ${PAD.top}V${bottom}`, class: "tick"}, parent);
      svg("text", {x, y: bottom + 14, "text-anchor": "middle"}, parent,
        `${Number((100 * share).toPrecision(2))}`);
    }
    for (const score of [data.scores[0], ...data.named]) {
      svg("path", {d: `M${PAD.left} ${up(score)}H${right}`, class: "tick"}, parent);
      svg("text", {x: PAD.left - 6, y: up(score) + 4, "text-anchor": "end"}, parent, String(score));
    }
    svg("path", {d: `M${PAD.left} ${PAD.top}V${bottom}H${right}`, class: "axis"}, parent);
    svg("text", {x: PAD.left + 4, y: PAD.top - 8}, parent, "SSIMULACRA2");
    svg("text", {x: right, y: HEIGHT - 6, "text-anchor": "end"}, parent,
      "stored, % of the upload");
  }

  // What a screen reader says of a plot; the table has the rest.
  function described({kind, images, policy, needed}) {
    const at = data.scores.indexOf(70);
    const each = data.codecs.map(({title}, number) => `${title} ${percent(needed[number][at])}`);
    return `${kind || "All images"} (${images}): bytes needed for a score of 70 of uploaded bytes:`
      + ` ${each.join(", ")}. The policy stores ${percent(policy[0])} at`
      + ` ${format.number(policy[1], 1)} on average.`;
  }

  const plots = data.groups.map(group => {
    const figure = html("figure", grid);
    html("figcaption", figure, `${group.kind || "All images"} (${group.images})`);
    const picture = svg("svg", {role: "img", "aria-label": described(group)}, figure);
    return {group, picture};
  });
  const legend = document.getElementById("curve-legend");
  for (const {codec, title} of [{codec: "policy", title: "The policy (mean score)"}, ...data.codecs]) {
    const item = html("li", legend);
    mark(codec, 6, 6, svg("svg", {width: 12, height: 12, "aria-hidden": "true"}, item));
    item.append(title);
  }
  const redraw = () => plots.forEach(draw);
  new ResizeObserver(redraw).observe(grid);
})();
