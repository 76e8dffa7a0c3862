// Draws icons of Iconify packages as PNG files: `node render.mjs JOBS SIZE`, JOBS a JSON list of [package, names, file].
// The first of the names that the package has is drawn; where it has none the job is left out.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [jobsFile, size] = process.argv.slice(2);
const require = createRequire(resolve(jobsFile));
const sharp = require("sharp");
const packages = new Map();

for (const [name, candidates, file] of JSON.parse(readFileSync(jobsFile, "utf8"))) {
  if (!packages.has(name)) packages.set(name, require(`${name}/icons.json`));
  const { icons, aliases = {}, width = 16, height = 16 } = packages.get(name);
  const found = candidates.map((each) => icons[each] ?? icons[aliases[each]?.parent]).find(Boolean);
  if (!found) continue;
  const box = [found.left ?? 0, found.top ?? 0, found.width ?? width, found.height ?? height].join(" ");
  const longer = Math.max(found.width ?? width, found.height ?? height);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="#202020"
    width="${found.width ?? width}" height="${found.height ?? height}" viewBox="${box}">${found.body}</svg>`;
  try {
    const drawn = sharp(Buffer.from(svg), { density: 72 * Number(size) / longer, limitInputPixels: false });
    await drawn.resize(Number(size), Number(size), { fit: "inside" }).png({ compressionLevel: 1 }).toFile(file);
  } catch (error) {
    console.error(`${name} ${candidates[0]}: ${error.message}`);
  }
}
