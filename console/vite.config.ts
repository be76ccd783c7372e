import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

/** What the page is built from, apart from the packages, which the lock file names with their hashes. */
const SOURCES = ["index.html", "package-lock.json", "public", "src", "vite.config.ts"];

function filesIn(path: string): string[] {
  return statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesIn(join(path, name))) : [path];
}

/** Writes the hash of every source beside what was built, so that a test without npm sees that somebody forgot to build. */
function sourcesListed(): Plugin {
  const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const list = () =>
    SOURCES.flatMap(filesIn)
      .sort()
      .map((path) => `${hash(path)}  ${path.replaceAll("\\", "/")}\n`);
  return {
    name: "sources-listed",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "sources.sha256", source: list().join("") });
    },
  };
}

const service = process.env.CONSOLE_SERVICE ?? "http://127.0.0.1:8005";

export default defineConfig({
  base: "/console/",
  plugins: [sourcesListed()],
  build: {
    target: "es2022",
    outDir: process.env.CONSOLE_OUT ?? "dist",
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // The names stay the same from one build to the next, so that the service can name them when it is compiled.
    rollupOptions: { output: { entryFileNames: "console.js", assetFileNames: "console[extname]", codeSplitting: false } },
  },
  server: { proxy: Object.fromEntries(["/v1", "/metrics", "/health", "/docs", "/openapi.json"].map((path) => [path, service])) },
});
