/** The frame of every page: where one can go, whether what is seen is fresh, and who one is. */

import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary } from "preact/hooks";
import { load, renewal, standing } from "./data/renewal";
import { end, refusal, seeking, session } from "./data/session";
import { age, connected, control, now, seen } from "./data/state";
import { DeploymentPage } from "./pages/deployment";
import { EventsPage } from "./pages/events";
import { GroupPage } from "./pages/group";
import { HistoryPage } from "./pages/history";
import { MeshPage } from "./pages/mesh";
import { Overview } from "./pages/overview";
import { ServicePage, ServicesPage } from "./pages/services";
import { TracesPage } from "./pages/traces";
import { Empty } from "./parts/marks";
import { Told } from "./parts/told";
import { link, route } from "./router";
import { choose as chooseLanguage, duration, type Key, type Language, language, t } from "./text";
import { type Choice, choice, choose as chooseTheme } from "./theme";

const PAGES: [string, Key][] = [
  ["overview", "nav.overview"],
  ["services", "nav.services"],
  ["mesh", "nav.mesh"],
  ["traces", "nav.traces"],
  ["history", "nav.history"],
  ["events", "nav.events"],
];

/** The name of the page in the browser's tabs and history, and for those who hear it. */
function titled(): string {
  const { page, parts } = route.value;
  const found = PAGES.find(([name]) => name === page);
  const name = found ? t(found[1]) : t("nav.overview");
  return [...(page === "deployments" || page === "groups" ? parts.slice(0, 1) : parts), name]
    .filter(Boolean)
    .concat("Tealmesh")
    .join(" · ");
}

export function App() {
  const title = titled();
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        {t("skip")}
      </button>
      <Header />
      <main id="main" tabIndex={-1}>
        {seeking.value ? (
          <p class="muted wait">{t("loading")}</p>
        ) : session.value === null ? (
          <NoSession />
        ) : (
          <>
            <Freshness />
            <Renewal />
            {/* Not by what is looked for: who types must not lose the field. */}
            <Guard key={link(route.value.page, ...route.value.parts)}>
              <Page />
            </Guard>
          </>
        )}
      </main>
    </>
  );
}

function skip() {
  document.getElementById("main")?.focus();
}

function Page() {
  const { page, parts } = route.value;
  const [first, second] = parts;
  if (page === "overview") return <Overview />;
  if (page === "deployments" && first && second) {
    return <DeploymentPage key={second} service={first} id={second} />;
  }
  if (page === "services") return first ? <ServicePage name={first} /> : <ServicesPage />;
  if (page === "groups" && first) return <GroupPage key={first} name={first} id={second} />;
  if (page === "mesh") return <MeshPage name={first} />;
  if (page === "traces") return <TracesPage id={first} />;
  if (page === "history") return <HistoryPage service={first} />;
  if (page === "events") return <EventsPage />;
  return (
    <Empty title={t("nothing.here")}>
      <p>
        <a href={link("overview")}>{t("nav.overview")}</a>
      </p>
    </Empty>
  );
}

/** A fault of one page leaves the others usable, and is shown rather than an empty page. */
function Guard({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((found: Error) => console.error(found));
  if (error === undefined) return <>{children}</>;
  return (
    <Empty title={t("fault")}>
      <p lang="en">{String(error)}</p>
      <div class="buttons">
        <button type="button" onClick={reset}>
          {t("again")}
        </button>
      </div>
    </Empty>
  );
}

function Header() {
  const { page } = route.value;
  const here = page === "deployments" || page === "groups" ? "overview" : page;
  return (
    <header class="top">
      <a class="brand" href={link("overview")} aria-label="Tealmesh">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M6 10h9c5 0 3 12 8 12h3M6 22h9c2 0 3-2 3.500-4M26 10h-3c-2 0-3 2-3.500 4" />
        </svg>
        <span class="name">Tealmesh</span>
      </a>
      {session.value !== null && (
        <nav aria-label={t("nav.title")}>
          {PAGES.map(([page, name]) => (
            <a key={page} href={link(page)} aria-current={here === page ? "page" : undefined}>
              {t(name)}
            </a>
          ))}
        </nav>
      )}
      <div class="settings">
        {session.value !== null && <Link />}
        <select
          aria-label={t("settings.language")}
          value={language.value}
          onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
        >
          <option value="en">English</option>
          <option value="ja">日本語</option>
        </select>
        <select
          aria-label={t("settings.theme")}
          value={choice.value}
          onChange={(event) => chooseTheme(event.currentTarget.value as Choice)}
        >
          <option value="auto">{t("theme.auto")}</option>
          <option value="light">{t("theme.light")}</option>
          <option value="dark">{t("theme.dark")}</option>
        </select>
        {session.value !== null && (
          <button type="button" class="small" onClick={end} title={t("settings.leave")}>
            {session.value.actor}
            <span class="muted"> {t("settings.leave")}</span>
          </button>
        )}
      </div>
    </header>
  );
}

function Link() {
  const { tone, sign, text } = connected.value
    ? { tone: "good", sign: "●", text: t("link.live") }
    : { tone: "bad", sign: "✖", text: t("link.gone") };
  return (
    <span class={`link ${tone}`} title={control.value && `Tealmesh ${control.value.version}`}>
      <span aria-hidden="true">{sign}</span> {text}
    </span>
  );
}

/** Says that the control plane is gone, and how old what is seen is. */
function Freshness() {
  if (connected.value) return null;
  const old = age() + 0 * now.value;
  return (
    <p class="stale">
      {/* The age changes each second: whoever hears the page is told once. */}
      <span role="status">{seen.value ? t("stale.gone") : t("stale.never")}</span>
      {seen.value && <span> {t("stale.age", { time: duration(old) })}</span>}
    </p>
  );
}

/** Loads the page anew once the control plane serves another one; where that would interrupt
 * somebody, or has not helped, it is said. */
function Renewal() {
  const served = control.value?.page;
  // Who has finished what was in the middle is not asked: it is looked at each second.
  const found = connected.value ? renewal(standing(served)) : "none";
  useEffect(() => {
    if (found === "load") load(served);
  }, [found, served]);
  if (found !== "tell") return null;
  void now.value;
  return (
    <p class="stale">
      <span role="status">{t("page.old")}</span>{" "}
      <button type="button" class="small" onClick={() => load(served)}>
        {t("page.load")}
      </button>
    </p>
  );
}

function NoSession() {
  return (
    <Empty title={t("session.none")}>
      <p>{t("session.how")}</p>
      <pre>
        <code>teal open</code>
      </pre>
      {refusal.value && (
        <p class="trouble" role="alert">
          <Told text={refusal.value.text} by={refusal.value} />
        </p>
      )}
    </Empty>
  );
}
