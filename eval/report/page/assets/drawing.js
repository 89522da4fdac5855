// What plots and curves draw with.
const drawing = (() => {
  const NS = "http://www.w3.org/2000/svg";

  // Told apart without colour: the shape says what is written.
  const SHAPES = {
    policy: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    tier: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    avif: "M0-4.5 4.5 3.5h-9Z",
    webp: "M-3.7-3.7h7.4v7.4h-7.4Z",
    jpeg: "M0-5 5 0 0 5-5 0Z",
    bicubic: "M0 4.5-4.5-3.5h9Z",
    jxl: "M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5",
  };

  function svg(name, attributes, parent, text) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  }

  function html(name, parent, text) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  }

  // About `count` round numbers between two limits.
  function ticks(low, high, count) {
    const rough = Math.max(high - low, 1e-9) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find(factor => power * factor >= rough);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) {
      found.push(at * step);
    }
    return found;
  }

  // Round shares of the upload above a limit, for a logarithmic axis.
  function shares(least) {
    const all = least > 0.07 ? [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1]
      : [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
    return all.filter(share => share >= least);
  }

  function scale(low, high, start, end) {
    const span = high - low || 1;
    return value => start + (value - low) / span * (end - start);
  }

  return {SHAPES, svg, html, ticks, shares, scale};
})();
