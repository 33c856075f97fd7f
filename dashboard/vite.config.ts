import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Has the browser load what main.ts imports later as early as main.ts itself. */
function early(): Plugin {
  return {
    name: "early",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle = {} }) =>
        Object.values(bundle)
          .filter((one) => one.type === "chunk" && one.name === "start")
          .map((one) => ({
            tag: "link",
            attrs: { rel: "modulepreload", crossorigin: "", href: `/_teal/${one.fileName}` },
            injectTo: "head",
          })),
    },
  };
}

export default defineConfig({
  base: "/_teal/",
  plugins: [early()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/tealmesh/app/dashboard/built",
    emptyOutDir: true,
    // The content security policy allows no inline script and no data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // The tests are of functions: nothing of one file is left for the next.
  test: { include: ["tests/**/*.test.ts"], isolate: false, pool: "threads" },
});
