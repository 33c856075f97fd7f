/** Addresses of the page: #/deployments/web/4b1c, with #/ the overview. The fragment stays here:
 * browsers do not send it. */

import { signal } from "@preact/signals";

export interface Route {
  page: string;
  parts: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...parts] = path.split("/").map(decodeURIComponent);
  return { page: page || "overview", parts, query: new URLSearchParams(query) };
}

export function link(page: string, ...parts: string[]): string {
  if (page === "overview") return "#/";
  return `#/${[page, ...parts].map(encodeURIComponent).join("/")}`;
}

export const route = signal<Route>(parse(""));

export function follow(): void {
  const read = () => {
    route.value = parse(location.hash);
    window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", () => {
    read();
    // Whoever followed a link by keyboard goes on from the new page's beginning, not the old link.
    const at = document.activeElement;
    if (at === document.body || at instanceof HTMLAnchorElement) {
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  });
  read();
}

/** Put what is looked for into the address without a step of the history. */
export function query(values: Record<string, string>): void {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  const { page, parts } = route.peek();
  const path = link(page, ...parts);
  history.replaceState(null, "", text ? `${path}?${text}` : path);
  route.value = parse(location.hash);
}
