// Several images: one after another, with a line in a table each.
"use strict";
{
  const form = document.querySelector("form.try");
  const section = document.querySelector(".many");
  const body = section.querySelector("tbody");
  const total = section.querySelector("tfoot tr");
  const status = form.querySelector(".status");
  const count = new Intl.NumberFormat("en");
  const titles = [...section.querySelectorAll("thead th")].map((each) => each.textContent);

  const saved = (uploaded, stored) => (uploaded ? `${(100 * (1 - stored / uploaded)).toFixed(1)} %` : "–");

  function fill(row, cells) {
    row.replaceChildren(...cells.map((text, index) => {
      const cell = document.createElement(index ? "td" : "th");
      if (!index) cell.scope = "row";
      cell.dataset.label = titles[index];
      cell.append(text);
      return cell;
    }));
  }

  function link(found) {
    const anchor = document.createElement("a");
    anchor.href = found.url;
    anchor.target = "_blank";
    anchor.textContent = found.name;
    return anchor;
  }

  async function send(file) {
    const data = new FormData(form);
    data.set("image", file);
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
    if (answer.ok) return answer.json();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error(page.querySelector(".lead")?.textContent ?? `error ${answer.status}`);
  }

  async function run(files) {
    const sum = { uploaded: 0, stored: 0 };
    section.hidden = false;
    body.replaceChildren();
    for (const [index, file] of files.entries()) {
      status.textContent = `Optimizing ${index + 1} of ${files.length}…`;
      const row = body.insertRow();
      fill(row, [file.name, count.format(file.size), "…", "", "", "", ""]);
      try {
        const found = await send(file);
        sum.uploaded += found.uploaded;
        sum.stored += found.stored;
        fill(row, [link(found), count.format(found.uploaded), count.format(found.stored), saved(found.uploaded, found.stored),
          found.codec ? `${found.tier}, ${found.codec}` : found.tier, found.score?.toFixed(1) ?? "–", found.why ?? ""]);
      } catch (error) {
        fill(row, [file.name, count.format(file.size), "–", "–", "–", "–", error.message]);
      }
    }
    fill(total, ["all", count.format(sum.uploaded), count.format(sum.stored), saved(sum.uploaded, sum.stored), "", "", ""]);
    status.textContent = `${files.length} images done.`;
  }

  form.addEventListener("submit", async (event) => {
    const files = [...form.elements.image.files];
    if (files.length < 2) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = form.querySelector("button");
    button.disabled = true;
    await run(files);
    button.disabled = false;
  });
}
