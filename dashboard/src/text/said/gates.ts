/** The Japanese of what gates found. */

export const GATES: Record<string, string> = {
  "{n} Envoy": "Envoy {n} 台",
  "{n} Envoys": "Envoy {n} 台",
  "{n} answer": "応答 {n} 件",
  "{n} answers": "応答 {n} 件",
  "{n} endpoint": "エンドポイント {n} 件",
  "{n} endpoints": "エンドポイント {n} 件",
  "{n} healthy task": "正常なタスク {n} 件",
  "{n} healthy tasks": "正常なタスク {n} 件",
  "{n} more request": "あと {n} 件",
  "{n} more requests": "あと {n} 件",
  "{n} request": "リクエスト {n} 件",
  "{n} requests": "リクエスト {n} 件",
  "{n} task": "タスク {n} 件",
  "{n} tasks": "タスク {n} 件",
  "{n} timed answer": "計測済みの応答 {n} 件",
  "{n} timed answers": "計測済みの応答 {n} 件",
  "{healthy} of {tasks} healthy, {running} running":
    "{tasks}中 {healthy} 件が正常、{running} 件が実行中",
  ", {failed} stopped by themselves": "、{failed} 件が異常停止",
  "no health report from the callers' Envoys yet": "呼び出し元の Envoy からのヘルス報告はまだない",
  "{n} of {all} healthy to the only caller's Envoy":
    "唯一の呼び出し元の Envoy から見て、{all}中 {n} 件が正常",
  "{n} of {all} healthy to each of {callers} callers' Envoys":
    "呼び出し元 {callers} 台の Envoy それぞれから見て、{all}中 {n} 件が正常",
  "{envoys} of its callers reported to a control plane of which nothing is heard: {named}":
    "呼び出し元の{envoys}が、応答のないコントロールプレーンに報告していた：{named}",
  "all Envoys of its callers are heard of again":
    "呼び出し元のすべての Envoy の報告が再び届いている",
  "every Envoy has acknowledged": "すべての Envoy が受け入れ済み",
  "an Envoy rejects its configuration: {rejected}": "Envoy 1 台が設定を拒否：{rejected}",
  "{n} Envoys reject their configuration: {rejected}": "Envoy {n} 台が設定を拒否：{rejected}",
  "Envoys that have not connected yet must acknowledge": "未接続の Envoy の受け入れ待ち",
  "1 Envoy has not acknowledged: {names}": "Envoy 1 台が未受け入れ：{names}",
  "{n} Envoys have not acknowledged: {names}": "Envoy {n} 台が未受け入れ：{names}",
  "{detail} and {n} more": "{detail}、ほか {n} 台",
  "the new side got {observed} of {requests}{which}, its weight is {expected}{around}":
    "{requests}{which}のうち新しい系統が {observed}（重み {expected}{around}）",
  " that began": "（開始分）",
  " ± {tolerance}": " ± {tolerance}",
  ", of users: each is kept on a side, however many requests he sends":
    "（利用者ごとの割合：各利用者は同じ系統に固定）",
  "{succeeded}, at least {threshold} must{failed}": "{succeeded}（必要：{threshold} 以上）{failed}",
  "{observed} of {requests} succeeded": "{requests}の {observed} が成功",
  "no request has ended": "完了したリクエストなし",
  ": {failures} failed": "。失敗 {failures} 件",
  ": {failures} failed ({by_kind})": "。失敗 {failures} 件（{by_kind}）",
  "; 1 request has had no answer yet": "。1 件が未応答",
  "; {n} requests have had no answer yet": "。{n} 件が未応答",
  "{requests} of {requests2} to the new side; {detail}":
    "新しい系統へ {requests} 件（必要：{requests2}）。{detail}",
  " (at worst {upper} fail, with 95 % confidence)": "（失敗率は 95 % の信頼度で最大 {upper}）",
  "; fewer than 1 in {alpha} good versions would show this by chance":
    "。良い版が偶然こうなる確率は {alpha} 分の 1 未満",
  "; fewer than 1 in {alpha} good versions would ever show this":
    "。良い版がこうなる確率は {alpha} 分の 1 未満",
  "; fewer than 1 in {parts} good versions would show this by chance":
    "。良い版が偶然こうなる確率は {parts} 分の 1 未満",
  "; fewer than 1 in {beta} good versions would: more will tell":
    "。良い版では {beta} 分の 1 未満：さらに測定",
  "fewer than 1 in {alpha} good versions would ever show this":
    "良い版がこうなる確率は {alpha} 分の 1 未満",
  "fewer than 1 in {beta} good versions would show this":
    "良い版がこうなる確率は {beta} 分の 1 未満",
  "{seen}{bursts}; {few}: more will tell": "{seen}{bursts}。{few}：さらに測定",
  "no {what}; none are needed (min_requests = 0)": "{what}なし（min_requests = 0 のため不要）",
  "{total} of {min_requests} {what}": "{what} {total} 件（必要数 {min_requests}）",
  "requests to the new side": "新しい系統へのリクエスト",
  "requests to both sides": "両系統へのリクエスト",
  "no Envoy has reported on the old side yet": "元の系統についての Envoy の報告はまだない",
  "{requests} to the old side, as {reporters} reported":
    "元の系統へ {requests}（{reporters}の報告）",
  "{fast} of {answers} came within {limit} ms{counted_at}, at least {quantile} must":
    "{answers}の {fast} が {limit} ミリ秒以内{counted_at}（必要：{quantile} 以上）",
  " (counted at {bound} ms, Envoy's next bound)": "（Envoy の次の区切り {bound} ミリ秒で集計）",
  "no answer was timed; none is needed (min_requests = 0)":
    "計測済みの応答なし（min_requests = 0 のため不要）",
  "0 of {timed_answers} of the new side": "新しい系統の応答 0 件（必要：{timed_answers}）",
  "{failures} of {requests} requests failed {when}":
    "{when}リクエスト {requests} 件中 {failures} 件が失敗",
  "at this step": "この段階で",
  "in the last seconds": "直近数秒で",
  " in the last seconds": "（直近数秒）",
  "{client_errors} of {requests} {what} were answered with a client error (4xx){when}, {client_errors2} of {requests2} to the old one before":
    "{what} {requests} 件中 {client_errors} 件がクライアントエラー (4xx){when}。以前の元の系統は {requests2} 件中 {client_errors2} 件",
  "{what}, more than {limit}": "{what}（{limit} 超）",
  "no caller's Envoy has counted the parts of {requests}: that takes Envoy 1.39 or later, started by this version of Tealmesh":
    "{requests}の部分別集計を行った Envoy がない（この版の Tealmesh が起動した Envoy 1.39 以降が必要）",
  "no request to {name}": "{name} へのリクエストなし",
  "0 of {requests} to {name} on the new side": "新しい系統の {name} へ 0 件（必要：{requests}）",
  "{rate} of {requests} to {name} succeeded": "{name} への{requests}の {rate} が成功",
  ", at least {threshold} must": "（必要：{threshold} 以上）",
  "no request to {new} was compared yet": "{new} へのリクエストはまだ比較していない",
  "{bad} to {new} {happened}, {bad2} to {old} in the same time":
    "{new} は{bad}が{happened}、同じ時間に {old} は {bad2}",
  "{bad} of {requests}": "{requests} 件中 {bad} 件",
  "{bad} of {requests} requests": "リクエスト {requests} 件中 {bad} 件",
  "{bad} of 1 request": "リクエスト 1 件中 {bad} 件",
  failed: "失敗",
  "were answered with a client error (4xx)": "クライアントエラー (4xx)",
  "took longer than {bound} ms": " {bound} ミリ秒超過",
  "had no answer yet when windows of measurement ended": "測定区間の終わりに未応答",
  "nothing says that this is worse{rare}": "悪化を示すものはない{rare}",
  "; too rare to be waited for": "（まれなため待たない）",
  "fewer than {allowed} do, as is {sure} sure": "{sure} の確からしさで {allowed} 未満",
  "not twice as many, as is {sure} sure": "{sure} の確からしさで 2 倍未満",
  "by these numbers no verdict can be expected, however many requests follow: the new side has too many errors itself":
    "新しい系統自体の失敗が多すぎるため、リクエストが増えても判定できない見込み",
  "some {more_requests} to {new} will tell": "{new} へ{more_requests}ほどで判定",
  "{more}, in about {seconds}": "{more}（およそ {seconds}後）",
  " (they come in bursts, φ = {phi}, which is allowed for)":
    "（集中して発生、φ = {phi} を考慮済み）",
  "{bad} of {requests} to {new} {happened}; {share} of {old}'s did before, at most {limit} may":
    "{new} への{requests}中 {bad} 件が{happened}。以前の {old} は {share}、許容は {limit} まで",
  copies: "複製",
  "the {least} s of {what}: {detail}": "{what}の {least} 秒：{detail}",
  "copied requests": "複製したリクエスト",
  "the cohort": "対象利用者",
  "not judged, since {why}": "判定なし：{why}",
};
