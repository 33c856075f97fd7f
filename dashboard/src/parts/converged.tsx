/** In words, how far a mesh has got. */

import type { Convergence } from "../data/convergence";
import { t } from "../text";

export function Converged({ connected, current, rejecting }: Convergence) {
  if (connected === 0) return <span class="muted">{t("mesh.alone")}</span>;
  if (rejecting > 0) return <span class="bad">✖ {t("mesh.rejects", { n: rejecting })}</span>;
  if (current < connected) {
    return <span class="warn">◌ {t("mesh.lags", { n: connected - current })}</span>;
  }
  return <span>✔ {t("mesh.converged")}</span>;
}
