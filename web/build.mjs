// Bundles the pages into dist/: hashed assets and the index.html that names them. `--dev` adds source maps and does not minify.
import { build } from "esbuild";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const dist = join(root, "dist");
const dev = process.argv.includes("--dev");

await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.tsx", "src/icon.svg"],
  outdir: dist,
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

/** Address of what was built from `entry`. */
function address(entry, extension) {
  const found = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entry);
  const path = extension === ".css" ? found?.[1].cssBundle : found?.[0];
  if (!path) throw new Error(`nothing was built from ${entry}`);
  return path.replace(/^dist\//, "/");
}

const page = await readFile(join(root, "src/index.html"), "utf8");
await writeFile(
  join(dist, "index.html"),
  page
    .replace("%SCRIPT%", address("src/main.tsx", ".js"))
    .replace("%STYLE%", address("src/main.tsx", ".css"))
    .replace("%ICON%", address("src/icon.svg", ".svg")),
);
const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`web/dist: ${Object.keys(metafile.outputs).length} assets, ${Math.round(bytes / 1000)} kB`);
