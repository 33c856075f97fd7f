/** Every transition of a deployment, the newest first. */

import type { Deployment, JournalEntry } from "../../data/wire";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { Told } from "../../parts/told";
import { clock, moment, t, word } from "../../text";
import type { Makings } from "../../text/said";
import { isOver } from "./track";

export function Journal({ deployment }: { deployment: Deployment }) {
  const { service, deploymentId, state: at, updatedAt } = deployment;
  const tick = useTick(5, !isOver(deployment));
  const { answer, error } = useAsked<{ entries: JournalEntry[]; said?: Makings }>(
    "ListJournal",
    { service, deploymentId },
    at,
    updatedAt,
    tick,
  );
  const entries = [...(answer?.entries ?? [])].reverse();
  return (
    <section class="card" aria-labelledby="journal">
      <h2 id="journal">{t("journal.title")}</h2>
      <Trouble error={error} />
      <ol class="journal">
        {entries.map((one) => (
          <li key={one.sequence}>
            <time dateTime={new Date(one.at * 1000).toISOString()} title={moment(one.at)}>
              {clock(one.at)}
            </time>
            <span>
              <b>{word("transition", one.transition)}</b>{" "}
              <Told text={one.message ?? ""} by={answer} />
              {one.by && !one.message?.includes(`by ${one.by}`) && (
                <span class="muted"> {t("journal.by", { who: one.by })}</span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
