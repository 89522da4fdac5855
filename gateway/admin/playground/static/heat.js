// Where both images differ: the largest difference of a pixel's samples, as a colour.
"use strict";
{
  const root = document.querySelector(".compare:has(.heat)");
  const MOST = 32; // of 255: beyond it everything has the last colour
  const MAX_PIXELS = 4e6;
  const STOPS = [[20, 22, 40], [60, 50, 150], [30, 140, 140], [120, 200, 80], [253, 231, 37]];

  if (root) {
    const [heat, scale, under, over] = [".heat", ".scale", ".under", ".over"].map((each) => root.querySelector(each));
    let drawn = "";

    function colour(share) {
      const at = Math.min(share, 1) * (STOPS.length - 1);
      const [low, part] = [Math.min(Math.floor(at), STOPS.length - 2), at - Math.min(Math.floor(at), STOPS.length - 2)];
      return STOPS[low].map((each, index) => each + part * (STOPS[low + 1][index] - each));
    }

    function pixels(image) {
      const context = new OffscreenCanvas(heat.width, heat.height).getContext("2d");
      context.drawImage(image, 0, 0, heat.width, heat.height);
      return context.getImageData(0, 0, heat.width, heat.height);
    }

    function draw() {
      const { naturalWidth: width, naturalHeight: height } = under;
      const share = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
      [heat.width, heat.height] = [Math.round(width * share), Math.round(height * share)];
      const [before, after] = [pixels(under), pixels(over)];
      const table = Array.from({ length: 256 }, (_, value) => colour(value / MOST));
      for (let at = 0; at < before.data.length; at += 4) {
        let most = 0;
        for (let sample = at; sample < at + 3; sample += 1) {
          most = Math.max(most, Math.abs(before.data[sample] - after.data[sample]));
        }
        before.data.set(table[most], at);
        before.data[at + 3] = 255;
      }
      heat.getContext("2d").putImageData(before, 0, 0);
    }

    async function show(event) {
      const wanted = event.detail === "heat";
      heat.hidden = scale.hidden = !wanted;
      if (!wanted || drawn === over.currentSrc) return;
      await Promise.all([under.decode(), over.decode()]);
      draw();
      drawn = over.currentSrc;
      heat.dataset.drawn = "1";
    }

    root.addEventListener("side", show);
  }
}
