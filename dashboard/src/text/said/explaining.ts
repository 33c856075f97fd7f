/** The Japanese of what is said of where a deployment is, and in its journal. */

export const EXPLAINING: Record<string, string> = {
  "{h} h": "{h} 時間",
  "{h} h {min} min": "{h} 時間 {min} 分",
  "{min} min": "{min} 分",
  "{min} min {s} s": "{min} 分 {s} 秒",
  "{s} s": "{s} 秒",
  "{n} ms": "{n} ミリ秒",
  "{service}: the deployment {doing}, because {why}{ended}; next: {following}; {latest}.":
    "{service} のデプロイ：{doing}。理由：{why}{ended}。次：{following}。期限：{latest}。",
  "; now {serves}": "。現在：{serves}",
  "the rest of the step": "この段階の残り",
  "all steps": "すべての段階",
  "all steps and the bake time": "すべての段階とベイク時間",
  "without a time limit, as it waits for you": "なし（操作待ちのため）",
  "it rolls back": "切り戻し",
  "is paused by {paused_by} while it {words}": "{paused_by} が一時停止（{words}）",
  "{usual}; it waits for {waiting}": "{usual}。待機中：{waiting}",
  "`teal resume {service}` goes on, `teal abort {service}` goes back":
    "`teal resume {service}` で続行、`teal abort {service}` で切り戻し",
  "{coming} (promoted by {promoted_by}: it skips {skips}, unless a gate fails)":
    "{coming}（{promoted_by} の指示により、不合格のゲートがなければ{skips}を省略）",
  "it is over": "終了済み",
  "its time limits stand still": "停止中（制限時間は進みません）",
  "within {left} at the latest, or {otherwise}{named}":
    "遅くとも {left}以内、超過時は{otherwise}{named}",
  "within the {limit} at the latest, or {otherwise}": "遅くとも {limit} 以内、超過時は{otherwise}",
  "it succeeds with {old_side} left running": "{old_side} を残したまま成功",
  "it ends with {new_side} left running": "{new_side} を残したまま終了",
  "it is held for your decision": "判断待ちの保留",
  "it ends with both sides left running": "両系統を残したまま終了",
  "{requests} to {new_side}{share} where {expected_share} was set, {failed}; {old_requests} to {old_side}, {failed2}{took}":
    "{new_side} へ {requests}{share}（設定 {expected_share}、{failed}）。{old_side} へ {old_requests} 件（{failed2}）{took}",
  "was begun anew from what is live": "現在の状態からやり直し",
  "was begun anew as {step}": "{step}としてやり直し",
  "{promoted_by} promoted it without the verdict of {without}":
    "{promoted_by} が {without} の判定を待たずに進めた",
  " in {time}": "、所要 {time}",
  "no request was seen{took}": "リクエストなし{took}",
  "{count} failed": "失敗 {count} 件",
  "none failed": "失敗なし",
  "every gate passed": "すべてのゲートに合格",
  "went on to {step}: {passed}": "{step}へ進行：{passed}",
  "went on to stop {old_side}: {passed}": "{old_side} の停止へ進行：{passed}",
  "goes on: {why}": "続行中：{why}",
  "goes on, waiting for {waiting_for}": "続行中。待機：{waiting_for}",
  "is held: {note}": "保留中：{note}",
  ended: "終了",
  "went back": "切り戻し",
  "{ended}, as {failed} failed": "{failed} が不合格のため{ended}",
  "it is measured": "測定中",
  "{percent} % of the requests": "リクエストの {percent} %",
  "step {step}": "段階 {step}",
  "step {step} of {steps} ({percent} % to {new_side})":
    "段階 {step}/{steps}（{new_side} に {percent} %）",
  somebody: "だれか",
  "{who} asked for {image} in place of {before}": "{who} が {before} から {image} への更新を指示",
  "{who} asked for {image} in place of nothing": "{who} が {image} の配備を指示",
  "{who} asked to go back to {new_image}": "{who} が {new_image} への切り戻しを指示",
  "{side} gets {percent} % of the requests": "{side} がリクエストの {percent} % を受ける",
  "its gates ask for approval, and the callers' Envoys find {new_side} healthy":
    "ゲートが承認を求めており、呼び出し元の Envoy は {new_side} を正常と判定",
  "`teal approve {service}` checks {new_side} again and goes on":
    "`teal approve {service}` で {new_side} を再確認して続行",
  "`teal approve {service}` gives {new_side} {weight} % of the requests":
    "`teal approve {service}` で {new_side} がリクエストの {weight} % を受ける",
  "{ways}, `teal abort {service}` ends it": "{ways}、`teal abort {service}` で終了",
  "{step_time} of measurement at least": "少なくとも {step_time} の測定",
  "{old_side} must be silent for {bake_time}, then it is stopped":
    "{old_side} へのリクエストが {bake_time} 途絶えたら停止",
  "the callers' Envoys find {new_side} healthy": "呼び出し元の Envoy が {new_side} を正常と判定",
  "gives {side} all the weight": "{side} に全重みを与える",
  "it ends, and nothing is stopped": "終了（何も停止しない）",
  "every gate passed and {old_side} fell silent":
    "すべてのゲートに合格し、{old_side} へのリクエストが途絶えた",
  "{old_side} is stopped {kept_for} after success; until then `teal rollback {service}` goes back to {before} by one change of weights":
    "成功の {kept_for} 後に {old_side} を停止。それまでは `teal rollback {service}` が重みの変更だけで {before} へ切り戻す",
  "it waits for `teal approve {service}`": "`teal approve {service}` を待つ",
  "{step} needs it; {step2} is judged on": "{step}に承認が必要。{step2}の判定は継続中",
  "copies of {copied} go to {new_side}": "{copied}の複製を {new_side} へ送る",
  "{of_cohort} go to {new_side}": "{of_cohort}を {new_side} へ送る",
  "requests with {match}": "{match} のリクエスト",
  "the cohort's requests": "対象利用者のリクエスト",
  "{old_side} is stopped, as nothing is measured on the way back":
    "{old_side} を停止（切り戻しでは測定しない）",
  "{new_side} is healthy, and a way back waits for nothing else":
    "{new_side} が正常（切り戻しはそれ以外を待たない）",
  "every gate of {step} passed": "{step}のすべてのゲートに合格",
  "{new_side} is stopped": "{new_side} を停止",
  "it was {reason}": "{reason}",
  "it was asked to": "指示による",
  "{new_side} was healthy and every Envoy acknowledged its weight":
    "{new_side} が正常で、すべての Envoy が重みを受け入れた",
  "the version before": "以前の版",
  "nothing; `teal rollback {service}` goes back to {before}":
    "なし（`teal rollback {service}` で {before} へ切り戻し可能）",
  " (it was {held_in})": "（直前：{held_in}）",
  "prepares {new_side} for {new_image}": "{new_side} を {new_image} 用に準備中",
  "starts {tasks} of {new_side} with {new_image}": "{new_side} の{tasks}を {new_image} で起動中",
  "adds {new_side} to the route, with weight 0": "{new_side} を重み 0 でルートに追加中",
  "waits until every Envoy knows {new_side}, with weight 0":
    "すべての Envoy が重み 0 の {new_side} を認識するのを待機中",
  "lets the callers' Envoys check the health of {new_side}, which has no weight yet":
    "まだ重みのない {new_side} を、呼び出し元の Envoy がヘルスチェック中",
  "sends {new_side} copies of {copied}, whose answers nobody sees":
    "{copied}の複製を {new_side} へ送信中（応答は利用されない）",
  "sends {of_cohort} to {new_side}": "{of_cohort}を {new_side} へ送信中",
  "waits for your approval": "承認待ち",
  "is held{held_in} and does nothing": "保留中{held_in}",
  "sets the weights of {step}": "{step}の重みを設定中",
  "waits until every Envoy uses the weights of {step}":
    "すべての Envoy が{step}の重みを使うのを待機中",
  "measures {step}": "{step}を測定中",
  "waits until {old_side} gets no requests any more; {new_side} gets all":
    "{old_side} へのリクエストが途絶えるのを待機中（全リクエストは {new_side} へ）",
  "stops {old_side}": "{old_side} を停止中",
  succeeded: "成功",
  "rolls back: it {weights_back}": "切り戻し中：{weights_back}",
  "rolls back: it waits until every Envoy uses the weights {weights}":
    "切り戻し中：すべての Envoy が重み {weights} を使うのを待機",
  "rolls back: it stops {new_side}": "切り戻し中：{new_side} を停止",
  "was rolled back": "切り戻し済み",
  "could not be rolled back: neither side can serve": "切り戻し不能（どちらの系統も応答できない）",
  "ended with everything left as it was": "現状のまま終了",
  "{new_side} must be healthy before anyone is sent to it ({old_side} has {tasks})":
    "リクエストを送る前に {new_side} が正常でなければならない（{old_side} は{tasks}）",
  "no request may be routed to {new_side} by an Envoy that does not know it":
    "{new_side} を知らない Envoy がリクエストを送ってはならない",
  "every Envoy knows {new_side}": "すべての Envoy が {new_side} を認識",
  "the route has them ({weights})": "ルートに設定済み（{weights}）",
  "every Envoy uses its weights ({weights})": "すべての Envoy がその重みを使用中（{weights}）",
  "{tasks} of {new_side} are started": "{new_side} の{tasks}を起動",
  "{new_side} is added to the route, with weight 0": "{new_side} を重み 0 でルートに追加",
  "every Envoy acknowledges it": "すべての Envoy が受け入れる",
  "every Envoy acknowledges the weights": "すべての Envoy が重みを受け入れる",
  "{old_side} is stopped": "{old_side} を停止",
  "it has succeeded": "成功",
  "it has been rolled back": "切り戻し完了",
  "nothing; `teal deploy {service}` deploys another version":
    "なし（`teal deploy {service}` で別の版をデプロイ可能）",
  "nothing by itself; `teal deploy {service}` of a version that works gives it the weight":
    "自動ではなし（動作する版を `teal deploy {service}` でデプロイすると重みが移る）",
  "nothing; `teal status` shows the weights, `teal weights {service}` sets them":
    "なし（重みは `teal status` で確認、`teal weights {service}` で設定）",
  "{tasks} of {new_side} are healthy": "{new_side} の{tasks}が正常",
  "the task of {new_side} is healthy": "{new_side} のタスクが正常",
  "somebody else changed what it works on": "対象がほかから変更された",
  "{old_side} gets no requests any more": "{old_side} へのリクエストが途絶えた",
  "every Envoy sends all requests to {new_side}":
    "すべての Envoy が全リクエストを {new_side} へ送信",
  "the callers' Envoys check {new_side}": "呼び出し元の Envoy が {new_side} を確認",
  "{new_side} gets its weight": "{new_side} に重みを与える",
  "resumed in {state}": "再起動後に再開（{state}）",
  "paused by {paused_by} in {state}": "{paused_by} が一時停止（{state}）",
  "promoted by {promoted_by}: skips {what}, unless a gate fails":
    "{promoted_by} の指示により、不合格のゲートがなければ{what}を省略",
  "{new} replaces {old}": "{new} で {old} を置き換え",
  "{new} goes back from {old}": "{old} から {new} へ切り戻し",
  "starting {tasks} of {new_side}": "{new_side} の{tasks}を起動",
  "weights {weights}": "重み {weights}",
  "weights {weights}: {reason}": "重み {weights}：{reason}",
  "weights {weights} stored; waiting for every Envoy to acknowledge them":
    "重み {weights} を保存。すべての Envoy の受け入れ待ち",
  "callers check the health of {new_side}, which has no weight yet":
    "まだ重みのない {new_side} を呼び出し元がヘルスチェック",
  "copies of {share} go to {new_side}, whose answers nobody sees":
    "{share}の複製を {new_side} へ送信（応答は利用されない）",
  "requests with {match} go to {new_side}, all others by the weights":
    "{match} のリクエストは {new_side} へ、ほかは重みに従う",
  "waiting for `teal approve {service}`": "`teal approve {service}` 待ち",
  "waiting for {decision}": "待機：{decision}",
  "every Envoy runs with weights {weights} after {milliseconds} ms":
    "{milliseconds} ミリ秒ですべての Envoy が重み {weights} を使用",
  "{new_side} has all the weight; {old_side} must receive no more requests":
    "{new_side} が全重み。{old_side} へのリクエストが途絶えるのを確認",
  "{old_side} receives no more requests: stopping it":
    "{old_side} へのリクエストが途絶えたため停止",
  "stopping {new_side}": "{new_side} を停止",
  "stays at its weight: group {group} waits for {why}":
    "重みを維持。グループ {group} の待機：{why}",
  "{note}: goes on in {state}": "{note}、続行（{state}）",
};
