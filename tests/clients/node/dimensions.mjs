// Print the dimensions that image-size and probe-image-size find in files, as one line of JSON.

import { readFileSync } from "node:fs";
import { imageSize } from "image-size";
import probe from "probe-image-size";

const readers = { "image-size": imageSize, "probe-image-size": probe.sync };

function found(read, path) {
  try {
    const { width, height } = read(readFileSync(path));
    return [width, height];
  } catch {
    return null;
  }
}

const [reader, ...paths] = process.argv.slice(2);
console.log(JSON.stringify(paths.map((path) => found(readers[reader], path))));
