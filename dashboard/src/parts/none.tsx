/** Where there are no services yet: what to type next. */

import { t } from "../text";
import { Empty } from "./marks";

export function NoServices() {
  return (
    <Empty title={t("overview.empty")}>
      <p>{t("overview.empty.what")}</p>
      <pre>
        <code>{"teal init\nteal apply"}</code>
      </pre>
      <p>{t("overview.empty.adopt")}</p>
      <pre>
        <code>teal adopt NAME</code>
      </pre>
    </Empty>
  );
}
