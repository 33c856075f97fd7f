/** Who changed what, newest first, searchable. */

import { useEffect, useState } from "preact/hooks";
import { call, why } from "../data/api";
import { shelves } from "../data/state";
import type { TealEvent } from "../data/wire";
import { Trouble } from "../parts/asking";
import { Ago, Column, Table } from "../parts/marks";
import { Told } from "../parts/told";
import { query, route } from "../router";
import { t } from "../text";
import type { Makings } from "../text/said";

const PAGE = 50;

interface Found {
  events: TealEvent[];
  more: boolean;
  said?: Makings;
}

export function EventsPage() {
  const text = route.value.query.get("text") ?? "";
  const everything = route.value.query.get("all") === "1";
  const [found, set] = useState<Found>({
    events: [],
    more: false,
  });
  const [error, setError] = useState<string>();
  // The newest of the stream say when there is something new to ask for.
  const newest = Math.max(0, ...Object.keys(shelves.events.value).map(Number));

  const ask = async (before?: number) => {
    const input = { limit: PAGE, ...(text && { text }), ...(everything && { all: true }) };
    const { events, said } = await call<Omit<Found, "more">>(
      "ListEvents",
      before === undefined ? input : { ...input, before },
    );
    return { events, said, more: events.length === PAGE };
  };
  useEffect(() => {
    let wanted = true;
    ask().then(
      (answer) => {
        if (!wanted) return;
        set(answer);
        setError(undefined);
      },
      (refused: Error) => wanted && setError(why(refused)),
    );
    return () => {
      wanted = false;
    };
  }, [text, everything, newest]);

  const further = async () => {
    try {
      const answer = await ask(found.events.at(-1)?.revision);
      set({
        events: [...found.events, ...answer.events],
        said: { ...found.said, ...answer.said },
        more: answer.more,
      });
    } catch (refused) {
      setError(why(refused as Error));
    }
  };
  return (
    <>
      <h1>{t("events.title")}</h1>
      <search class="search">
        <label>
          <span>{t("events.search")}</span>
          <input
            type="search"
            value={text}
            onInput={(event) =>
              query({ text: event.currentTarget.value, all: everything ? "1" : "" })
            }
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={everything}
            onChange={(event) => query({ text, all: event.currentTarget.checked ? "1" : "" })}
          />
          <span>{t("events.all")}</span>
        </label>
      </search>
      <Trouble error={error} />
      {found.events.length === 0 ? (
        <p class="muted">{t("events.none")}</p>
      ) : (
        <Table
          label={t("events.title")}
          kind="terse"
          head={
            <>
              <Column kind="n">{t("column.ago")}</Column>
              <Column>{t("column.who")}</Column>
              <Column>{t("column.what")}</Column>
              <Column>{t("column.operation")}</Column>
              <Column kind="n">{t("column.revision")}</Column>
            </>
          }
        >
          {found.events.map((one) => (
            <tr key={`${one.revision} ${one.sentence}`} class="first">
              <td class="n" data-label={t("column.ago")}>
                <Ago at={one.at} />
              </td>
              <td data-label={t("column.who")}>{one.actor}</td>
              <td class="sentence">
                <Told text={one.sentence} by={found} />
              </td>
              <td class="most" data-label={t("column.operation")}>
                <code>{one.operation}</code>
              </td>
              <td class="n" data-label={t("column.revision")}>
                {one.revision}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {found.more && (
        <div class="buttons">
          <button type="button" onClick={further}>
            {t("events.more")}
          </button>
        </div>
      )}
    </>
  );
}
