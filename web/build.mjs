// Bundle the viewer and three.js into pyrnn/render/web; pyrnn copies them into every page.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const target = new URL("../pyrnn/render/web/", import.meta.url);
const three = JSON.parse(readFileSync("node_modules/three/package.json", "utf8"));

await build({
  entryPoints: ["src/main.js"],
  outfile: new URL("viewer.js", target).pathname,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  legalComments: "inline",
  banner: { js: `/* pyrnn viewer with three.js ${three.version}, both MIT: see three.LICENSE.txt */` },
});
for (const page of ["page.html", "population.html"]) copyFileSync(`src/${page}`, new URL(page, target));
const license = readFileSync("node_modules/three/LICENSE", "utf8");
writeFileSync(new URL("three.LICENSE.txt", target), license);
