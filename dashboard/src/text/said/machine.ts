/** The Japanese of what a deployment, a group or a service waits for, of how it ended, and of orders
 * that were refused. */

export const MACHINE: Record<string, string> = {
  "{least} of {new_side} for {share} of the requests ({healthy} of {desired_count} can carry {carries})":
    "リクエストの {share} を受けるには {new_side} に{least}が必要（{desired_count} 件中 {healthy} 件では {carries} まで）",
  "{new_side} has {healthy} of {desired_count} healthy tasks":
    "{new_side} の正常なタスクは {desired_count} 件中 {healthy} 件",
  "{healthy}, which can carry {able} of the requests: its weight goes down to that":
    "{healthy}で、リクエストの {able} まで：重みをそこまで下げる",
  "{healthy}: it has lost tasks {reductions} times while it had weight":
    "{healthy}：重みのある間にタスクを {reductions} 回失った",
  "{new_side} can carry its weight again": "{new_side} が再び重みに耐えられる",
  "approved by {by}": "{by} が承認",
  "{by} took over": "{by} が現状から再開",
  "{by} went back while the old side stopped": "元の系統の停止中に {by} が切り戻した",
  "aborted by {by}": "{by} が中止",
  "given up by {by}": "{by} が現状のまま終了",
  "route {names}, which are not shifted, give {side} weight":
    "対象外のルート {names} が {side} に重みを与えている",
  "route {name}, which is not shifted, gives {side} weight":
    "対象外のルート {name} が {side} に重みを与えている",
  "{old_side} still runs, since {leads}": "{old_side} は稼働を継続：{leads}",
  "{new_side} still runs, since {leads}": "{new_side} は稼働を継続：{leads}",
  "its callers in group {group}, whose weights go back first":
    "グループ {group} の呼び出し元（先に重みを戻す）",
  "group {group}: {why}": "グループ {group}：{why}",
  "{which} of {step_time} s": "{which}（{step_time} 秒）",
  "another window": "次の測定区間",
  "the step time": "段階の測定時間",
  "the warm-up of {warm_up} s": "{warm_up} 秒のウォームアップ",
  "there is no verdict: {unmet}": "判定が出ない：{unmet}",
  "starting the new side's tasks": "新しい系統のタスク起動",
  "the callers' Envoys checked the new side": "呼び出し元の Envoy による新しい系統の確認",
  "judging the copies of requests": "複製したリクエストの判定",
  "measuring the cohort": "対象利用者の測定",
  "waiting for a person": "操作待ち",
  "holding it for a person": "判断待ちの保留",
  "measuring the step": "段階の測定",
  "the old side had to fall silent": "元の系統へのリクエストの途絶待ち",
  "giving the weight back": "重みの切り戻し",
  "stopping a side": "系統の停止",
  "{setting} of {longest} s{plus}": "{setting}（{longest} 秒{plus}）",
  " on top of {on_top_of}": "、{on_top_of} に加算",
  "{weights} exceeded while {phase}": "{weights} を超過（{phase}）",
  " by {by}": "（変更者：{by}）",
  "{dead} has weight and no healthy task{last_words}":
    "{dead} に重みがあるが、正常なタスクがない{last_words}",
  "{new_side} has no healthy task to give weight to{words}":
    "{new_side} に重みを受ける正常なタスクがない{words}",
  "the route was deleted": "ルートが削除された",
  "the route was given other targets, {weights},": "ルートの宛先が {weights} に変更された",
  "route {gone} was deleted": "ルート {gone} が削除された",
  "the virtual node of {new_side} was deleted": "{new_side} の仮想ノードが削除された",
  "the tasks of {new_side} were changed from {scaled} to {desired}":
    "{new_side} のタスク数が {scaled} から {desired} に変更された",
  "{why}: {new_side} gets all the weight at once": "{why}：{new_side} に一度で全重みを与える",
  " of route {name}": "（ルート {name}）",
  "the weights{of} were changed to {weights}": "重み{of}が {weights} に変更された",
  " (they were {weights})": "（変更前：{weights}）",
  "a healthy task of {missing}": "{missing} の正常なタスク",
  "has given {new_side} no weight yet: there is no step to skip, and `teal promote {service} --full` gives it all as soon as it is healthy":
    "は {new_side} にまだ重みがなく、省略する段階がありません。`teal promote {service} --full` なら、正常になり次第すべてを与えます",
  "{by} ended the pause": "{by} が一時停止を解除",
  "replaced by {by} with {image}": "{by} が {image} に差し替え",
  "is held: decide about that first": "は保留中です。先に判断してください",
  "waits for approval: `teal approve {service}` lets it go on":
    "は承認待ちです。`teal approve {service}` で続行します",
  "has all the weight where it will stay: there is nothing to skip":
    "の重みは移行済みで、省略するものがありません",
  "goes back without gates: there is nothing to skip":
    "はゲートなしの切り戻しで、省略するものがありません",
  "is held, and does nothing until you decide": "は保留中で、判断があるまで何もしません",
  "has all the weight where it will stay: there is nothing to pause":
    "の重みは移行済みで、一時停止するものがありません",
  "is paused by {paused_by} already": "はすでに {paused_by} が一時停止しています",
  "{by} while the old side stopped": "元の系統の停止中に{by}",
  "a retry: {message}": "再試行：{message}",
  "the route could not be changed: {message}": "ルートを変更できない：{message}",
  "promoted by {promoted_by}": "{promoted_by} が次へ進めた",
  "{exceeded}, still waiting for {waited}": "{exceeded}、未達：{waited}",
  "your decision, since {note}: {ways_out}": "判断待ち（{note}）：{ways_out}",
  "{old_side} has no healthy task, so {new_side} gets all the weight":
    "{old_side} に正常なタスクがないため、{new_side} に全重みを与える",
  "approval (`teal approve {service}`)": "承認（`teal approve {service}`）",
  "; {old_side} has no healthy task": "。{old_side} に正常なタスクがない",
  "{new_side} still runs": "{new_side} は稼働を継続",
  "both sides still run": "両系統とも稼働を継続",
  "goes on without a verdict": "で判定なしに続行",
  "`teal resume {service}` {onwards}": "`teal resume {service}` {onwards}",
  "`teal resume {service} --take-over` goes on from what is live":
    "`teal resume {service} --take-over` で現状から再開",
  "`teal abort {service} --give-up` leaves all as it is":
    "`teal abort {service} --give-up` で現状のまま終了",
  "`teal abort {service}` gives {old_side} all the weight":
    "`teal abort {service}` で {old_side} に全重みを戻す",
  "`teal resume {service}`": "`teal resume {service}`",
  "the other services to pass": "ほかのサービスの合格",
  "{why} (group {group})": "{why}（グループ {group}）",
  "{words} of the step of {steps} %": "{steps} % の段階の{words}",
  ": approving gives {new_side} all the weight at once":
    "：承認すると {new_side} に一度で全重みを与える",
  ", when it waited for {waiting_for}": "（待機中だったもの：{waiting_for}）",
  "`teal resume {service}`, as {paused_by} paused it":
    "`teal resume {service}`（{paused_by} が一時停止）",
  "the old side still runs: {failed}": "元の系統は稼働を継続：{failed}",
  "going back to {new_image} failed: {reason}": "{new_image} への切り戻しに失敗：{reason}",
  "a restart of the control plane{before}": "コントロールプレーンの再起動{before}",
  "convergence: {detail}": "convergence：{detail}",
  "the stopped side to drain": "停止した系統のドレイン",
  "a healthy task of {new_side}": "{new_side} の正常なタスク",
  "{image} on {side}": "{side} の {image}",
  "{version} serves {requests}": "{version} が{requests}を処理",
  "nothing serves: no route leads to a side": "稼働なし：どの系統にもルートがない",
  "all requests": "全リクエスト",
  "{share} of the requests": "リクエストの {share} ",
  "{version} gets {requests} and has no healthy task: nothing serves them":
    "{version} が{requests}を受けるが、正常なタスクがなく応答できない",
  "{old_image} on {old_side} is kept without requests for {kept_for}":
    "{old_side} の {old_image} はリクエストなしで {kept_for} 保持",
  "{service} runs {image}": "{service} は {image}",
  "{by} ended the pause: goes on in {state}": "{by} が一時停止を解除、続行（{state}）",
  "paused by {by} in {state}": "{by} が一時停止（{state}）",
  "{names} to pass with all the weight": "{names} の全重みでの合格",
  "{names} passed with all the weight": "{names} が全重みで合格",
  "{service} ended {state}": "{service} は {state} で終了",
  "`teal resume --group {group}`, as {paused_by} paused it":
    "`teal resume --group {group}`（{paused_by} が一時停止）",
  "all new sides are ready: weights shift in the order {order}":
    "新しい系統の準備完了。重みを移す順：{order}",
  "your decision about {found}, held": "保留中の {found} についての判断",
  "all services have passed": "全サービスが合格",
  "all are ready": "全サービスの準備完了",
  "it goes back alone": "単独で切り戻し",
  "group {group} goes back: {reason}": "グループ {group} の切り戻し：{reason}",
  "every service is as it was before: {reason}": "全サービスが元どおり：{reason}",
  "no new version calls it any more": "新しい版からの呼び出しがなくなった",
  "group {group}: the {what} {doing}": "グループ {group} の{what}：{doing}",
  "was stopped": "終了",
  deployment: "デプロイ",
  "way back": "切り戻し",
  "; next: {next_one}": "。次：{next_one}",
  "starts and verifies the new sides{of}; none has weight yet":
    "新しい系統{of}を起動して検証中（重みはまだない）",
  "shifts the weight of {which} (order: {order})": "{which} の重みを移行中（順：{order}）",
  "has passed with all services and stops their old sides": "全サービスが合格し、元の系統を停止中",
  "takes every service back{of}, since {reason}": "全サービスを切り戻し中{of}。理由：{reason}",
  "succeeded: {runs}": "成功：{runs}",
  "was rolled back, every service is as it was before": "切り戻し済み（全サービスが元どおり）",
  "left a service that cannot serve": "応答できないサービスが残った",
  "{service} takes weight when all are ready": "全サービスの準備後、{service} から重みを移す",
  "all finish together when {last} has passed too; if one fails, all go back":
    "{last} も合格したら一緒に完了。1 つでも失敗すれば全サービスを切り戻す",
  " of {missing}": "（{missing}）",
  ", now {back}": "（現在：{back}）",
  "the next": "次のサービス",
  "{name} serves {serving}": "{name} は {serving} が稼働中",
  "{image} from {side}": "{side} の {image}",
  "{side} has {healthy} of {desired} tasks healthy":
    "{side} の正常なタスクは {desired} 件中 {healthy} 件",
  "{serves}; the last deployment of {new_image} ended: {ended}":
    "{serves}。前回の {new_image} のデプロイの結果：{ended}",
  "{name} is degraded: {tasks}.": "{name} は一部低下：{tasks}。",
  "{name} is down: {tasks}.": "{name} は全タスク異常：{tasks}。",
  "{name} cannot be deployed: {problem}": "{name} はデプロイできません：{problem}",
  "{name} has no side with weight.": "{name} に重みのある系統がありません。",
  "an unknown image": "不明なイメージ",
  "the latest deployment of {name} was successful: nothing to retry":
    "{name} の最新のデプロイは成功済みで、再実行するものがありません",
  "{name} has not been deployed yet: nothing to retry":
    "{name} はまだデプロイされておらず、再実行するものがありません",
  " than {image}, which serves now": "（稼働中：{image}）",
  "{name} has no earlier image to go back to{serves}: `teal deploy {name} --image IMAGE`":
    "{name} には切り戻し先の以前のイメージがありません{serves}。`teal deploy {name} --image IMAGE` を使ってください",
  "{min} to {max}": "{min} 〜 {max}",
  "{name} has no revision {number} (known: {there})":
    "{name} にリビジョン {number} はありません（存在：{there}）",
  "revision {number} of {name}, {new_image}, was not released ({status}){why}; `teal history {name}` shows those that were":
    "{name} のリビジョン {number}（{new_image}）は公開されていません（{status}）{why}。公開済みのものは `teal history {name}` で確認できます",
  "{name} has weights {weights}: a way back starts from exactly one side with weight (`teal weights {name}`)":
    "{name} の重みは {weights} です。切り戻しは、重みのある系統が 1 つだけのときに始められます（`teal weights {name}`）",
  "group {group} is not paused": "グループ {group} は一時停止していません",
  "; {held} held: {ways}": "。保留中：{held}（{ways}）",
  "no deployment of group {name} needs approval":
    "グループ {name} に承認待ちのデプロイはありません",
  "no deployment of group {name} has a step to skip":
    "グループ {name} に省略できる段階はありません",
  "no deployment of group {name} is running: `teal rollback --group {name}` goes back to the versions before":
    "グループ {name} のデプロイは実行中ではありません。`teal rollback --group {name}` で以前の版へ切り戻せます",
  "group {name} is paused by {paused_by} already":
    "グループ {name} はすでに {paused_by} が一時停止しています",
  "group {name} is {state}: there is nothing to pause":
    "グループ {name} は {state} で、一時停止するものがありません",
  "group {name} is stopping its old sides: `teal rollback --group {name}` starts them again and goes back to them":
    "グループ {name} は元の系統を停止中です。`teal rollback --group {name}` で再起動して切り戻せます",
  "no deployment of {service} is running": "{service} のデプロイは実行中ではありません",
  "the deployment of {service} needs no approval": "{service} のデプロイに承認は不要です",
  "the deployment of {service} {reason}": "{service} のデプロイ{reason}",
  " but waits for {waiting_for}": "（待機中：{waiting_for}）",
  "the deployment of {name} is neither paused nor held{needed}":
    "{name} のデプロイは一時停止も保留もされていません{needed}",
  "{changed}{rest}: `teal resume {name} --take-over` goes on from what is live, `teal abort {name}` ends the deployment":
    "{changed}{rest}。`teal resume {name} --take-over` で現状から再開、`teal abort {name}` で終了します",
  "no deployment of {service} is running: `teal rollback {service}` goes back to the version before":
    "{service} のデプロイは実行中ではありません。`teal rollback {service}` で以前の版へ切り戻せます",
  "{service}: side {old} has no healthy task to go back to, and {new} can serve: `teal abort {service} --give-up` ends the deployment and leaves all as it is":
    "{service}：切り戻し先の {old} に正常なタスクがなく、{new} は応答できます。`teal abort {service} --give-up` で現状のまま終了します",
  "the deployment of {service} is stopping {old}: `teal rollback {service}` starts it again and goes back to it":
    "{service} のデプロイは {old} を停止中です。`teal rollback {service}` で再起動して切り戻せます",
  " until {time}": "、{time} まで",
  "{service} is locked against deployments by {by} since {since}{until}{why} (`teal unlock {service}`; `teal rollback {service}` goes back in spite of it)":
    "{service} は {since} から {by} がデプロイをロックしています{until}{why}（解除：`teal unlock {service}`。`teal rollback {service}` はロック中でも可能）",
  "{service} is not locked": "{service} はロックされていません",
};
