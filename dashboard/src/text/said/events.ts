/** The Japanese of events. */

export const EVENTS: Record<string, string> = {
  "{actor} {what}": "{actor}：{what}",
  "{actor} applied teal.toml: {parts}": "{actor} が teal.toml を適用：{parts}",
  "{actor} started {service} {images}": "{actor} が {service} のデプロイを開始：{images}",
  "{service}: done: {said}": "{service}：完了：{said}",
  "{service}: rolled back: {said}": "{service}：切り戻し済み：{said}",
  "{service}: hook {name} at {stage} is asked": "{service}：{stage} のフック {name} に問い合わせ",
  "{service}: hook {name} at {stage} runs": "{service}：{stage} のフック {name} を実行",
  "{service}: hook {name} at {stage}: {verdict}, {detail}":
    "{service}：{stage} のフック {name}：{verdict}、{detail}",
  answered: "回答あり",
  "and is asked again": "再度問い合わせる",
  service: "サービス",
  services: "サービス",
  gateway: "ゲートウェイ",
  gateways: "ゲートウェイ",
  "wrote {what}": "{what}を書き込み",
  "created {what}": "{what}を作成",
  "opened {what}": "{what}を開始",
  "registered {what}": "{what}を登録",
  "changed {what}": "{what}を変更",
  "discovered a change of {what}": "{what}の変更を検出",
  "tagged {what}": "{what}のタグを変更",
  "deregistered {what}": "{what}の登録を解除",
  "scaled {what}": "{what}のタスク数を変更",
  "found nothing to act on for {what}": "{what}の判断材料なし",
  "found data again for {what}": "{what}のデータを再び取得",
  "asked to stop {what}": "{what}の停止を指示",
  "asked {what}": "{what}に問い合わせ",
  "asked for {what}": "{what}を取得",
  "a code that opens the page": "ページを開くコード",
  "noted the answer of {what}": "{what}の回答を記録",
  "is deleting {what}": "{what}を削除中",
  "deleted {what}": "{what}を削除",
  "mesh {mesh}": "メッシュ {mesh} ",
  "virtual node {name} in mesh {mesh}": "仮想ノード {name}（メッシュ {mesh}）",
  "virtual service {name} in mesh {mesh}": "仮想サービス {name}（メッシュ {mesh}）",
  "virtual router {name} in mesh {mesh}": "仮想ルーター {name}（メッシュ {mesh}）",
  "route {name} of router {router} in mesh {mesh}":
    "ルーター {router} のルート {name}（メッシュ {mesh}）",
  "route {route} of router {router} in mesh {mesh}":
    "ルーター {router} のルート {route}（メッシュ {mesh}）",
  "virtual gateway {name} in mesh {mesh}": "仮想ゲートウェイ {name}（メッシュ {mesh}）",
  "gateway route {name} of gateway {gateway} in mesh {mesh}":
    "ゲートウェイ {gateway} のルート {name}（メッシュ {mesh}）",
  "certificate {name}": "証明書 {name} ",
  "Cloud Map namespace {identity}": "Cloud Map の名前空間 {identity} ",
  "Cloud Map service {identity}": "Cloud Map のサービス {identity} ",
  "instance {identity} of Cloud Map service {service}":
    "Cloud Map のサービス {service} のインスタンス {identity} ",
  "instance {identity} of {service} in the Cloud Map namespace {namespace}":
    "Cloud Map の名前空間 {namespace} のサービス {service} のインスタンス {identity} ",
  "cluster {name}": "クラスター {name} ",
  "task definition {family}:{revision}": "タスク定義 {family}:{revision} ",
  "ECS service {name} in cluster {cluster}": "ECS サービス {name}（クラスター {cluster}）",
  "task {identity} in cluster {cluster}": "タスク {identity}（クラスター {cluster}）",
  "account setting {name} of {principal}": "{principal} のアカウント設定 {name} ",
  "load balancer {name}": "ロードバランサー {name} ",
  "target group {name}": "ターゲットグループ {name} ",
  "target {target} of target group {group}": "ターゲットグループ {group} のターゲット {target} ",
  "automatic scaling of ECS service {name} in cluster {cluster}":
    "ECS サービス {name}（クラスター {cluster}）の自動スケーリング",
  "scaling policy {name} of ECS service {service} in cluster {cluster}":
    "ECS サービス {service}（クラスター {cluster}）のスケーリングポリシー {name} ",
  "scheduled action {name} of ECS service {service} in cluster {cluster}":
    "ECS サービス {service}（クラスター {cluster}）の予定アクション {name} ",
  "service {name} of teal.toml": "teal.toml のサービス {name} ",
  "gateway {name} of teal.toml": "teal.toml のゲートウェイ {name} ",
  "the freezes of {service}": "{service} の凍結期間",
  "the removal of {name}": "{name} の撤去",
  "image {pattern}": "イメージ {pattern} ",
  "the lock of {service}": "{service} のロック",
  "the side of {service} that is kept for a way back": "切り戻し用に保持する {service} の系統",
  "hook {hook} at step {step} of deployment {deployment}":
    "デプロイ {deployment} の段階 {step} のフック {hook} ",
  "session {identity} of the page": "画面のセッション {identity} ",
  "deployment {identity} of {service}": "{service} のデプロイ {identity} ",
  "task {task} of {service}": "{service} のタスク {task} ",
  "task {task}": "タスク {task} ",
  "{named} can be used by none of its callers: {why}":
    "{named}はどの呼び出し元からも利用できない：{why}",
  "{named} can be used by its callers again": "{named}が再び呼び出し元から利用可能",
  "calls of {who} were refused, the newest: {operation}":
    "{who} の呼び出しを拒否（最新：{operation}）",
  "that calls of {who} were refused is no longer kept":
    "{who} の呼び出しを拒否した記録の保持を終了",
  "{worker} failed: {error}; it is tried again (`teal doctor`)":
    "{worker} が失敗：{error}。再試行します（`teal doctor`）",
  "{worker} no longer fails by: {error}": "{worker} が復旧：{error}",
  "{name} was the router's last: Envoys serve it a little longer":
    "{name}はルーター最後のルートのため、Envoy がしばらく使い続ける",
  "{name}, deleted earlier, is no longer served": "削除済みの{name}の使用を終了",
  "{name} was not replaced in time: its requests are refused now":
    "{name}は期限内に置き換えられず、以後のリクエストを拒否",
};
