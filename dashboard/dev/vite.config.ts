/** `npm run dev`: the page with a control plane that is made up, to work on its looks. The address
 * takes /_teal/#code=any. It is no part of what is built. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { defineConfig, type Plugin } from "vite";
import base from "../vite.config";
import { answer, snapshot, tick } from "./plane";

function plane(): Plugin {
  return {
    name: "made-up-control-plane",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = request.url ?? "";
        if (path === "/_teal/session") {
          json(response, { token: "t", expires: 2e9, actor: "alice", access: "admin" });
        } else if (path === "/_teal/stream") stream(request, response);
        else if (path.startsWith("/_teal/api/")) {
          json(response, answer(path.slice("/_teal/api/".length)));
        } else next();
      });
    },
  };
}

function json(response: ServerResponse, body: object): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(body));
}

function stream(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Content-Type", "text/event-stream");
  response.write(`id: a-0\nevent: snapshot\ndata: ${JSON.stringify(snapshot())}\n\n`);
  let id = 0;
  const timer = setInterval(() => {
    response.write(`id: a-${++id}\nevent: change\ndata: ${JSON.stringify(tick())}\n\n`);
  }, 1000);
  request.on("close", () => clearInterval(timer));
}

export default defineConfig({ ...base, plugins: [plane()] });
