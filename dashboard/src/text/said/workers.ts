/** The Japanese of what workers of the control plane say as they fail, and of what a deployment
 * waits for, and why Envoys are refused. */

export const WORKERS: Record<string, string> = {
  "the database is away ({words}): Envoys keep what they have, and nothing can be changed":
    "データベースに接続できない（「{words}」）：Envoy は今の設定を保ち、変更はできない",
  "the database takes no writes ({words}): nothing can be changed":
    "データベースが書き込みを受け付けない（「{words}」）：変更はできない",
  "the database {name} is away ({words}): {what}; try again":
    "データベース {name} に接続できない（「{words}」）：{what}。もう一度試してください",
  "the database {name} takes no writes ({words}): {what}; try again":
    "データベース {name} が書き込みを受け付けない（「{words}」）：{what}。もう一度試してください",
  "nothing was changed": "変更はされていない",
  "nobody knows whether it has taken the last change": "最後の変更が届いたかは不明",
  "the history cannot be read: {words}": "履歴を読めない：「{words}」",
  "{operation} could not be committed: {words}": "{operation} をコミットできない：「{words}」",
  "{name} refuses: {words}": "{name} が拒否した：「{words}」",
  "the database {name} has been changed to format {present} by another version of Tealmesh, and this one writes format {format}: restart with the other one":
    "データベース {name} は Tealmesh の別のバージョンによって形式 {present} に変更された。このバージョンが書くのは形式 {format}：そのバージョンで起動し直してください",
  "{path} was removed or replaced while it was in use: nothing that is done now will be remembered. End the tasks by `teal down`, then start over":
    "{path} が使用中に削除または置き換えられた：これから行うことは記録されない。`teal down` でタスクを終了し、最初からやり直してください",
  "deployment {number} of {service} is at transition {present}, not {before}: another control plane works on it":
    "{service} のデプロイ {number} は {before} ではなく遷移 {present} にある：別のコントロールプレーンが処理している",
  "another control plane works on deployment {number} of group {group}":
    "グループ {group} のデプロイ {number} は別のコントロールプレーンが処理している",
  "it has ended, which it must not": "終了してはならない処理が終了した",
  "Cloud Map knows no service {service}: {words}":
    "Cloud Map にサービス {service} がない：「{words}」",
  "Cloud Map throttles this account: {words}":
    "Cloud Map がこのアカウントの呼び出しを制限している：「{words}」",
  "{action} of {service} is refused ({fault}): {words}: its virtual nodes keep the instances that are known":
    "{service} の {action} が拒否された（{fault}）：「{words}」。その仮想ノードは既知のインスタンスを使い続ける",
  "{action} of {service} cannot be signed: {words}":
    "{service} の {action} に署名できない：「{words}」",
  "Cloud Map answers {fault}: {words}": "Cloud Map の応答は {fault}：「{words}」",
  "Cloud Map cannot be asked: {words}": "Cloud Map に問い合わせできない：「{words}」",
  "{place} cannot be asked: {words}": "{place} に問い合わせできない：「{words}」",
  "{place} answers with more than {bytes} bytes": "{place} の応答が {bytes} バイトを超えている",
  "{file} must have one line, the secret": "{file} はシークレットの 1 行だけでなければならない",
  "{file} cannot be read: {error}": "{file} を読めない：{error}",
  "it is not text": "テキストではない",
  "{program} cannot be started: {error}": "{program} を起動できない：{error}",
  "{file} of notices.{name} has no http or https URL":
    "notices.{name} の {file} に http または https の URL がない",
  "{host} of notices.{name} does not answer within {seconds} s":
    "notices.{name} の {host} が {seconds} 秒以内に応答しない",
  "{host} of notices.{name} answered {code} (this redirect is not followed): {words}":
    "notices.{name} の {host} の応答が {code}（このリダイレクトはたどらない）：「{words}」",
  "{host} of notices.{name} answered {code} (this redirect is not followed)":
    "notices.{name} の {host} の応答が {code}（このリダイレクトはたどらない）",
  "{host} of notices.{name} answered {code}: {words}":
    "notices.{name} の {host} の応答が {code}：「{words}」",
  "{host} of notices.{name} answered {code}": "notices.{name} の {host} の応答が {code}",
  "notices.{name}: {what}": "notices.{name}：{what}",
  "EventBridge took no notice: {words}": "EventBridge が通知を受け取らなかった：「{words}」",
  "EventBridge refused a notice: {fault}: {words}":
    "EventBridge が通知を拒否した：{fault}：「{words}」",
  "the earlier tasks of {service} to stop": "{service} の以前のタスクの停止",
  "the tasks of {service} with {image} to stop": "{service} の {image} のタスクの停止",
  "the route, which somebody else has just changed": "他から変更されたばかりのルート",
  "the routes, which somebody else has just changed": "他から変更されたばかりのルート",
  "the route to lead elsewhere: {node} has weight {weight} in it":
    "ルートの行き先の変更：{node} に重み {weight} がある",
  "route {route} to lead elsewhere: {node} has weight {weight} in it":
    "ルート {route} の行き先の変更：{node} に重み {weight} がある",
  "namespace {namespace} to be created": "名前空間 {namespace} の作成",
  "a retry of `terraform apply`: {words}": "`terraform apply` の再試行：「{words}」",
  "node id {node}: this Envoy belongs to {who} and may connect only as {resource}":
    "ノード ID {node}：この Envoy は {who} のもので、{resource} としてだけ接続できる",
  "the task {task} is not known, or no longer": "タスク {task} は存在しないか、もう存在しない",
  "the task {task} has stopped": "タスク {task} は停止した",
  "the task {task} is not {resource}": "タスク {task} は {resource} ではない",
  "the task {task} has the role {who}": "タスク {task} のロールは {who}",
  "ECS knows no task {task} in the clusters {words}":
    "クラスター {words} の ECS にタスク {task} がない",
  "no container of the task {task} says for what its Envoy stands (APPMESH_RESOURCE_ARN)":
    "タスク {task} のどのコンテナにも、Envoy が何を表すか（APPMESH_RESOURCE_ARN）の指定がない",
  "IAM does not know the role {role}": "IAM にロール {role} がない",
  "the role {role} was deleted and created again since the credentials were issued":
    "認証情報の発行後に、ロール {role} が削除され作り直された",
  "an Envoy of your own cannot be {name}: the control plane starts that one":
    "利用者の Envoy は {name} になれない：それはコントロールプレーンが起動する",
  "{name} cannot be {resource}": "{name} は {resource} になれない",
  "{resource} does not exist": "{resource} が存在しない",
  "there is nothing to copy side {side} from: ECS service {service} of side {other} has gone; create one of the two again":
    "{side} のコピー元がない：{other} の ECS サービス {service} がない。どちらかを作り直してください",
  "there is no namespace {namespace}: apply first":
    "名前空間 {namespace} がない：先に `teal apply` を実行してください",
  "namespace {namespace}: {words}": "名前空間 {namespace}：「{words}」",
  "there is no Cloud Map service {service}": "Cloud Map のサービス {service} がない",
  "router {router} has no route {routes}": "仮想ルーター {router} にルート {routes} がない",
  "task definition {family} has no container to deploy":
    "タスク定義 {family} にデプロイするコンテナがない",
  "task definition {family} has no container {container}":
    "タスク定義 {family} にコンテナ {container} がない",
  "terraform: {words}": "terraform：「{words}」",
};
