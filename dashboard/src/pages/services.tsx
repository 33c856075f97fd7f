/** All services with their tasks, and one service with everything that belongs to it. */

import { seen, services, shelves } from "../data/state";
import type { Service, Task } from "../data/wire";
import { Sides, shownSides } from "../parts/fleet";
import { useGradual } from "../parts/gradual";
import { Ago, Empty, Image, SideMark, StateMark } from "../parts/marks";
import { NoServices } from "../parts/none";
import { Tasks } from "../parts/tasks";
import { Told } from "../parts/told";
import { link } from "../router";
import { moment, t, word } from "../text";

const OTHERS = "\u0000";
/** Services that are drawn at once: more than a screen has. */
const FIRST = 16;

/** Tasks by service; those of gateways and of other ECS services by that. */
function byOwner(tasks: Task[]): Map<string, Task[]> {
  const found = new Map<string, Task[]>();
  for (const task of tasks) {
    const owner = task.service ?? OTHERS + (task.ecsService ?? t("services.alone"));
    found.set(owner, [...(found.get(owner) ?? []), task]);
  }
  return found;
}

export function ServicesPage() {
  const tasks = byOwner(Object.values(shelves.tasks.value));
  const others = [...tasks.keys()].filter((owner) => owner.startsWith(OTHERS)).sort();
  const some = useGradual(services.value.length, FIRST, FIRST);
  return (
    <>
      <h1>{t("services.title")}</h1>
      {seen.value && services.value.length === 0 && tasks.size === 0 && <NoServices />}
      {services.value.slice(0, some).map((service) => (
        <section class="card" key={service.name} aria-labelledby={`service-${service.name}`}>
          <h2 id={`service-${service.name}`}>
            <a href={link("services", service.name)}>{service.name}</a>{" "}
            <StateMark state={service.state} />
          </h2>
          <TasksOf tasks={tasks.get(service.name) ?? []} name={service.name} />
        </section>
      ))}
      {others.map((owner) => (
        <section class="card" key={owner} aria-label={owner.slice(1)}>
          <Owner name={owner.slice(1)} resource={tasks.get(owner)?.[0]?.resource} />
          <TasksOf tasks={tasks.get(owner) ?? []} name={owner.slice(1)} />
        </section>
      ))}
    </>
  );
}

/** Of tasks that are no service's: a gateway, say, which the map shows. */
function Owner({ name, resource = "" }: { name: string; resource: string | undefined }) {
  const [, mesh, kind, named] = resource.split("/");
  if (!mesh || !kind || !named) return <h2>{name}</h2>;
  const query = new URLSearchParams({ node: `${kind}/${named}` });
  return (
    <h2>
      <a href={`${link("mesh", mesh)}?${query}`}>{name}</a>{" "}
      <span class="tag">{word("kind", kind)}</span>
    </h2>
  );
}

function TasksOf({ tasks, name }: { tasks: Task[]; name: string }) {
  return tasks.length === 0 ? (
    <p class="muted">{t("tasks.none")}</p>
  ) : (
    <Tasks tasks={tasks} label={t("services.tasks", { service: name })} />
  );
}

export function ServicePage({ name }: { name: string }) {
  const service = shelves.services.value[name];
  if (service === undefined) {
    return seen.value ? (
      <Empty title={t("services.unknown", { service: name })}>
        <p>
          <a href={link("services")}>{t("services.title")}</a>
        </p>
      </Empty>
    ) : (
      <p class="muted">{t("loading")}</p>
    );
  }
  const tasks = Object.values(shelves.tasks.value).filter((one) => one.service === name);
  return (
    <>
      <header class="lead">
        <p class="crumbs">
          <a href={link("services")}>{t("services.title")}</a>
        </p>
        <h1>{name}</h1>
        <p class="standing">
          <StateMark state={service.state} />
          <span>
            {t("services.since")} <Ago at={service.since} />
          </span>
          {service.group && (
            <a href={link("groups", service.group)}>
              {t("overview.group", { group: service.group })}
            </a>
          )}
        </p>
        <p class="sentence">
          <Told text={service.problem ?? service.sentence} by={service} />
        </p>
        <p class="links">
          {service.deployment && (
            <a href={link("deployments", name, service.deployment)}>{t("services.latest")}</a>
          )}
          <a href={link("history", name)}>{t("history.title")}</a>
          <a href={link("mesh", service.mesh)}>{t("nav.mesh")}</a>
        </p>
      </header>
      <Sides service={service} label={t("services.sides")} />
      <Reasons service={service} />
      <Facts service={service} />
      <section class="card" aria-labelledby="tasks">
        <h2 id="tasks">{t("tasks.title")}</h2>
        <TasksOf tasks={tasks} name={name} />
      </section>
    </>
  );
}

/** Why tasks are missing, where something is known of it. */
function Reasons({ service }: { service: Service }) {
  const ill = shownSides(service).filter((side) => side.reason);
  if (ill.length === 0) return null;
  return (
    <section class="card" aria-labelledby="reasons">
      <h2 id="reasons">{t("services.reasons")}</h2>
      <ul class="plain">
        {ill.map((side) => (
          <li key={side.side}>
            <SideMark side={side.side} />{" "}
            <span class="warn">
              <Told text={side.reason ?? ""} by={service} />
            </span>
            {side.gaveUp && <span> {t("services.gaveUp")}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Facts({ service }: { service: Service }) {
  const { lock, kept } = service;
  return (
    <section class="card" aria-label={t("services.facts")}>
      <dl class="facts">
        <dt>{t("services.host")}</dt>
        <dd>
          <code>
            {service.hostname}:{service.port}
          </code>{" "}
          {service.protocol}
        </dd>
        <dt>{t("services.origin")}</dt>
        <dd>{service.origin === "adopted" ? t("services.adopted") : "teal.toml"}</dd>
        {lock && (
          <>
            <dt>{t("services.lock")}</dt>
            <dd>
              {t("services.locked", { who: lock.by })} {lock.reason}{" "}
              {lock.until && t("services.until", { time: moment(lock.until) })}
            </dd>
          </>
        )}
        {kept && (
          <>
            <dt>{t("services.kept")}</dt>
            <dd>
              <SideMark side={kept.side} /> <Image name={kept.image} />{" "}
              {t("services.until", { time: moment(kept.until) })}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
