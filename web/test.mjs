// Bundles every src/**/*.test.ts and runs them with Node's own test runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const tests = readdirSync(join(root, "src"), { recursive: true })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => join(root, "src", name));
const outdir = mkdtempSync(join(tmpdir(), "marquee-web-"));
try {
  await build({
    entryPoints: tests,
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    outExtension: { ".js": ".mjs" },
    target: "node20",
    logLevel: "warning",
  });
  const files = readdirSync(outdir, { recursive: true }).filter((name) => name.endsWith(".mjs"));
  const { status } = spawnSync(process.execPath, ["--test", ...files.map((name) => join(outdir, name))], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
