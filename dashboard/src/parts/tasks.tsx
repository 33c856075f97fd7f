/** Tasks with their state, and the last lines that each wrote. */

import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { byName } from "../data/order";
import { shelves } from "../data/state";
import type { Envoy, LogLine, Task } from "../data/wire";
import { t, word } from "../text";
import type { Makings } from "../text/said";
import { Trouble, useAsked, useTick } from "./asking";
import { Ago, Column, EnvoyMark, Image, SideMark, Table } from "./marks";
import { Told } from "./told";

/** The running ones first, by side; then those that stopped, the newest first. */
export function ordered(tasks: Task[]): Task[] {
  const at = (task: Task) => task.stoppedAt ?? task.createdAt ?? 0;
  const over = (task: Task) => Number(task.status === "STOPPED");
  const standing = (a: Task, b: Task) =>
    byName(a.side ?? "", b.side ?? "") || byName(a.task, b.task);
  return [...tasks].sort((a, b) => over(a) - over(b) || (over(a) ? at(b) - at(a) : standing(a, b)));
}

/** Why a task stopped, by its container that says most: in parts. */
export function ending(task: Task): ComponentChild[] {
  const spoke =
    task.containers.find((one) => one.reason) ?? task.containers.find((one) => one.exitCode);
  const said = task.stoppedReason ?? "";
  const told: ComponentChild[] = said ? [<Told text={said} by={task} />] : [];
  // The reason of a task that stopped by itself names its container with all there is to know.
  if (spoke?.exitCode !== undefined && !said.includes(`${spoke.name} with code ${spoke.exitCode}`))
    told.push(t("tasks.exited", { name: spoke.name, code: spoke.exitCode }));
  if (spoke?.reason && !said.includes(spoke.reason))
    told.push(<Told text={spoke.reason} by={task} />);
  return told;
}

export function Tasks({ tasks, label }: { tasks: Task[]; label: string }) {
  return (
    <Table
      label={label}
      kind="tasks"
      head={
        <>
          <Column>{t("column.task")}</Column>
          <Column>{t("column.side")}</Column>
          <Column>{t("column.status")}</Column>
          <Column>{t("column.image")}</Column>
          <Column>{t("column.address")}</Column>
          <Column>{t("column.envoy")}</Column>
          <Column kind="n">{t("column.since")}</Column>
        </>
      }
    >
      {ordered(tasks).map((task) => (
        <TaskRows key={task.task} task={task} />
      ))}
    </Table>
  );
}

function TaskRows({ task }: { task: Task }) {
  const [open, setOpen] = useState(false);
  const stopped = task.status === "STOPPED";
  return (
    <>
      <tr class="first">
        <th scope="row">
          <button
            type="button"
            class="fold"
            aria-expanded={open}
            aria-label={t("tasks.logs", { task: task.task.slice(0, 8) })}
            onClick={() => setOpen(!open)}
          >
            <span aria-hidden="true">{open ? "▾" : "▸"}</span> <code>{task.task.slice(0, 8)}</code>
          </button>
        </th>
        <td data-label={t("column.side")}>
          {task.side ? <SideMark side={task.side} /> : <span class="muted">–</span>}
        </td>
        <td data-label={t("column.status")}>
          <Health task={task} />
        </td>
        <td data-label={t("column.image")}>
          <Image name={task.image} />
        </td>
        <td data-label={t("column.address")}>
          {task.address ? <code>{task.address}</code> : <span class="muted">–</span>}
        </td>
        <td data-label={t("column.envoy")}>
          <EnvoyOf task={task} />
        </td>
        <td class="n" data-label={t("column.since")}>
          <Ago at={stopped ? task.stoppedAt : (task.startedAt ?? task.createdAt)} />
        </td>
      </tr>
      {stopped && ending(task).length > 0 && (
        <tr class="further">
          <td colSpan={7} class="reason">
            {ending(task).map((one, index) => (
              <span key={index}>
                {index > 0 && " · "}
                {one}
              </span>
            ))}
          </td>
        </tr>
      )}
      {open && (
        <tr class="further">
          <td colSpan={7}>
            <Configured task={task} />
            <Logs task={task} />
          </td>
        </tr>
      )}
    </>
  );
}

const ON_PURPOSE: ReadonlySet<string> = new Set(["", "ServiceSchedulerInitiated", "UserInitiated"]);

function Health({ task }: { task: Task }) {
  if (task.status === "STOPPED") {
    // By itself, or by others: ECS says so by its code.
    const alone = !ON_PURPOSE.has(task.stopCode ?? "");
    return (
      <span class={`state ${alone ? "bad" : "calm"}`}>
        <span aria-hidden="true">{alone ? "✖" : "○"}</span> {word("task", "STOPPED")}
      </span>
    );
  }
  const ill = task.health === "UNHEALTHY" || task.usable === false;
  const well = task.status === "RUNNING" && !ill;
  return (
    <span class={`state ${ill ? "bad" : well ? "good" : "busy"}`}>
      <span aria-hidden="true">{ill ? "✖" : well ? "●" : "◐"}</span> {word("task", task.status)}
      {ill && ` · ${word("health", task.health === "UNHEALTHY" ? "UNHEALTHY" : "UNUSABLE")}`}
    </span>
  );
}

/** Its id ends with the task's. */
function envoyOf(task: Task): Envoy | undefined {
  return Object.values(shelves.envoys.value).find((one) => one.id.includes(task.task));
}

function EnvoyOf({ task }: { task: Task }) {
  const envoy = envoyOf(task);
  if (envoy === undefined) return <span class="muted">–</span>;
  return (
    <>
      <EnvoyMark envoy={envoy} />
      {envoy.version && <span class="muted"> {envoy.version}</span>}
    </>
  );
}

/** What the Envoy of a task runs: the stream does not tell the revision of one that is up to date,
 * as each change of anything is a new one. */
function Configured({ task }: { task: Task }) {
  const envoy = envoyOf(task);
  const { answer } = useAsked<{ envoys: Envoy[]; said?: Makings }>(
    "ListEnvoys",
    envoy ? { mesh: envoy.mesh } : null,
    useTick(5, task.status !== "STOPPED"),
  );
  const told = answer?.envoys.find((one) => one.id === envoy?.id);
  if (told === undefined) return null;
  return (
    <p>
      {t("tasks.envoy", { version: told.version ?? "?" })}{" "}
      {told.revision === undefined
        ? t("tasks.unacknowledged")
        : t("tasks.acknowledged", { revision: told.revision })}
      {told.note && (
        <>
          {" "}
          <Told text={told.note} by={answer} />
        </>
      )}
    </p>
  );
}

function Logs({ task }: { task: Task }) {
  const tick = useTick(5, task.status !== "STOPPED");
  const { answer, error } = useAsked<{ lines: LogLine[] }>(
    "GetLogs",
    { service: task.task, lines: 20 },
    tick,
  );
  const lines = answer?.lines ?? [];
  return (
    <>
      <Trouble error={error} />
      {answer && lines.length === 0 && <p class="muted">{t("tasks.silent")}</p>}
      {lines.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <pre class="logs" tabIndex={0}>
          {lines.map((one, index) => (
            <span key={index}>
              <span class="muted">{one.container} </span>
              {one.line}
              {"\n"}
            </span>
          ))}
        </pre>
      )}
    </>
  );
}
