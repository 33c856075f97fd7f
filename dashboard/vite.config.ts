import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/_teal/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/tealmesh/app/dashboard/built",
    emptyOutDir: true,
    // The content security policy allows no inline script and no data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
