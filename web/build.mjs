// Bundles the pages into dist/: hashed assets and the index.html that names them. `--dev` adds source maps and does not minify.
import { build } from "esbuild";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const dist = join(root, "dist");
// Made beside dist, which it replaces once it is whole: a build that fails leaves the pages of the last one.
const fresh = join(root, "dist.new");
const former = join(root, "dist.old");
const dev = process.argv.includes("--dev");

await remove(fresh);
try {
  const outputs = await bundle();
  await writeIndex(outputs);
  await swap();
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`web/dist: ${Object.keys(outputs).length} assets, ${Math.round(bytes / 1000)} kB`);
} finally {
  await remove(fresh);
}

/** Bundles into `fresh`; answers what was written, by its path from here. */
async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/main.tsx", "src/icon.svg"],
    outdir: fresh,
    publicPath: "/",
    entryNames: "assets/[name]-[hash]",
    chunkNames: "assets/[name]-[hash]",
    assetNames: "assets/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    // The browser of television sets that are still in use.
    target: "chrome68",
    loader: { ".woff2": "file", ".svg": "copy" },
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: !dev,
    sourcemap: dev,
    metafile: true,
    logLevel: "warning",
  });
  return metafile.outputs;
}

async function writeIndex(outputs) {
  const page = await readFile(join(root, "src/index.html"), "utf8");
  await writeFile(
    join(fresh, "index.html"),
    page
      .replace("%SCRIPT%", address(outputs, "src/main.tsx", ".js"))
      .replace("%STYLE%", address(outputs, "src/main.tsx", ".css"))
      .replace("%ICON%", address(outputs, "src/icon.svg", ".svg")),
  );
}

/** Address of what was built from `entry`. */
function address(outputs, entry, extension) {
  const found = Object.entries(outputs).find(([, output]) => output.entryPoint === entry);
  const path = extension === ".css" ? found?.[1].cssBundle : found?.[0];
  if (!path) throw new Error(`nothing was built from ${entry}`);
  return `/${relative(fresh, join(root, path))}`;
}

/** Puts `fresh` in the place of dist. Whenever this is cut off, dist is whole or not there. */
async function swap() {
  await remove(former);
  await rename(dist, former).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(fresh, dist);
  await remove(former);
}

function remove(folder) {
  return rm(folder, { recursive: true, force: true });
}
